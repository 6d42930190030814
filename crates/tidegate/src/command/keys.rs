//! `tidegate keys` and `tidegate teams`: made, listed, changed, taken back, without a running gateway.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use serde_json::json;
use tidegate_policy::limit::Spec;
use tidegate_policy::overload::Class;
use tidegate_store::keys::{KeyFilter, KeyRecord, KeySpec, Keys, Page, TeamRecord, TeamSpec};

use super::shelf;
use crate::config::written::Period;
use crate::report;

/// Who is written down in the audit log.
const ACTOR: &str = "command line";
/// Keys of one page.
const PAGE: u32 = 1000;

/// Keys of callers
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidegate keys create --name ci --models 'openai/*' --limit 'of: requests, limit: 600, per: minute'
  tidegate keys create --name alice --team research --limit 'of: money, limit: 25, per: month'
  tidegate keys create --name checkout --priority high
  tidegate keys list --team research
  tidegate keys rotate key_… --grace 24h
  tidegate keys revoke key_…")]
pub(crate) struct KeysCommand {
    /// Config file [default: ./tidegate.yaml if it is there]
    #[arg(long, short, value_name = "FILE", env = "TIDEGATE_CONFIG", global = true)]
    config: Option<PathBuf>,
    /// As JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    action: KeyAction,
}

#[derive(Debug, Subcommand)]
enum KeyAction {
    /// Make a key; it is shown this once
    Create(Box<KeyTerms>),
    /// List keys
    List {
        /// Only of this team (id or name)
        #[arg(long)]
        team: Option<String>,
        /// Only with this text in name, id or hint
        #[arg(long)]
        search: Option<String>,
    },
    /// Show a key's terms
    Show {
        /// `key_…`
        id: String,
    },
    /// Change a key's terms; what is not named stays
    Update {
        /// `key_…`
        id: String,
        /// Works again
        #[arg(long, conflicts_with = "disable")]
        enable: bool,
        /// Works no more, until it is enabled
        #[arg(long)]
        disable: bool,
        #[command(flatten)]
        terms: Box<KeyTerms>,
    },
    /// Make a new secret for a key; the old one works on for a while
    Rotate {
        /// `key_…`
        id: String,
        /// How long the old one works on
        #[arg(long, default_value = "1h")]
        grace: Period,
    },
    /// Take a key back: it stops on every instance within a second
    Revoke {
        /// `key_…`
        id: String,
    },
}

#[derive(Debug, Args)]
struct KeyTerms {
    /// What people call it
    #[arg(long)]
    name: Option<String>,
    /// Its team (id or name)
    #[arg(long)]
    team: Option<String>,
    /// A word to add usage up by; may be given several times
    #[arg(long)]
    tag: Vec<String>,
    /// Models that it may ask for, with `*`, separated by commas
    #[arg(long, value_delimiter = ',')]
    models: Vec<String>,
    /// Endpoints that it may use, separated by commas
    #[arg(long, value_delimiter = ',')]
    routes: Vec<String>,
    /// Networks that it may be used from, separated by commas
    #[arg(long, value_delimiter = ',')]
    networks: Vec<String>,
    /// How much its requests matter when there is not room for all: low, normal, high or critical
    #[arg(long, value_parser = class)]
    priority: Option<Class>,
    /// Lets it choose target and strategy of a request by x-tidegate-target and x-tidegate-strategy
    #[arg(long)]
    overrides: bool,
    /// When it stops working: 2027-01-31T00:00:00Z
    #[arg(long)]
    expires: Option<String>,
    /// A limit as in the config, without braces; may be given several times
    #[arg(long)]
    limit: Vec<String>,
}

/// Teams of keys
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tidegate teams create --name research --limit 'of: money, limit: 500, per: month'
  tidegate teams list
  tidegate teams delete team_…")]
