//! The gateways' settings: the one place where defences are switched on and off.

use std::net::SocketAddr;

/// Each has a key of its own, and another one for what matters more.
pub(crate) const TENANTS: [&str; 5] = ["amsterdam", "brussels", "copenhagen", "dublin", "edinburgh"];

/// The model that callers of the rush ask for.
pub(crate) const MODEL: &str = "chat";

/// The defences of the rush, off.
pub(crate) fn off() -> String {
    "overload: { concurrency: off, queue: { places: 0 } }\n\
     retry: { budget: 1000 }\n\
     health: { failures: 0, failure_rate: 0, silence: 1h }\n"
        .to_owned()
}

/// The defences of the rush, on: what is the default said aloud, and a bound for bodies. `wait` is in seconds.
pub(crate) fn on(wait: f64) -> String {
    let wait = (wait * 1000.0) as u64;
    format!(
        "overload: {{ concurrency: adaptive, queue: {{ places: 1000, wait: {wait}ms }}, memory: 256MiB }}\n"
    )
}

/// The settings of a pool of several providers, for the drill with a bad one.
pub(crate) fn pool() -> String {
    "time_limits: { first_byte: 2s, first_token: 2s }\n".to_owned()
}

/// The key of a tenant.
pub(crate) fn key(tenant: &str, high: bool) -> String {
    format!("drill-key-{tenant}{}", if high { "-high" } else { "" })
}

/// All but the defences: doors, tenants, providers, and a model with a target at each.
pub(crate) fn base(name: &str, listen: SocketAddr, admin: SocketAddr, providers: &[SocketAddr]) -> String {
    let keys = TENANTS.map(|tenant| {
        format!(
            "  {tenant}: {{ key: {} }}\n  {tenant}-high: {{ key: {}, priority: high }}\n",
            key(tenant, false),
            key(tenant, true)
        )
    });
    let number = |(place, address): (usize, &SocketAddr)| {
        format!("  p{place}: {{ dialect: openai-chat, base_url: \"http://{address}/v1\", api_key: drill }}\n")
    };
    // With one target there is nothing to choose.
    let strategy = if providers.len() > 1 { "latency" } else { "weighted" };
    let targets: Vec<String> = (0..providers.len()).map(|place| format!("p{place}/drill")).collect();
    format!(
        "listen: [{{ address: {listen} }}]\nadmin: {{ address: {admin} }}\nworkers: 1\nauto_providers: false\n\
         data: {name}-data\naccess_log: {name}-access.log\nkeys:\n{}providers:\n{}models:\n  {MODEL}: {{ strategy: {strategy}, targets: [{}] }}\n",
        keys.concat(),
        providers.iter().enumerate().map(number).collect::<String>(),
        targets.join(", ")
    )
}
