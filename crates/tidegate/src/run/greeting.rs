//! What is printed at the start: what is there, and what to paste next.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};

use super::doors::Bound;
use tidegate_core::Secret;

use crate::config::Loaded;
use crate::provision::Provisioned;

/// Prints it to stdout. Keys are never printed, only the providers' names.
pub(super) fn print(loaded: &Loaded, provisioned: &Provisioned, doors: &[Bound], admin_key: Option<&Secret>) {
    let mut text = text(loaded, provisioned, doors);
    if let Some(key) = admin_key {
        text.push_str(&admin_lines(key));
    }
    let mut out = std::io::stdout().lock();
    // A closed stdout is no reason not to serve.
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

fn text(loaded: &Loaded, provisioned: &Provisioned, doors: &[Bound]) -> String {
    let mut lines = vec![
        format!("tidegate {}", env!("CARGO_PKG_VERSION")),
        config_line(loaded),
        providers_line(provisioned),
    ];
    let Some((admin, callers)) = doors.split_last() else { return lines.join("\n") };
    lines.extend(callers.iter().map(|door| format!("listening {}", door.url())));
    lines.push(format!("listening (admin) {}", admin.url()));
    let open = callers.iter().find(|door| door.address().is_some() && door.redirect().is_none());
    if let Some((door, address)) = open.and_then(|door| Some((door, door.address()?))) {
        let base = door.url().replace(&address.to_string(), &reachable(address).to_string());
        lines.push(String::new());
        let is_keyed = provisioned.snapshot.access.require_key;
        lines.push(if is_keyed { try_it_with_a_key(&base) } else { try_it(&base) });
    }
    lines.join("\n") + "\n"
}

/// The only time that the admin key is shown.
fn admin_lines(key: &Secret) -> String {
    format!(
        "\nThe admin key, shown this once; with it the admin API answers under /admin/v1:\n\n  {}\n\n",
        key.expose()
    )
}

fn config_line(loaded: &Loaded) -> String {
    if loaded.from_file {
        format!("config     {}", loaded.source.name)
    } else {
        "config     embedded defaults (there is no ./tidegate.yaml)".to_owned()
    }
}

fn providers_line(provisioned: &Provisioned) -> String {
    let names = provisioned.snapshot.providers.iter().map(|provider| {
        let found = provisioned.found.iter().any(|found| **found == *provider.name);
        let origin = match () {
            () if provider.is_demo() => " (built in)",
            () if found => " (key found in the environment)",
            () => "",
        };
        format!("{}{origin}", provider.name)
    });
    format!("providers  {}", names.collect::<Vec<_>>().join(", "))
}

fn try_it_with_a_key(base: &str) -> String {
    format!(
        r#"Callers need a key; this makes one and shows it once:

  tidegate keys create --name me

  curl {base}/v1/chat/completions -H "authorization: Bearer $TIDEGATE_KEY" -H 'content-type: application/json' -d '{{"model":"demo/echo","messages":[{{"role":"user","content":"Hello!"}}]}}'
"#
    )
}

/// An address at which this machine reaches the door.
fn reachable(address: SocketAddr) -> SocketAddr {
    let mut reachable = address;
    if address.ip().is_unspecified() {
        reachable.set_ip(match address.ip() {
            IpAddr::V4(_) => IpAddr::from([127, 0, 0, 1]),
            IpAddr::V6(_) => IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
        });
    }
    reachable
}

fn try_it(base: &str) -> String {
    format!(
        r#"Paste one of these; `demo/echo` answers without any key:

  curl {base}/v1/chat/completions -H 'content-type: application/json' -d '{{"model":"demo/echo","messages":[{{"role":"user","content":"Hello!"}}]}}'

  from openai import OpenAI
  client = OpenAI(base_url="{base}/v1", api_key="none")
  print(client.chat.completions.create(model="demo/echo", messages=[{{"role": "user", "content": "Hello!"}}]).choices[0].message.content)
"#
    )
}
