//! After a restart: what has been used in windows that still run, from the ledger into the counters in memory.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Result;
use tidegate_policy::access::Key;
use tidegate_policy::limit::{Amounts, Claim, Facts, Rule, Scope, Unit, Window, claims};
use tidegate_store::keys::KeyFilter;
use tidegate_store::ledger::UsedRow;

use super::books::Books;
use crate::provision::Provisioned;

/// How far back a window of a key's or team's own limits can reach: a calendar's month.
const LONGEST: Duration = Duration::from_secs(31 * 86_400);

/// Puts what was used back into the counters. With Redis there is nothing to do: it knows.
pub(crate) async fn restore(books: &Books, provisioned: &Provisioned) -> Result<()> {
    let Some(folder) = &books.folder else { return Ok(()) };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let Some(reach) = reach(books, provisioned).await? else { return Ok(()) };
    let from = i64::try_from(now.saturating_sub(reach).as_secs()).unwrap_or(0);
    let mut rows = Vec::new();
    folder.used_since(from, &mut |row| rows.push(row.clone())).await?;
    let mut keys: HashMap<String, Option<Arc<Key>>> =
        provisioned.keys.iter().map(|(_, key)| (key.id.to_string(), Some(Arc::new(key.clone())))).collect();
    for row in &rows {
        if !keys.contains_key(&row.key) {
            keys.insert(row.key.clone(), key_of(&row.key, books).await);
        }
        add(row, keys.get(&row.key).and_then(Option::as_ref), books, provisioned);
    }
    Ok(())
}

/// A key of the database with its limits; `None` when there is none any more.
async fn key_of(id: &str, books: &Books) -> Option<Arc<Key>> {
    let record = books.keys.get(id).await.ok()?;
    let team = match &record.spec.team {
        Some(team) => Some(Arc::new(books.keys.get_team(team).await.ok()?.spec.to_team(team).ok()?)),
        None => None,
    };
    record.spec.to_key(id, team).ok().map(Arc::new)
}

/// How far back a running window can reach; `None` when nothing is limited.
async fn reach(books: &Books, provisioned: &Provisioned) -> Result<Option<Duration>> {
    let keys = provisioned.keys.iter().map(|(_, key)| key);
    let own = keys.clone().flat_map(|key| &key.limits);
    let teams = keys.filter_map(|key| key.team.as_ref()).flat_map(|team| &team.limits);
    let providers = provisioned.snapshot.providers.iter().flat_map(|provider| &provider.rules);
    let rules = provisioned.snapshot.access.limits.iter().chain(own).chain(teams).chain(providers);
    let written = rules.filter_map(|rule| length(rule)).max();
    let one = KeyFilter { limit: Some(1), ..KeyFilter::default() };
    let has_keys = !books.keys.list(&one).await?.items.is_empty();
    Ok(if has_keys { written.max(Some(LONGEST)) } else { written })
}

fn length(rule: &Rule) -> Option<Duration> {
    match rule.window {
        Window::Sliding(span) => Some(span),
        Window::Calendar(calendar) => Some(calendar.usual_length() + Duration::from_secs(86_400)),
        // As long as an empty bucket takes to fill.
        Window::Bucket { per, burst } => {
            Some(per.mul_f64((burst as f64 / rule.amount.max(1) as f64).clamp(0.0, 1e6)))
        }
        Window::Open => None,
    }
}

fn add(row: &UsedRow, key: Option<&Arc<Key>>, books: &Books, provisioned: &Provisioned) {
    let key = key.map(Arc::as_ref);
    let own = key.map_or(&[][..], |key| &key.limits);
    let team = key.and_then(|key| key.team.as_ref());
    let teams = team.map_or(&[][..], |team| &team.limits);
    let rules = provisioned.snapshot.access.limits.iter().chain(own).chain(teams);
    let provider = provisioned.snapshot.providers.iter().find(|provider| *provider.name == *row.provider);
    let at_provider = provider.map_or(&[][..], |provider| &provider.rules);
    let facts = Facts {
        route: &row.endpoint.as_str().into(),
        team: team.map(|team| &team.id),
        key: key.map(|key| &key.id),
        user: Some(row.user.as_str()).filter(|user| !user.is_empty()),
        ip: row.client.parse().unwrap_or(std::net::Ipv4Addr::UNSPECIFIED.into()),
        model: &row.model,
        provider: Some(&row.provider.as_str().into()),
        most: Amounts::default(),
    };
    let used = Amounts { input: row.input, output: row.output, money: row.cost };
    // What reached no provider was refused: it did not count.
    let requests = if row.provider.is_empty() { 0 } else { row.requests };
    let restore = |claim: &Claim, requests| {
        let amount = if claim.rule.unit == Unit::Requests { requests } else { claim.used(&used) };
        books.limiter.restore(claim, amount, row.at * 1_000_000);
    };
    for claim in claims(rules, &facts) {
        // A provider sees every attempt.
        let is_of_provider = claim.rule.scope == Scope::Provider;
        restore(&claim, if is_of_provider { row.attempts } else { requests });
    }
    for claim in claims(at_provider.iter(), &facts) {
        restore(&claim, row.attempts);
    }
}
