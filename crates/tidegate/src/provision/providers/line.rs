//! Where a provider speaks which dialect.

use http::{HeaderName, HeaderValue};
use tidegate_core::Secret;
use tidegate_llm::Dialect;
use tidegate_llm::provider::{AuthStyle, Provider as Row};
use tidegate_net::Origin;
use tidegate_proxy::snapshot::{Auth, Line, nearest};

use super::Building;
use crate::config::problem::Problem;
use crate::config::written::ProviderEntry;

impl Building<'_> {
    /// One line for each dialect that it speaks.
    pub(super) fn lines(
        &mut self,
        name: &str,
        entry: &ProviderEntry,
        row: Option<&Row>,
        keys: &[Secret],
    ) -> Vec<Line> {
        self.check_base_urls(name, entry);
        let mut lines = Vec::new();
        for dialect in dialects(entry, row) {
            match base_url(dialect, entry, row) {
                BaseUrl::At(url) => lines.extend(self.line(name, dialect, &url, row, keys)),
                BaseUrl::LeftOut => {}
                BaseUrl::Missing if self.written(name, "base_url") || self.written(name, "base_urls") => {}
                BaseUrl::Missing => {
                    let place = self.loaded.tree.place_of(&["providers", name, "dialect"]);
                    let problem = Problem::error(
                        format!("`{name}` needs a `base_url` for the dialect {dialect}"),
                        place,
                    );
                    self.problems.push(match row {
                        Some(row) => problem.help(format!("its documentation is at {}", row.docs)),
                        None => problem,
                    });
                    break;
                }
            }
        }
        lines
    }

    fn check_base_urls(&mut self, name: &str, entry: &ProviderEntry) {
        let dialects = Dialect::ALL.map(Dialect::name);
        for key in entry.base_urls.names().filter(|key| !dialects.contains(key)) {
            let place = self.loaded.tree.key_of(&["providers", name, "base_urls", key]);
            let problem = Problem::error(format!("there is no dialect `{key}`"), place);
            self.problems.push(match nearest(key, dialects) {
                Some(other) => problem.did_you_mean(Some(other)),
                None => problem.help(format!("the dialects are {}", dialects.join(", "))),
            });
        }
    }

    fn line(
        &mut self,
        name: &str,
        dialect: Dialect,
        url: &str,
        row: Option<&Row>,
        keys: &[Secret],
    ) -> Option<Line> {
        // A URL of the file is checked where it is read.
        let (origin, path) = Origin::parse(url).ok()?;
        self.check_not_ourselves(name, &origin);
        let style = row.map_or_else(|| usual_auth(dialect), |row| row.auth_for(dialect));
        let (header, prefix) = match style {
            AuthStyle::Bearer => (http::header::AUTHORIZATION, "Bearer "),
            AuthStyle::Header(header) => (HeaderName::from_static(header), ""),
        };
        let auth: Vec<Auth> = keys.iter().filter_map(|key| Auth::new(header.clone(), prefix, key)).collect();
        if auth.len() < keys.len() {
            let place = self.place(name, "api_key");
            self.problems
                .push(Problem::error(format!("the key of `{name}` has characters that no key has"), place));
        }
        let host = HeaderValue::from_str(&origin.host_header()).ok()?;
        Some(Line { dialect, lanes: self.lasting.connector.pool(&origin), path, host, auth })
    }

    /// A provider at the gateway's own address would send every request round in circles: llama.cpp's usual port is also ours.
    fn check_not_ourselves(&mut self, name: &str, origin: &Origin) {
        let is_local = matches!(origin.host.as_str(), "127.0.0.1" | "localhost" | "::1");
        let doors = &self.loaded.config.listen;
        if is_local
            && !origin.tls
            && doors.iter().any(|door| door.address.tcp().is_some_and(|door| door.port() == origin.port))
        {
            let problem = Problem::error(
                format!("`{name}` is at {origin}, where the gateway itself listens"),
                self.place(name, "base_url"),
            );
            self.problems
                .push(problem.help("give one of the two another port: `base_url` here, or `listen`"));
        }
    }
}

/// What it speaks: what the file says, else what is known, else OpenAI chat, which nearly everybody speaks. A dialect with a
/// base URL of its own is spoken too.
fn dialects(entry: &ProviderEntry, row: Option<&Row>) -> Vec<Dialect> {
    let mut dialects = match (&entry.dialect, row) {
        (Some(dialects), _) => dialects.all(),
        (None, Some(row)) => row.speaks.iter().map(|speaks| speaks.dialect).collect(),
        (None, None) if entry.base_url.is_some() || entry.base_urls.is_empty() => vec![Dialect::OpenaiChat],
        (None, None) => Vec::new(),
    };
    dialects.extend(entry.base_urls.names().filter_map(Dialect::from_name));
    let mut seen = Vec::new();
    dialects.retain(|dialect| {
        !seen.contains(dialect) && {
            seen.push(*dialect);
            true
        }
    });
    dialects
}

enum BaseUrl {
    At(String),
    /// The known provider speaks it at another address than the one that `base_url` replaces.
    LeftOut,
    Missing,
}

fn base_url(dialect: Dialect, entry: &ProviderEntry, row: Option<&Row>) -> BaseUrl {
    if let Some(url) = entry.base_urls.get(dialect.name()) {
        return BaseUrl::At(url.0.clone());
    }
    if let Some(url) = &entry.base_url {
        let elsewhere =
            row.and_then(|row| row.speaks(dialect)).is_some_and(|speaks| speaks.base_url.is_some());
        return if elsewhere && entry.dialect.is_none() {
            BaseUrl::LeftOut
        } else {
            BaseUrl::At(url.0.clone())
        };
    }
    row.and_then(|row| row.base_url_for(dialect)).map_or(BaseUrl::Missing, |url| BaseUrl::At(url.to_owned()))
}

fn usual_auth(dialect: Dialect) -> AuthStyle {
    match dialect {
        Dialect::OpenaiChat | Dialect::OpenaiResponses => AuthStyle::Bearer,
        Dialect::Anthropic => AuthStyle::Header("x-api-key"),
        Dialect::Gemini => AuthStyle::Header("x-goog-api-key"),
    }
}
