//! The price table: built-in prices, then files, then the config's own.

use serde_json::json;
use tidegate_llm::price::{Class, Price, PriceTable, Rate};
use tidegate_proxy::demo;

use super::unix_now;
use crate::config::Loaded;
use crate::config::problem::Problem;
use crate::config::tree::Value;
use crate::config::written::PriceEntry;

/// More than this per million tokens is a slip of the unit. The dearest model on the market costs hundreds.
const DEAREST: Rate = Rate(10_000 * 1_000_000);

/// Builds the table.
pub(super) fn build(loaded: &Loaded, problems: &mut Vec<Problem>) -> PriceTable {
    let mut table = PriceTable::builtin().unwrap_or_else(|error| {
        problems.push(Problem::of_file(format!("the built-in prices cannot be read: {error}")));
        PriceTable::default()
    });
    for (at, file) in loaded.config.price_files.iter().enumerate() {
        match read_file(loaded, file, at, problems) {
            Ok(more) => table = table.overlaid(more),
            Err(words) => {
                let place = loaded.tree.place_of(&["price_files", &at.to_string()]);
                problems.push(Problem::error(words, place));
            }
        }
    }
    for (name, entry) in loaded.config.prices.iter() {
        check(loaded, name, entry, problems);
        let known = known_price(&table, name);
        let price = entry.price(known);
        table = table.with_override(name, price);
    }
    table = table.overlaid(renamed(loaded, problems));
    // The demo costs something, so that costs can be seen without a key.
    let demo_name = format!("{}/{}", demo::PROVIDER, demo::MODEL);
    if loaded.config.prices.get(&demo_name).is_none() {
        let price = Price { context_window: Some(32_000), ..Price::new(Rate(1_000_000), Rate(2_000_000)) };
        table = table.with_override(&demo_name, price);
    }
    table
}

/// Providers that are known ones under another name and have prices of their own here: for all other models they charge
/// what the known one charges.
fn renamed(loaded: &Loaded, problems: &mut Vec<Problem>) -> PriceTable {
    let entries = loaded.config.providers.iter();
    let same: serde_json::Map<_, _> = entries
        .filter_map(|(name, entry)| {
            let known = entry.r#type.as_deref().filter(|kind| *kind != name)?;
            // One step only is looked up, and Azure's prices are a step themselves.
            let known = if known == "azure-openai" { "openai" } else { known };
            Some((name.to_owned(), known.into()))
        })
        .collect();
    let list = json!({ "version": "", "unit": "", "attribution": "", "same_prices": same, "models": [] });
    PriceTable::from_json(&list.to_string()).unwrap_or_else(|error| {
        problems.push(Problem::of_file(format!("the prices cannot be laid over each other: {error}")));
        PriceTable::default()
    })
}

/// What the table says of a `provider/model` so far.
fn known_price<'t>(table: &'t PriceTable, name: &str) -> Option<&'t Price> {
    let (provider, model) = name.split_once('/')?;
    table.find(provider, model, unix_now())
}

fn read_file(
    loaded: &Loaded,
    file: &str,
    at: usize,
    problems: &mut Vec<Problem>,
) -> Result<PriceTable, String> {
    let text = std::fs::read_to_string(loaded.folder.join(file))
        .map_err(|error| format!("the price file `{file}` cannot be read: {error}"))?;
    // The built-in list's format has a list of `models`; LiteLLM's is an object of models.
    let is_ours =
        serde_json::from_str::<serde_json::Value>(&text).is_ok_and(|json| json["models"].is_array());
    if is_ours {
        return PriceTable::from_json(&text).map_err(|error| format!("`{file}`: {error}"));
    }
    let read =
        PriceTable::from_litellm_json(&text).map_err(|error| format!("`{file}` is no price map: {error}"))?;
    if let Some(first) = read.skipped.first() {
        let place = loaded.tree.place_of(&["price_files", &at.to_string()]);
        let words = format!("{} entries of `{file}` were left out", read.skipped.len());
        problems.push(
            Problem::warning(words, place).help(format!("the first is `{}`: {}", first.entry, first.problem)),
        );
    }
    Ok(read.table)
}

fn check(loaded: &Loaded, name: &str, entry: &PriceEntry, problems: &mut Vec<Problem>) {
    let path = |class: Class| loaded.tree.place_of(&["prices", name, class.name()]);
    let node = loaded.tree.get(&["prices", name]);
    if node.is_none_or(|node| matches!(&node.value, Value::Map(entries) if entries.is_empty())) {
        let place = loaded.tree.key_of(&["prices", name]);
        let problem = Problem::error(format!("the price of `{name}` names no rate"), place);
        problems.push(problem.help("write `{ input: 1.25, output: 10 }`, in US dollars per million tokens"));
    }
    for (class, dollars) in entry.rates().filter(|(_, dollars)| dollars.0 > DEAREST) {
        let words = format!("{dollars} US dollars per million tokens is more than any model costs");
        problems.push(Problem::warning(words, path(class)).help("the unit is a million tokens, not one"));
    }
    if let (Some(input), Some(cached)) = (entry.input, entry.cache_read)
        && cached.0 > input.0
    {
        let words = "cached prompt tokens cost more than fresh ones";
        problems
            .push(Problem::warning(words, path(Class::CacheRead)).context(path(Class::Input), "fresh ones"));
    }
}
