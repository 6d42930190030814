//! `tidegate usage` and `tidegate reconcile`: what the ledger says.

use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::{Value, json};
use tidegate_core::NanoUsd;
use tidegate_store::ledger::{By, Filter, Order, Question, Sums, UsageRow, ask, reconcile as held};

use super::shelf;
use crate::instant::read_rfc3339;
use crate::report;

/// What has been used, and what it cost
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidegate usage                            the last 30 days by model
  tidegate usage --by key,day --since 7d
  tidegate usage --by model --since 2026-11-01 --until 2026-12-01 --json")]
pub(crate) struct UsageCommand {
    /// Config file [default: ./tidegate.yaml if it is there]
    #[arg(long, short, value_name = "FILE", env = "TIDEGATE_CONFIG")]
    config: Option<PathBuf>,
    /// key, team, user, model, provider, target_model, tag, endpoint, outcome, hour, day; up to four, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "model")]
    by: Vec<Dimension>,
    /// From when: `7d`, `24h`, `2026-11-01`, `2026-11-01T00:00:00Z`
    #[arg(long, default_value = "30d")]
    since: Moment,
    /// Until when, exclusive [default: now]
    #[arg(long)]
    until: Option<Moment>,
    /// Only this key (id)
    #[arg(long)]
    key: Option<String>,
    /// Only this team (id)
    #[arg(long)]
    team: Option<String>,
    /// Only this model, as callers write it
    #[arg(long)]
    model: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Hold the ledger against a provider's own count
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidegate reconcile openai-usage.json
  tidegate reconcile --provider anthropic anthropic-usage.csv

Reads OpenAI's and Anthropic's usage exports (JSON or CSV), and any CSV with the columns date, model, input_tokens, output_tokens, cost.")]
pub(crate) struct ReconcileCommand {
    /// Config file [default: ./tidegate.yaml if it is there]
    #[arg(long, short, value_name = "FILE", env = "TIDEGATE_CONFIG")]
    config: Option<PathBuf>,
    /// The provider's name in the config [default: what the export is recognised as]
    #[arg(long)]
    provider: Option<String>,
    /// The provider's export
    #[arg(value_name = "FILE")]
    export: PathBuf,
}

/// What sums are told apart by.
#[derive(Clone, Copy, Debug)]
struct Dimension(By);

impl FromStr for Dimension {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words = || By::ALL.map(By::word).join(", ");
        By::parse(text).map(Self).ok_or_else(|| format!("take some of {}", words()))
    }
}

/// A moment in Unix seconds.
#[derive(Clone, Copy, Debug)]
struct Moment(i64);

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let ago = |unit: char, seconds: i64| {
            let number: i64 =
                text.strip_suffix(unit)?.parse().ok().filter(|number| (0..=100_000).contains(number))?;
            Some(now() - number * seconds)
        };
        let day = || read_rfc3339(&format!("{text}T00:00:00Z"));
        ago('d', 86_400)
            .or_else(|| ago('h', 3_600))
            .or_else(|| ago('m', 60))
            .or_else(day)
            .or_else(|| read_rfc3339(text))
            .map(Self)
            .ok_or_else(|| "write `7d`, `24h`, `2026-11-01` or `2026-11-01T00:00:00Z`".to_owned())
    }
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}

/// Does what `tidegate usage` says.
pub(crate) fn usage(command: UsageCommand) -> Result<ExitCode> {
    let UsageCommand { config, by, since, until, key, team, model, json } = command;
    let by: Vec<By> = by.into_iter().map(|Dimension(by)| by).collect();
    let is_timeline = matches!(by.first(), Some(By::Day | By::Hour));
    let question = Question {
        by,
        from: since.0,
        to: until.map_or_else(|| now() + 1, |until| until.0),
        filter: Filter { key, team, model, ..Filter::default() },
        order: if is_timeline { Order::Group } else { Order::Cost },
        limit: 10_000,
    };
    shelf(config, async |shelf| {
        let rows = ask(&shelf.database, &question).await?;
        let total = Question { by: Vec::new(), ..question.clone() };
        let total = ask(&shelf.database, &total).await?.first().map(|row| row.sums).unwrap_or_default();
        report::to_stdout(&if json {
            as_json(&rows, &question.by, &total)
        } else {
            table(&rows, &question.by, &total)
        });
        Ok(())
    })
}

