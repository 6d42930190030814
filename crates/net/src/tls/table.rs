//! Which certificate a caller sees: exact names before wildcards before the first of all; changed while handshakes go on.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::Certificate;

/// What a caller gets who names no host, or one that no certificate is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unknown {
    /// The first certificate of the table, as nginx does.
    #[default]
    First,
    /// A TLS alert.
    Refuse,
}

/// The certificates of a door, by name. A change holds for the next handshake; connections go on.
#[derive(Debug, Default)]
pub struct Certificates {
    table: ArcSwap<Table>,
}

#[derive(Clone, Debug, Default)]
struct Table {
    all: Vec<Certificate>,
    unknown: Unknown,
    /// Several keys for one name: which one is taken depends on the signatures that the caller knows (RSA beside ECDSA).
    exact: HashMap<String, Vec<Arc<CertifiedKey>>>,
    /// By what follows `*`, the dot included.
    wildcard: HashMap<String, Vec<Arc<CertifiedKey>>>,
}

impl Table {
    fn new(all: Vec<Certificate>, unknown: Unknown) -> Self {
        let mut table = Self { unknown, ..Self::default() };
        for certificate in &all {
            for name in certificate.names() {
                let (names, name) = match name.strip_prefix('*') {
                    Some(rest) => (&mut table.wildcard, rest),
                    None => (&mut table.exact, name.as_str()),
                };
                names.entry(name.to_owned()).or_default().push(certificate.key().clone());
            }
        }
        table.all = all;
        table
    }

    /// The keys for that name, in lower case. A wildcard stands for one label (RFC 9525 section 6.3).
    fn keys(&self, name: &str) -> Option<&[Arc<CertifiedKey>]> {
        let by_wildcard = || self.wildcard.get(&name[name.find('.')?..]);
        self.exact.get(name).or_else(by_wildcard).map(Vec::as_slice)
    }
}

impl Certificates {
    /// A table of these; an earlier certificate goes before a later one for the same name.
    pub fn new(all: Vec<Certificate>, unknown: Unknown) -> Self {
        Self { table: ArcSwap::from_pointee(Table::new(all, unknown)) }
    }

    /// Puts these in the place of all there were.
    pub fn replace(&self, all: Vec<Certificate>, unknown: Unknown) {
        self.table.store(Arc::new(Table::new(all, unknown)));
    }

    /// Puts one in the place of all with exactly its names, or behind the others.
    pub fn put(&self, certificate: &Certificate) {
        self.table.rcu(|table| {
            let mut all = table.all.clone();
            match all.iter().position(|other| other.names() == certificate.names()) {
                Some(place) => all[place] = certificate.clone(),
                None => all.push(certificate.clone()),
            }
            Table::new(all, table.unknown)
        });
    }

    /// All certificates, for showing names and ends.
    pub fn all(&self) -> Vec<Certificate> {
        self.table.load().all.clone()
    }

    /// Whether there is a certificate for that host name (lower case).
    pub fn covers(&self, name: &str) -> bool {
        self.table.load().keys(name).is_some()
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let table = self.table.load();
        let known = hello.server_name().and_then(|name| table.keys(name));
        let first = || match table.unknown {
            Unknown::First => table.all.first().map(|first| std::slice::from_ref(first.key())),
            Unknown::Refuse => None,
        };
        let keys = known.or_else(first)?;
        let schemes = hello.signature_schemes();
        let fits = |key: &&Arc<CertifiedKey>| key.key.choose_scheme(schemes).is_some();
        keys.iter().find(fits).or(keys.first()).cloned()
    }
}
