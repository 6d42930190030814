//! From what is known of a request to its claims.

use std::net::IpAddr;
use std::sync::Arc;

use tidegate_core::digits::Dotted;

use super::spec::name::escape_into;
use super::{Amounts, Claim, Rule, Scope, Unit};
use crate::access::matches;

/// Longest text of a caller that is kept in a counter's name as it is, in bytes.
const LONGEST: usize = 64;

/// What is known of a request when it asks to be let in. What is not known yet (a provider, before one is chosen) claims nothing.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The route, or the endpoint's word (`chat_completions`).
    pub route: &'a Arc<str>,
    /// The team's id.
    pub team: Option<&'a Arc<str>>,
    /// The key's id.
    pub key: Option<&'a Arc<str>>,
    /// The end user, as the request names it.
    pub user: Option<&'a str>,
    /// The client's address.
    pub ip: IpAddr,
    /// The model, as the caller names it.
    pub model: &'a str,
    /// The provider's name.
    pub provider: Option<&'a Arc<str>>,
    /// What the request will use at most.
    pub most: Amounts,
}

/// The claims of a request, in the order of the rules that concern it: whose subject is known and whose models are asked for.
pub fn claims<'r>(rules: impl Iterator<Item = &'r Arc<Rule>>, facts: &Facts<'_>) -> Vec<Claim> {
    let mut subjects = Subjects::default();
    let one = |rule: &Arc<Rule>| {
        if !rule.models.is_empty() && !rule.models.iter().any(|pattern| matches(pattern, facts.model)) {
            return None;
        }
        let subject = subjects.of(rule.scope, facts)?;
        let amount = match rule.unit {
            Unit::Requests | Unit::Concurrent => 1,
            Unit::InputTokens | Unit::OutputTokens | Unit::Tokens | Unit::Money => facts.most.of(rule.unit),
        };
        Some(Claim { rule: rule.clone(), subject, amount })
    };
    let mut all = Vec::with_capacity(rules.size_hint().1.unwrap_or(0).min(64));
    all.extend(rules.filter_map(one));
    all
}

/// Subjects that have to be made, made once for all rules.
#[derive(Default)]
struct Subjects {
    user: Option<Arc<str>>,
    ip: Option<Arc<str>>,
    model: Option<Arc<str>>,
}

impl Subjects {
    fn of(&mut self, scope: Scope, facts: &Facts<'_>) -> Option<Arc<str>> {
        match scope {
            Scope::Global => Some(Arc::default()),
            Scope::Route => Some(facts.route.clone()),
            Scope::Team => facts.team.cloned(),
            Scope::Key => facts.key.cloned(),
            Scope::Provider => facts.provider.cloned(),
            Scope::User => {
                let user = facts.user.filter(|user| !user.is_empty())?;
                let make = || user_subject(facts.key.map_or("", |key| key), user);
                Some(self.user.get_or_insert_with(make).clone())
            }
            Scope::Ip => Some(self.ip.get_or_insert_with(|| ip_subject(facts.ip)).clone()),
            Scope::Model => Some(self.model.get_or_insert_with(|| bounded("", facts.model)).clone()),
        }
    }
}

/// Users of different keys never share a counter, whatever they are called: `:` is in neither part.
fn user_subject(key: &str, user: &str) -> Arc<str> {
    let mut prefix = String::with_capacity(key.len() + 1);
    escape_into(&mut prefix, key.as_bytes());
    prefix.push(':');
    bounded(&prefix, user)
}

/// A caller's text, harmless and of bounded length: of a long one the beginning and a hash of the whole.
fn bounded(prefix: &str, text: &str) -> Arc<str> {
    let bytes = text.as_bytes();
    let mut subject = String::with_capacity(prefix.len() + bytes.len().min(LONGEST) + 20);
    subject.push_str(prefix);
    escape_into(&mut subject, &bytes[..bytes.len().min(LONGEST)]);
    if bytes.len() > LONGEST {
        // `~~` comes from no escaped text.
        subject.push_str(&format!("~~{:016x}", fnv1a(bytes)));
    }
    subject.into()
}

/// FNV-1a, 64 bits: the same on all instances. Whoever looks for collisions finds only users of the same key.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