fn as_json(rows: &[UsageRow], by: &[By], total: &Sums) -> String {
    let data: Vec<Value> = rows
        .iter()
        .map(|row| {
            let mut shown = json!(row.sums);
            for (by, text) in by.iter().zip(&row.group) {
                shown[by.word()] = text.as_str().into();
            }
            shown
        })
        .collect();
    format!("{:#}\n", json!({ "data": data, "total": total }))
}

fn table(rows: &[UsageRow], by: &[By], total: &Sums) -> String {
    let mut head: Vec<String> = by.iter().map(|by| by.word().to_uppercase()).collect();
    head.extend(["REQUESTS", "INPUT", "OUTPUT", "CACHED", "COST $", ""].map(str::to_owned));
    let dearest = rows.iter().map(|row| row.sums.cost).max().unwrap_or(0);
    let mut lines = vec![head];
    for row in rows {
        let group = row.group.iter().map(|text| if text.is_empty() { "-".to_owned() } else { text.clone() });
        lines.push(group.chain(figures(&row.sums, dearest)).collect());
    }
    let blank = by.iter().enumerate().map(|(at, _)| if at == 0 { "total".to_owned() } else { String::new() });
    lines.push(blank.chain(figures(total, 0)).collect());
    report::columns(&lines)
}

fn figures(sums: &Sums, dearest: i64) -> [String; 6] {
    let bar = (sums.cost * 20).checked_div(dearest).unwrap_or(0).clamp(0, 20);
    let note = if sums.unpriced > 0 { format!(" ({} unpriced)", sums.unpriced) } else { String::new() };
    [
        sums.requests.to_string(),
        sums.input.to_string(),
        sums.output.to_string(),
        sums.cache_read.to_string(),
        format!("{:.4}", NanoUsd(sums.cost).as_dollars()),
        "▇".repeat(bar as usize) + &note,
    ]
}

/// Does what `tidegate reconcile` says.
pub(crate) fn reconcile(command: ReconcileCommand) -> Result<ExitCode> {
    let ReconcileCommand { config, provider, export } = command;
    let bytes = std::fs::read(&export).with_context(|| format!("cannot read {}", export.display()))?;
    let theirs = held::read(&bytes)?;
    let (Some(((first, _), _)), Some(((last, _), _))) =
        (theirs.lines.first_key_value(), theirs.lines.last_key_value())
    else {
        bail!("{} has no line with usage", export.display());
    };
    let question = Question {
        by: vec![By::Day, By::TargetModel],
        from: first * 86_400,
        to: (last + 1) * 86_400,
        filter: Filter { provider, ..Filter::default() },
        order: Order::Group,
        limit: 100_000,
    };
    shelf(config, async |shelf| {
        let differences = held::compare(&ask(&shelf.database, &question).await?, &theirs);
        report::to_stdout(&difference_table(&differences));
        if theirs.is_cut {
            report::to_stdout("The export has further pages: what is on them is missing here.\n");
        }
        Ok(())
    })
}

fn difference_table(all: &[held::Difference]) -> String {
    let head = ["DAY", "MODEL", "REQUESTS", "INPUT", "OUTPUT", "COST $", ""].map(str::to_owned).to_vec();
    let mut lines = vec![head];
    for one in all {
        let dollars = |nanos: i64| format!("{:.4}", NanoUsd(nanos).as_dollars());
        let note = match (one.is_ours, one.is_theirs) {
            (true, false) => "only in the ledger",
            (false, true) => "only in the export",
            _ if one.is_different() => "differs",
            _ => "",
        };
        lines.push(vec![
            one.day.clone(),
            one.model.clone(),
            pair(&one.requests, |number| number.to_string()),
            pair(&one.input, |number| number.to_string()),
            pair(&one.output, |number| number.to_string()),
            pair(&one.cost, dollars),
            note.to_owned(),
        ]);
    }
    let differing = all.iter().filter(|one| one.is_different()).count();
    report::columns(&lines)
        + &format!("{} of {} lines differ; shown as ledger / provider\n", differing, all.len())
}

/// `ours / theirs (+1.5 %)`.
fn pair(pair: &held::Pair, shown: impl Fn(i64) -> String) -> String {
    let side = |number: Option<i64>| number.map_or_else(|| "-".to_owned(), &shown);
    let percent = match pair.percent() {
        Some(percent) if percent != 0.0 => format!(" ({percent:+.1} %)"),
        _ => String::new(),
    };
    format!("{} / {}{percent}", side(pair.ours), side(pair.theirs))
}
