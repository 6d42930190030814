//! The gateways' settings: the one place where defences are switched on and off.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Result;

/// Callers' keys, one per tenant.
pub(crate) const TENANTS: [&str; 5] = [
    "drill-key-amsterdam",
    "drill-key-brussels",
    "drill-key-copenhagen",
    "drill-key-dublin",
    "drill-key-edinburgh",
];

/// The model that callers of the rush ask for.
pub(crate) const MODEL: &str = "chat";

/// A setting of one key at the top of the file. Each stands for itself, so that a build that does not know it can be
/// drilled without it.
pub(crate) type Setting = String;

/// The defences of the rush, off.
pub(crate) fn off() -> Vec<Setting> {
    vec![
        "overload: { concurrency: off, queue: { places: 0 } }\n".to_owned(),
        "retry: { budget: off }\n".to_owned(),
        "health: { breaker: off }\n".to_owned(),
    ]
}

/// The defences of the rush, on: what is the default, said aloud. `wait` is in seconds.
pub(crate) fn on(wait: f64) -> Vec<Setting> {
    let wait = (wait * 1000.0) as u64;
    vec![format!(
        "overload: {{ concurrency: adaptive, queue: {{ places: 1000, wait: {wait}ms }}, memory: 256MiB }}\n"
    )]
}

/// The settings of a pool of several providers, for the drill with a bad one.
pub(crate) fn pool() -> Vec<Setting> {
    vec!["time_limits: { first_byte: 2s, first_token: 2s }\n".to_owned()]
}

/// All but the defences: doors, tenants, providers, and a model with a target at each.
pub(crate) fn base(name: &str, listen: SocketAddr, admin: SocketAddr, providers: &[SocketAddr]) -> String {
    let keys = TENANTS.map(|key| format!("  {}: {{ key: {key} }}\n", key.trim_start_matches("drill-key-")));
    let number = |(place, address): (usize, &SocketAddr)| {
        format!("  p{place}: {{ dialect: openai-chat, base_url: \"http://{address}/v1\", api_key: drill }}\n")
    };
    let targets: Vec<String> = (0..providers.len()).map(|place| format!("p{place}/drill")).collect();
    format!(
        "listen: [{{ address: {listen} }}]\nadmin: {{ address: {admin} }}\nworkers: 1\nauto_providers: false\n\
         data: {name}-data\naccess_log: {name}-access.log\nkeys:\n{}providers:\n{}models:\n  {MODEL}: {{ targets: [{}] }}\n",
        keys.concat(),
        providers.iter().enumerate().map(number).collect::<String>(),
        targets.join(", ")
    )
}

/// Writes the file with the settings that this build knows; returns those that it does not know.
pub(crate) fn write(program: &Path, file: &Path, base: &str, settings: Vec<Setting>) -> Result<Vec<Setting>> {
    let (mut text, mut unknown) = (base.to_owned(), Vec::new());
    for setting in settings {
        let longer = format!("{text}{setting}");
        fs::write(file, &longer)?;
        if is_good(program, file)? { text = longer } else { unknown.push(setting) }
    }
    fs::write(file, text)?;
    Ok(unknown)
}

fn is_good(program: &Path, file: &Path) -> Result<bool> {
    let mut command = Command::new(program);
    command.arg("check").arg(file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(command.status()?.success())
}
