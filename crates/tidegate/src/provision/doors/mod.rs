//! Where the gateway listens, who could reach it there, and what is spoken.

mod plan;
mod tls;

use plan::TrustTerms;
pub use plan::{AcmePlan, DoorPlan, DoorTerms, TlsPlan};

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config::Loaded;
use crate::config::problem::Problem;
use crate::config::tree::Place;
use crate::config::written::{DoorAddress, HttpsEntry, Listen, Size};

/// Sizes that `header_size` may have. Below the first, usual cookies would not fit; nobody sends heads beyond the second.
const HEAD: std::ops::RangeInclusive<u64> = 8 << 10..=1 << 20;
/// Where `https` is if nobody says otherwise.
const HTTPS: u16 = 443;

/// All doors of a config.
#[derive(Clone, Debug)]
pub struct Doors {
    /// Those for callers, in the config's order.
    pub callers: Vec<DoorPlan>,
    /// The operators'.
    pub admin: DoorPlan,
}

impl Doors {
    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &DoorPlan> {
        self.callers.iter().chain([&self.admin])
    }

    /// The files of certificates, keys and authorities.
    pub fn files(&self) -> Vec<PathBuf> {
        self.all().filter_map(|door| door.tls.as_ref()).flat_map(|tls| tls.files.clone()).collect()
    }
}

/// Checks all doors and says how they are to be served.
pub(super) fn build(loaded: &Loaded, problems: &mut Vec<Problem>) -> Doors {
    let told = problems.len();
    check_addresses(loaded, problems);
    check_heads(loaded, problems);
    let config = &loaded.config;
    let mut plans = Plans { loaded, problems };
    let callers = config.listen.iter().enumerate().map(|(at, entry)| plans.caller(at, entry)).collect();
    let admin = plans.admin();
    if loaded.doors_overridden {
        problems[told..].iter_mut().for_each(|problem| (problem.place, problem.context) = (None, None));
    }
    Doors { callers, admin }
}

/// A door's address and where it is written.
type Written = (DoorAddress, Vec<String>);

fn check_addresses(loaded: &Loaded, problems: &mut Vec<Problem>) {
    let config = &loaded.config;
    if config.listen.is_empty() {
        let place = loaded.tree.key_of(&["listen"]);
        problems.push(Problem::error("there must be at least one door in `listen`", place));
    }
    let path = |at: usize| vec!["listen".to_owned(), at.to_string(), "address".to_owned()];
    let doors = config.listen.iter().enumerate().map(|(at, door)| (door.address.clone(), path(at)));
    let admin = (DoorAddress::Tcp(config.admin.address.0), vec!["admin".to_owned(), "address".to_owned()]);
    let mut seen: Vec<Written> = Vec::new();
    for (address, path) in doors.chain([admin]) {
        let parts: Vec<&str> = path.iter().map(String::as_str).collect();
        let place = loaded.tree.place_of(&parts);
        // What could not be read has the default in its place, of which there is nothing to say.
        if problems.iter().any(|problem| problem.place.as_ref() == Some(&place)) {
            continue;
        }
        if let Some((_, first)) = seen.iter().find(|(other, _)| collide(other, &address)) {
            let first: Vec<&str> = first.iter().map(String::as_str).collect();
            let problem = Problem::error(format!("two doors cannot share the address {address}"), place);
            problems.push(problem.context(loaded.tree.place_of(&first), "the other one"));
        } else if let DoorAddress::Tcp(address) = &address
            && !address.ip().to_canonical().is_loopback()
        {
            problems.extend(exposed(*address, place, parts[1], loaded));
        }
        seen.push((address, path));
    }
}

fn check_heads(loaded: &Loaded, problems: &mut Vec<Problem>) {
    for (at, door) in loaded.config.listen.iter().enumerate() {
        if !HEAD.contains(&door.header_size.0) {
            let place = loaded.tree.place_of(&["listen", &at.to_string(), "header_size"]);
            let (least, most) = (Size(*HEAD.start()), Size(*HEAD.end()));
            let problem =
                Problem::error(format!("{} is no size for a request's head", door.header_size), place);
            problems.push(
                problem.help(format!("take one between {least} and {most}; {} is usual", Size(64 << 10))),
            );
        }
    }
}

fn collide(one: &DoorAddress, other: &DoorAddress) -> bool {
    let (one, other) = match (one, other) {
        (DoorAddress::Tcp(one), DoorAddress::Tcp(other)) => (one, other),
        (one, other) => return one == other,
    };
    let same_ip = one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() != 0 && one.port() == other.port() && one.is_ipv4() == other.is_ipv4() && same_ip
}

