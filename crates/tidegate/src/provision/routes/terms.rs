//! A route's terms: who may come, how much, which headers, what browsers are told.

use std::collections::HashMap;
use std::sync::Arc;

use http::{HeaderName, Method};
use tidegate_policy::access::Network;
use tidegate_policy::edge::addresses::AddressRules;
use tidegate_policy::edge::basic_auth::{BasicUsers, HashedPassword, ROUNDS};
use tidegate_policy::edge::compression::CompressionRules;
use tidegate_policy::edge::cors::CorsRules;
use tidegate_policy::edge::headers::{HeaderChange, HeaderRules};
use tidegate_policy::edge::variables::{Moment, Template};
use tidegate_policy::limit::spec::{Spec, SpecError, check_all};
use tidegate_policy::limit::{Rule, Scope, Unit};
use tidegate_proxy::edge::BasicDoor;

use super::{Building, RoutePlace};
use crate::config::written::{CompressEntry, HeaderChanges, RouteEntry};
use crate::provision::access::spec;

/// Where limits stand whose names are shared by routes.
const SHARED: &str = "routes";

/// How hashes begin in files of htpasswd and in shadow files.
const HTPASSWD: [&str; 11] =
    ["$apr1$", "$2a$", "$2b$", "$2x$", "$2y$", "$1$", "$5$", "$6$", "{SHA}", "{SSHA}", "{PLAIN}"];

/// Makes a change of a header.
type MakeChange = fn(HeaderName, Template) -> HeaderChange;

