//! The access log's format.

use tidegate_policy::edge::variables::{Moment, Template};

use super::Building;
use crate::config::problem::Problem;

/// nginx's format of that name.
const COMBINED: &str = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#;

impl Building<'_> {
    /// What a line holds; `None`: JSON.
    pub(super) fn log_format(&mut self) -> Option<Template> {
        let written = match self.loaded.config.access_log_format.as_str() {
            "json" => return None,
            "combined" => COMBINED,
            own => own,
        };
        let template: Result<Template, String> = match written.parse::<Template>() {
            Ok(template) if template.variables().next().is_none() => Err(format!(
                "`{written}` is neither `json` nor `combined`, and has no variable such as `$remote_addr`"
            )),
            read => read,
        };
        match template {
            Ok(template) => {
                if let Some(fault) = template.fault_at(Moment::Log) {
                    self.refuse(&fault);
                }
                Some(template)
            }
            Err(words) => {
                self.refuse(&words);
                None
            }
        }
    }

    fn refuse(&mut self, words: &str) {
        let place = self.loaded.tree.place_of(&["access_log_format"]);
        self.problems.push(Problem::error(words.to_owned(), place));
    }
}