pub(crate) struct TeamsCommand {
    /// Config file [default: ./tidegate.yaml if it is there]
    #[arg(long, short, value_name = "FILE", env = "TIDEGATE_CONFIG", global = true)]
    config: Option<PathBuf>,
    /// As JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    action: TeamAction,
}

#[derive(Debug, Subcommand)]
enum TeamAction {
    /// Make a team
    Create {
        /// Its name
        #[arg(long)]
        name: String,
        /// Models that its keys may ask for, with `*`, separated by commas
        #[arg(long, value_delimiter = ',')]
        models: Vec<String>,
        /// A limit as in the config, without braces; may be given several times
        #[arg(long)]
        limit: Vec<String>,
    },
    /// List teams
    List,
    /// Delete a team that has no keys
    Delete {
        /// `team_…`
        id: String,
    },
}

/// Does what `tidegate keys` says.
pub(crate) fn keys(command: KeysCommand) -> Result<ExitCode> {
    let KeysCommand { config, json, action } = command;
    shelf(config, async |shelf| {
        let keys = Keys::new(shelf.database, shelf.hasher);
        match action {
            KeyAction::Create(terms) => {
                let Some(name) = terms.name.clone() else { bail!("say `--name NAME`") };
                let spec = terms.lay_over(KeySpec { name, ..KeySpec::default() })?;
                let (record, secret) = keys.create(&spec, ACTOR).await?;
                show_secret(&record, secret.expose(), json);
            }
            KeyAction::List { team, search } => {
                let team = match team {
                    Some(team) => Some(team_id(&keys, &team).await?),
                    None => None,
                };
                let all = all_keys(&keys, team, search).await?;
                report::to_stdout(&if json { pretty(&all) } else { key_table(&all) });
            }
            KeyAction::Show { id } => report::to_stdout(&pretty(&keys.get(&id).await?)),
            KeyAction::Update { id, enable, disable, terms } => {
                let before = keys.get(&id).await?.spec;
                let enabled = enable || (before.enabled && !disable);
                let spec = terms.lay_over(KeySpec { enabled, ..before })?;
                report::to_stdout(&pretty(&keys.update(&id, &spec, ACTOR).await?));
            }
            KeyAction::Rotate { id, grace } => {
                let (record, secret) = keys.rotate(&id, grace.0, ACTOR).await?;
                show_secret(&record, secret.expose(), json);
            }
            KeyAction::Revoke { id } => {
                keys.delete(&id, ACTOR).await?;
                report::to_stdout(&format!("{id} is revoked\n"));
            }
        }
        Ok(())
    })
}

/// Does what `tidegate teams` says.
pub(crate) fn teams(command: TeamsCommand) -> Result<ExitCode> {
    let TeamsCommand { config, json, action } = command;
    shelf(config, async |shelf| {
        let keys = Keys::new(shelf.database, shelf.hasher);
        match action {
            TeamAction::Create { name, models, limit } => {
                let spec = TeamSpec { name, models, limits: limits(&limit)?, ..TeamSpec::default() };
                report::to_stdout(&pretty(&keys.create_team(&spec, ACTOR).await?));
            }
            TeamAction::List => {
                let all = all_teams(&keys).await?;
                report::to_stdout(&if json { pretty(&all) } else { team_table(&all) });
            }
            TeamAction::Delete { id } => {
                keys.delete_team(&id, ACTOR).await?;
                report::to_stdout(&format!("{id} is deleted\n"));
            }
        }
        Ok(())
    })
}

impl KeyTerms {
    /// These terms over others; what is not given stays.
    fn lay_over(self, mut spec: KeySpec) -> Result<KeySpec> {
        let or = |given: Vec<String>, before: Vec<String>| if given.is_empty() { before } else { given };
        spec.name = self.name.unwrap_or(spec.name);
        spec.team = self.team.or(spec.team);
        spec.tags = or(self.tag, spec.tags);
        spec.models = or(self.models, spec.models);
        spec.routes = or(self.routes, spec.routes);
        spec.networks = or(self.networks, spec.networks);
        spec.expires = self.expires.or(spec.expires);
        spec.priority = self.priority.unwrap_or(spec.priority);
        spec.overrides |= self.overrides;
        if !self.limit.is_empty() {
            spec.limits = limits(&self.limit)?;
        }
        Ok(spec)
    }
}

