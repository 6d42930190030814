//! `tidegate models`: every model that can be asked for.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;
use tidegate_llm::price::{Class, Price};
use tidegate_proxy::model_list::{self, Listed};

use super::look;
use crate::provision::unix_now;
use crate::report;

/// Prints the list, as a table or as JSON. Exit code 2: the config is bad.
///
/// # Errors
/// When the file cannot be read.
pub fn models(config: Option<PathBuf>, json: bool) -> Result<ExitCode> {
    let Some(provisioned) = look(config)? else { return Ok(ExitCode::from(2)) };
    let listed = model_list::all(&provisioned.snapshot, unix_now());
    report::to_stdout(&if json { as_json(&listed) } else { table(&listed) });
    Ok(ExitCode::SUCCESS)
}

fn rate(model: &Listed, class: Class) -> Option<String> {
    model.price.as_ref()?.rates.of(class).map(|rate| rate.to_string())
}

fn as_json(listed: &[Listed]) -> String {
    let context = |price: &Price| price.context_window;
    let models: Vec<_> = listed
        .iter()
        .map(|model| {
            json!({
                "name": model.id, "targets": model.targets,
                "context_window": model.price.as_ref().and_then(context),
                "max_output": model.price.as_ref().and_then(|price| price.max_output),
                "input_usd_per_million": rate(model, Class::Input),
                "output_usd_per_million": rate(model, Class::Output),
            })
        })
        .collect();
    format!("{:#}\n", json!(models))
}

fn table(listed: &[Listed]) -> String {
    let head = ["MODEL", "CONTEXT", "$/M IN", "$/M OUT", "TARGETS"].map(str::to_owned);
    let rows = listed.iter().map(|model| {
        let context = model.price.as_ref().and_then(|price| price.context_window);
        let own = model.targets.as_slice() == std::slice::from_ref(&model.id);
        [
            model.id.clone(),
            context.map_or_else(|| "-".to_owned(), |tokens| tokens.to_string()),
            rate(model, Class::Input).unwrap_or_else(|| "unpriced".to_owned()),
            rate(model, Class::Output).unwrap_or_else(|| "-".to_owned()),
            if own { String::new() } else { model.targets.join(", ") },
        ]
    });
    report::columns(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
}
