//! Hosts of routes: exact, or everything below a name.

use super::super::target::Authority;

/// A host as a route names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// This host.
    Exact(String),
    /// Every name below this one, at any depth: `*.example.com` holds `example.com`, which it does not match itself.
    Below(String),
}

impl std::str::FromStr for HostPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, is_below) = text.strip_prefix("*.").map_or((text, false), |name| (name, true));
        let read: Authority = name
            .parse()
            .map_err(|_| format!("`{text}` is no host; write `api.example.com` or `*.example.com`"))?;
        if read.port.is_some() {
            return Err(format!("`{text}`: a route's host has no port; ports belong to listeners"));
        }
        Ok(if is_below { Self::Below(read.host) } else { Self::Exact(read.host) })
    }
}

impl std::fmt::Display for HostPattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exact(host) => f.write_str(host),
            Self::Below(host) => write!(f, "*.{host}"),
        }
    }
}