/// Reads a priority.
fn class(name: &str) -> Result<Class, String> {
    Class::from_name(name).ok_or_else(|| format!("write one of {}", Class::ALL.map(Class::name).join(", ")))
}

/// Reads limits as they stand in the config: `of: requests, limit: 600, per: minute`.
fn limits(written: &[String]) -> Result<Vec<Spec>> {
    let read = |text: &String| {
        let inner = text.trim().trim_start_matches('{').trim_end_matches('}');
        serde_saphyr::from_str(&format!("{{ {inner} }}")).with_context(|| {
            format!("`--limit {text}` cannot be read; write `of: requests, limit: 600, per: minute`")
        })
    };
    written.iter().map(read).collect()
}

async fn team_id(keys: &Keys, named: &str) -> Result<String> {
    let all = all_teams(keys).await?;
    let found = all.into_iter().find(|team| team.id == named || team.spec.name == named);
    Ok(found.with_context(|| format!("there is no team `{named}`; `tidegate teams list` shows all"))?.id)
}

async fn all_teams(keys: &Keys) -> Result<Vec<TeamRecord>> {
    let mut filter = KeyFilter { limit: Some(PAGE), ..KeyFilter::default() };
    let mut all = Vec::new();
    loop {
        let Page { items, next } = keys.list_teams(&filter).await?;
        all.extend(items);
        filter.cursor = next;
        if filter.cursor.is_none() {
            return Ok(all);
        }
    }
}

async fn all_keys(keys: &Keys, team: Option<String>, text: Option<String>) -> Result<Vec<KeyRecord>> {
    let mut filter = KeyFilter { team, text, limit: Some(PAGE), ..KeyFilter::default() };
    let mut all = Vec::new();
    loop {
        let Page { items, next } = keys.list(&filter).await?;
        all.extend(items);
        filter.cursor = next;
        if filter.cursor.is_none() {
            return Ok(all);
        }
    }
}

fn show_secret(record: &KeyRecord, secret: &str, json: bool) {
    report::to_stdout(&if json {
        format!("{:#}\n", json!({ "id": record.id, "name": record.spec.name, "key": secret }))
    } else {
        format!(
            "{}  {}\n\n  {secret}\n\nThis is the only time that the key is shown.\n",
            record.id, record.spec.name
        )
    });
}

fn pretty(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

fn key_table(all: &[KeyRecord]) -> String {
    let head = ["ID", "NAME", "KEY", "TEAM", "MODELS", "LIMITS", "PRIORITY", "STATE"].map(str::to_owned);
    let rows = all.iter().map(|key| {
        let spec = &key.spec;
        let state = match &spec.expires {
            _ if !spec.enabled => "off".to_owned(),
            Some(end) => format!("until {end}"),
            None => "on".to_owned(),
        };
        let models = if spec.models.is_empty() { "all".to_owned() } else { spec.models.join(",") };
        let team = spec.team.clone().unwrap_or_else(|| "-".to_owned());
        let limits = spec.limits.len().to_string();
        let priority = spec.priority.name().to_owned();
        [key.id.clone(), spec.name.clone(), key.hint.clone(), team, models, limits, priority, state]
    });
    report::columns(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
}

fn team_table(all: &[TeamRecord]) -> String {
    let head = ["ID", "NAME", "LIMITS", "STATE"].map(str::to_owned);
    let rows = all.iter().map(|team| {
        let state = if team.spec.enabled { "on" } else { "off" };
        [team.id.clone(), team.spec.name.clone(), team.spec.limits.len().to_string(), state.to_owned()]
    });
    report::columns(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
}