impl Building<'_> {
    /// Who may come, by address.
    pub(super) fn addresses(&mut self, entry: &RouteEntry, place: &RoutePlace) -> AddressRules {
        let mut rules = Vec::new();
        for (setting, may, written) in [("deny", false, &entry.deny), ("allow", true, &entry.allow)] {
            for (number, text) in written.iter().enumerate() {
                let network = self.read::<Network>(text, place, &[setting, &number.to_string()]);
                rules.extend(network.map(|network| (may, network)));
            }
        }
        AddressRules { rules, refuses_others: !entry.allow.is_empty() }
    }

    /// Who must sign in.
    pub(super) fn basic(&mut self, entry: &RouteEntry, place: &RoutePlace) -> Option<BasicDoor> {
        let written = entry.basic_auth.as_ref()?;
        if written.users.is_empty() {
            self.wrong(place, &["basic_auth"], "nobody could sign in; name somebody in `users`");
        }
        let mut users = HashMap::new();
        for (name, password) in written.users.iter() {
            let password = password.0.expose();
            if HTPASSWD.iter().any(|kind| password.starts_with(kind)) {
                let words = "this is a hash of htpasswd, which is not read here";
                let path = ["routes", &place.number, "basic_auth", "users", name];
                let problem = self.problem(words, &path);
                let help = "write the password itself, best as `\"${ADMIN_PASSWORD}\"`, or `pbkdf2_sha256$ROUNDS$SALT$BASE64`";
                self.problems.push(problem.help(help));
                continue;
            }
            let hashed = if password.starts_with("pbkdf2_") {
                match password.parse::<HashedPassword>() {
                    Ok(hashed) => hashed,
                    Err(wrong) => {
                        self.wrong(place, &["basic_auth", "users", name], wrong);
                        continue;
                    }
                }
            } else {
                HashedPassword::new(password, &salt(), ROUNDS)
            };
            users.insert(name.to_owned(), hashed);
        }
        let realm = written.realm.clone().unwrap_or_else(|| place.name.clone());
        Some(BasicDoor { users: BasicUsers::new(users, random()), realm })
    }

    /// Which origins' pages may use it.
    pub(super) fn cors(&mut self, entry: &RouteEntry, place: &RoutePlace) -> Option<CorsRules> {
        let written = entry.cors.as_ref()?;
        let mut names = |setting: &str, written: &[String]| -> Vec<HeaderName> {
            let read = written.iter().enumerate();
            read.filter_map(|(number, name)| self.read(name, place, &["cors", setting, &number.to_string()]))
                .collect()
        };
        let (headers, exposed) = (names("headers", &written.headers), names("expose", &written.expose));
        let methods = written.methods.iter();
        let rules = CorsRules {
            origins: written.origins.clone(),
            methods: methods.filter_map(|name| Method::from_bytes(name.as_bytes()).ok()).collect(),
            headers,
            exposed,
            credentials: written.credentials,
            max_age: written.max_age.map(|age| u32::try_from(age.0.as_secs()).unwrap_or(u32::MAX)),
        };
        if let Some(fault) = rules.fault() {
            self.wrong(place, &["cors", "origins"], fault);
        } else if rules.origins.is_empty() {
            self.wrong(place, &["cors"], "`origins` says whose pages may use this; without it nobody's may");
        }
        Some(rules)
    }

    /// How much of it there is.
    pub(super) fn limits(&mut self, entry: &RouteEntry, place: &RoutePlace) -> Vec<Arc<Rule>> {
        let mut all = Vec::with_capacity(entry.limits.len());
        let specs: Vec<Spec> = entry.limits.iter().map(spec).collect();
        let (named, unnamed): (Vec<_>, Vec<_>) =
            specs.into_iter().enumerate().partition(|(_, spec)| spec.name.is_some());
        for (number, spec) in named {
            let checked = spec.check(SHARED, Scope::Ip).map(Arc::new);
            match checked {
                Ok(rule) => all.push(rule),
                Err(mistakes) => mistakes.iter().for_each(|mistake| self.mistake(number, mistake, place)),
            }
        }
        let (numbers, specs): (Vec<usize>, Vec<Spec>) = unnamed.into_iter().unzip();
        match check_all(&specs, &format!("{SHARED}/{}", place.name), Scope::Ip) {
            Ok(rules) => all.extend(rules),
            Err(mistakes) => {
                mistakes.iter().for_each(|(at, mistake)| self.mistake(numbers[*at], mistake, place));
            }
        }
        for rule in &all {
            if !matches!(rule.unit, Unit::Requests | Unit::Concurrent) {
                let words = format!("a route counts `requests` or `concurrent`, not `{}`", rule.unit.word());
                self.wrong(place, &["limits"], words);
            }
            if !matches!(rule.scope, Scope::Ip | Scope::Route | Scope::Global | Scope::User) {
                let words = format!(
                    "a route counts by `ip`, `route`, `user` or `global`, not `{}`",
                    rule.scope.word()
                );
                self.wrong(place, &["limits"], words);
            }
        }
        all
    }

    fn mistake(&mut self, number: usize, mistake: &SpecError, place: &RoutePlace) {
        let words = format!("`{}` {}", mistake.field, mistake.message);
        self.wrong(place, &["limits", &number.to_string(), mistake.field], words);
    }

    /// What is done with headers.
    pub(super) fn header_rules(
        &mut self,
        written: &HeaderChanges,
        place: &RoutePlace,
        side: &str,
    ) -> HeaderRules {
        let mut changes = Vec::new();
        for (number, name) in written.remove.iter().enumerate() {
            let path = ["headers", side, "remove", &number.to_string()];
            changes.extend(self.header_name(name, place, &path).map(HeaderChange::Remove));
        }
        let kinds: [(&str, _, MakeChange); 3] = [
            ("set", &written.set, HeaderChange::Set),
            ("add", &written.add, HeaderChange::Add),
            ("default", &written.default, HeaderChange::Default),
        ];
        for (kind, named, change) in kinds {
            for (name, value) in named.iter() {
                let path = ["headers", side, kind, name];
                let moment = if side == "request" { Moment::Request } else { Moment::Answer };
                let value = self.template(value, place, &path, moment);
                if let (Some(name), Some(value)) = (self.header_name(name, place, &path), value) {
                    changes.push(change(name, value));
                }
            }
        }
        HeaderRules { changes }
    }

    /// Reads a text with variables, all of which must be known by then.
    pub(super) fn template(
        &mut self,
        text: &str,
        place: &RoutePlace,
        path: &[&str],
        moment: Moment,
    ) -> Option<Template> {
        let template = self.read::<Template>(text, place, path)?;
        if let Some(fault) = template.fault_at(moment) {
            self.wrong(place, path, fault);
        }
        Some(template)
    }

    /// Headers that say where a message ends are the gateway's own.
    fn header_name(&mut self, name: &str, place: &RoutePlace, path: &[&str]) -> Option<HeaderName> {
        let read = self.read::<HeaderName>(name, place, path)?;
        let is_framing = ["content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer"];
        if is_framing.contains(&read.as_str()) {
            self.wrong(
                place,
                path,
                format!("`{read}` says how messages are told apart, and cannot be changed"),
            );
            return None;
        }
        Some(read)
    }

    /// What is compressed.
    pub(super) fn compression(&self, entry: &RouteEntry) -> Option<CompressionRules> {
        let usual = CompressionRules::default();
        match entry.compress.as_ref()? {
            CompressEntry::Flag(yes) => yes.then_some(usual),
            CompressEntry::Terms(terms) => Some(CompressionRules {
                types: if terms.types.is_empty() { usual.types } else { terms.types.clone() },
                min_length: terms.min_length.map_or(usual.min_length, |size| size.0),
                ..usual
            }),
        }
    }
}

fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    // Without chance no key of the store could be made either; here it only makes a salt worse.
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    bytes
}

fn salt() -> String {
    random()[..12].iter().map(|byte| format!("{byte:02x}")).collect()
}
