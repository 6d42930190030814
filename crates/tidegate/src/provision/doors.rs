//! Where the gateway listens, and who could reach it there.

use std::net::SocketAddr;

use crate::config::Loaded;
use crate::config::problem::Problem;
use crate::config::tree::Place;
use crate::config::written::Size;

/// Sizes that `header_size` may have. Below the first, usual cookies would not fit; nobody sends heads beyond the second.
const HEAD: std::ops::RangeInclusive<u64> = 8 << 10..=1 << 20;

/// Checks the addresses of all doors.
pub(super) fn check(loaded: &Loaded, problems: &mut Vec<Problem>) {
    let (config, told) = (&loaded.config, problems.len());
    if config.listen.is_empty() {
        let place = loaded.tree.key_of(&["listen"]);
        problems.push(Problem::error("there must be at least one door in `listen`", place));
    }
    check_heads(loaded, problems);
    let mut seen: Vec<(SocketAddr, Vec<String>)> = Vec::new();
    let doors =
        config.listen.iter().enumerate().map(|(at, door)| {
            (door.address.0, vec!["listen".to_owned(), at.to_string(), "address".to_owned()])
        });
    let admin = (config.admin.address.0, vec!["admin".to_owned(), "address".to_owned()]);
    for (address, path) in doors.chain([admin]) {
        let parts: Vec<&str> = path.iter().map(String::as_str).collect();
        let place = loaded.tree.place_of(&parts);
        // What could not be read has the default in its place, of which there is nothing to say.
        if problems.iter().any(|problem| problem.place.as_ref() == Some(&place)) {
            continue;
        }
        if let Some((_, first)) = seen.iter().find(|(other, _)| collide(*other, address)) {
            let first: Vec<&str> = first.iter().map(String::as_str).collect();
            let problem = Problem::error(format!("two doors cannot share the address {address}"), place);
            problems.push(problem.context(loaded.tree.place_of(&first), "the other one"));
        } else if !address.ip().to_canonical().is_loopback() {
            problems.extend(exposed(address, place, parts[0] == "admin", loaded));
        }
        seen.push((address, path));
    }
    if loaded.doors_overridden {
        problems[told..].iter_mut().for_each(|problem| (problem.place, problem.context) = (None, None));
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

fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    let same_ip = one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() != 0 && one.port() == other.port() && one.is_ipv4() == other.is_ipv4() && same_ip
}

fn exposed(address: SocketAddr, place: Place, admin: bool, loaded: &Loaded) -> Option<Problem> {
    let insecure = &loaded.config.insecure;
    if admin {
        if insecure.admin {
            return None;
        }
        let words = "the operators' door can be reached from other machines, and speaks without TLS";
        let help = "keep it on 127.0.0.1, or say `insecure: { admin: true }` if the network in between can be trusted";
        return Some(Problem::error(words, place).help(help));
    }
    if insecure.anonymous || super::requires_key(loaded) {
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
