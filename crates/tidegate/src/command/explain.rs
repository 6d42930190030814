//! `tidegate explain`: what happens to a request for a model, or for a URL.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

use super::explain_url::UrlExplanation;
use super::explanation::Explanation;
use super::look;
use crate::provision::unix_now;
use crate::report;

/// Prints the plan, as text or as JSON. Exit code 2: the config is bad; 1: the name leads nowhere.
///
/// # Errors
/// When the file cannot be read, or the name leads nowhere.
pub fn explain(model: &str, config: Option<PathBuf>, json: bool) -> Result<ExitCode> {
    let Some(provisioned) = look(config)? else { return Ok(ExitCode::from(2)) };
    let explanation = Explanation::of(&provisioned.snapshot, model, unix_now())?;
    let text =
        if json { format!("{:#}\n", serde_json::to_value(&explanation)?) } else { explanation.to_string() };
    report::to_stdout(&text);
    Ok(ExitCode::SUCCESS)
}

/// Prints which route a request takes. Exit code 2: the config is bad.
///
/// # Errors
/// When the file cannot be read, or there can be no such request.
pub fn explain_url(url: &str, method: &str, config: Option<PathBuf>, json: bool) -> Result<ExitCode> {
    let Some(provisioned) = look(config)? else { return Ok(ExitCode::from(2)) };
    let explanation = UrlExplanation::of(&provisioned.snapshot, url, method)?;
    let text =
        if json { format!("{:#}\n", serde_json::to_value(&explanation)?) } else { explanation.to_string() };
    report::to_stdout(&text);
    Ok(ExitCode::SUCCESS)
}