/// `number` is the door's place in `listen`; any other word stands for the operators' door.
fn exposed(address: SocketAddr, place: Place, number: &str, loaded: &Loaded) -> Option<Problem> {
    let (config, insecure) = (&loaded.config, &loaded.config.insecure);
    let Some(door) = number.parse().ok().and_then(|at: usize| config.listen.get(at)) else {
        if insecure.admin || config.admin.tls.is_some() {
            return None;
        }
        let words = "the operators' door can be reached from other machines, and speaks without TLS";
        let help = "keep it on 127.0.0.1, give it `tls`, or say `insecure: { admin: true }` if the network in between can be trusted";
        return Some(Problem::error(words, place).help(help));
    };
    if insecure.anonymous || super::requires_key(loaded) || redirects(door) {
        return None;
    }
    let problem = Problem::error(
        format!("{address} can be reached from other machines, and the gateway asks callers for no key"),
        place,
    );
    Some(problem.help(
        "say `require_key: true`, or `insecure: { anonymous: true }` if whoever gets there may use your providers' keys",
    ))
}

/// Whether a door only sends callers to another one.
fn redirects(door: &Listen) -> bool {
    matches!(door.redirect_to_https, Some(HttpsEntry::Own(true) | HttpsEntry::Port(_)))
}

/// Makes plans and collects problems.
struct Plans<'a> {
    loaded: &'a Loaded,
    problems: &'a mut Vec<Problem>,
}

impl Plans<'_> {
    fn caller(&mut self, at: usize, entry: &Listen) -> DoorPlan {
        let number = at.to_string();
        let path = ["listen", number.as_str()];
        let address = match &entry.address {
            DoorAddress::Tcp(address) => DoorAddress::Tcp(*address),
            DoorAddress::Unix(socket) => DoorAddress::Unix(self.loaded.folder.join(socket)),
        };
        let tls = entry.tls.as_ref().and_then(|tls| {
            if matches!(address, DoorAddress::Unix(_)) {
                self.error("a Unix socket speaks without TLS", &[&path[..], &["tls"]].concat());
                return None;
            }
            self.tls(&tls.terms(), &path, &address)
        });
        let trust = entry.proxy_protocol.as_ref().map(|entry| {
            let mut trust = TrustTerms::default();
            for (place, word) in entry.from.iter().enumerate() {
                match word.as_str() {
                    "unix" => trust.unix = true,
                    text => match text.parse() {
                        Ok(network) => trust.networks.push(network),
                        Err(wrong) => {
                            let place = place.to_string();
                            let setting = ["proxy_protocol", "from", place.as_str()];
                            self.error(String::clone(&wrong), &[&path[..], &setting].concat());
                        }
                    },
                }
            }
            trust
        });
        let any = |count: Option<u32>| count.map_or(usize::MAX, |count| count as usize);
        let is_bounded = entry.max_connections.is_some() || entry.max_connections_per_address.is_some();
        let terms = DoorTerms {
            limits: entry.serve_limits(self.loaded.config.drain.0),
            trust,
            seats: is_bounded.then(|| (any(entry.max_connections), any(entry.max_connections_per_address))),
            redirect: self.redirect(entry, &path),
            is_secure: entry.tls.is_some(),
        };
        DoorPlan { shards: self.shards(entry, &path), address, terms, tls }
    }

    /// One socket for each worker, if the door is to have that.
    fn shards(&mut self, entry: &Listen, path: &[&str]) -> usize {
        if !entry.reuse_port {
            return 1;
        }
        if matches!(entry.address, DoorAddress::Unix(_)) {
            self.error("a Unix socket cannot be shared", &[path, &["reuse_port"]].concat());
        }
        self.loaded.config.worker_count()
    }

    /// The port of `https`, if a door sends everybody there.
    fn redirect(&mut self, entry: &Listen, path: &[&str]) -> Option<u16> {
        let place = [path, &["redirect_to_https"]].concat();
        let to = entry.redirect_to_https.filter(|_| redirects(entry))?;
        if entry.tls.is_some() {
            self.error("this door speaks https itself", &place);
        }
        if let HttpsEntry::Port(port) = to {
            return Some(port);
        }
        let secure = self.loaded.config.listen.iter().find(|door| door.tls.is_some());
        match secure.map(|door| &door.address) {
            Some(DoorAddress::Tcp(address)) => Some(address.port()),
            _ => {
                let problem = Problem::error(
                    "there is no door with `tls` to send callers to",
                    self.loaded.tree.place_of(&place),
                );
                self.problems.push(problem.help(
                    "give a door `tls`, or name the port: `redirect_to_https: 443`, if another program speaks TLS there",
                ));
                Some(HTTPS)
            }
        }
    }

    fn admin(&mut self) -> DoorPlan {
        let entry = &self.loaded.config.admin;
        let address = DoorAddress::Tcp(entry.address.0);
        let tls = entry.tls.as_ref().and_then(|tls| {
            if tls.terms().acme.is_some() {
                self.error(
                    "the operators' door gets no certificates from an ACME server",
                    &["admin", "tls", "acme"],
                );
            }
            self.tls(&tls.terms(), &["admin"], &address)
        });
        let limits = Listen::default().serve_limits(self.loaded.config.drain.0);
        let terms = DoorTerms { limits, trust: None, seats: None, redirect: None, is_secure: tls.is_some() };
        DoorPlan { address, shards: 1, terms, tls }
    }

    fn error(&mut self, words: impl Into<String>, path: &[&str]) {
        self.problems.push(Problem::error(words, self.loaded.tree.place_of(path)));
    }
}