/// An IPv4 address, or the /64 that an IPv6 address is in: whoever has one address of it mostly has all.
fn ip_subject(ip: IpAddr) -> Arc<str> {
    match ip.to_canonical() {
        IpAddr::V4(ip) => Dotted::new(ip.octets()).as_str().into(),
        IpAddr::V6(ip) => {
            let network = std::net::Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64);
            format!("{network}/64").into()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::limit::Window;

    fn rule(scope: Scope, unit: Unit, models: &[&str]) -> Arc<Rule> {
        let models = models.iter().map(|model| (*model).to_owned()).collect();
        let window = Window::Sliding(Duration::from_secs(60));
        Arc::new(Rule { name: scope.word().into(), scope, unit, amount: 5, window, models })
    }

    const ALL: [Scope; 8] = [
        Scope::Global,
        Scope::Route,
        Scope::Team,
        Scope::Key,
        Scope::User,
        Scope::Ip,
        Scope::Model,
        Scope::Provider,
    ];

    fn facts<'a>(name: &'a Arc<str>) -> Facts<'a> {
        let most = Amounts { input: 10, output: 5, money: 7 };
        let ip = "2001:db8:1:2:3::4".parse().expect("an address");
        let some = Some(name);
        Facts {
            route: name,
            team: some,
            key: some,
            user: Some("ann"),
            ip,
            model: "gpt-4.1",
            provider: some,
            most,
        }
    }

    fn subjects(rules: &[Arc<Rule>], facts: &Facts<'_>) -> Vec<String> {
        claims(rules.iter(), facts).iter().map(|claim| claim.subject.to_string()).collect()
    }

    #[test]
    fn every_scope_has_its_subject() {
        let (name, rules) = ("n".into(), ALL.map(|scope| rule(scope, Unit::Tokens, &[])));
        let wanted = ["", "n", "n", "n", "n:ann", "2001:db8:1:2::/64", "gpt-4.1", "n"];
        assert_eq!(subjects(&rules, &facts(&name)), wanted);
        let v4 = Facts { ip: "::ffff:10.0.0.1".parse().expect("an address"), ..facts(&name) };
        assert_eq!(subjects(&[rule(Scope::Ip, Unit::Tokens, &[])], &v4), ["10.0.0.1"]);
    }

    #[test]
    fn rules_that_do_not_concern_the_request_claim_nothing() {
        let (name, rules) = ("n".into(), ALL.map(|scope| rule(scope, Unit::Tokens, &[])));
        let unknown = Facts { team: None, key: None, user: Some(""), provider: None, ..facts(&name) };
        let left = claims(rules.iter(), &unknown);
        let scopes: Vec<Scope> = left.iter().map(|claim| claim.rule.scope).collect();
        assert_eq!(scopes, [Scope::Global, Scope::Route, Scope::Ip, Scope::Model]);
        let by_model =
            |models: &[&str]| claims([rule(Scope::Global, Unit::Tokens, models)].iter(), &unknown).len();
        assert_eq!((by_model(&["gpt-*"]), by_model(&["o3", "gpt-4.1"]), by_model(&["gpt-4"])), (1, 1, 0));
    }

    #[test]
    fn amounts_are_claimed_in_the_rule_s_unit() {
        let name = "n".into();
        let claimed = |unit| claims([rule(Scope::Key, unit, &[])].iter(), &facts(&name))[0].amount;
        assert_eq!((claimed(Unit::Requests), claimed(Unit::Concurrent), claimed(Unit::Money)), (1, 1, 7));
        assert_eq!(
            (claimed(Unit::InputTokens), claimed(Unit::OutputTokens), claimed(Unit::Tokens)),
            (10, 5, 15)
        );
    }

    #[test]
    fn a_user_of_any_length_has_a_short_subject_of_its_own() {
        let long = "x".repeat(10_000);
        let longer = format!("{long}x");
        let (one, other) = (user_subject("k", &long), user_subject("k", &longer));
        assert_ne!(one, other);
        assert!(one.len() < 100);
    }

    proptest! {
        #[test]
        fn users_of_different_keys_never_share_a_counter(a in ".{0,5}", b in ".{1,5}", c in ".{0,5}", d in ".{1,5}") {
            prop_assert_eq!(user_subject(&a, &b) == user_subject(&c, &d), (&a, &b) == (&c, &d));
        }

        #[test]
        fn a_caller_s_words_are_harmless_in_a_counter_s_name(text in ".{1,200}") {
            for subject in [user_subject(&text, &text), bounded("", &text)] {
                let is_harmless = subject.bytes().all(|b| b.is_ascii_graphic() && !b"{}".contains(&b));
                prop_assert!(is_harmless, "{subject}");
            }
        }
    }
}
