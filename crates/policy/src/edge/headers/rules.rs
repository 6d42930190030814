//! What a route sets, adds and removes.

use http::{HeaderMap, HeaderName};

use crate::edge::variables::{Scene, Template};

/// One change. They are made in the order of writing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderChange {
    /// The header has this value and no other. A template that comes out empty removes it, as nginx has it.
    Set(HeaderName, Template),
    /// The header has this value, too; nothing when the template comes out empty.
    Add(HeaderName, Template),
    /// The header has this value unless it has one.
    Default(HeaderName, Template),
    /// The header is gone.
    Remove(HeaderName),
}

/// Changes for one direction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderRules {
    /// In their order.
    pub changes: Vec<HeaderChange>,
}

impl HeaderRules {
    /// Makes the changes. The scene may be of the same request, but not of these headers: they are being changed.
    pub fn apply(&self, headers: &mut HeaderMap, scene: &Scene<'_>) {
        for change in &self.changes {
            match change {
                HeaderChange::Set(name, template) => match template.header_value(scene) {
                    Some(value) => drop(headers.insert(name, value)),
                    None => drop(headers.remove(name)),
                },
                HeaderChange::Add(name, template) => {
                    if let Some(value) = template.header_value(scene) {
                        headers.append(name, value);
                    }
                }
                HeaderChange::Default(name, template) => {
                    if !headers.contains_key(name)
                        && let Some(value) = template.header_value(scene)
                    {
                        headers.insert(name, value);
                    }
                }
                HeaderChange::Remove(name) => drop(headers.remove(name)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_made_in_their_order() {
        let name = |name: &'static str| HeaderName::from_static(name);
        let template = |text: &str| text.parse::<Template>().unwrap();
        let rules = HeaderRules {
            changes: vec![
                HeaderChange::Set(name("a"), template("$host")),
                HeaderChange::Add(name("a"), template("2")),
                HeaderChange::Default(name("a"), template("3")),
                HeaderChange::Default(name("b"), template("4")),
                HeaderChange::Set(name("c"), template("$request_id")),
                HeaderChange::Remove(name("d")),
            ],
        };
        let mut headers = HeaderMap::new();
        for name in ["a", "c", "d", "e"] {
            headers.insert(name, "old".parse().unwrap());
        }
        rules.apply(&mut headers, &Scene { host: Some("h"), ..Scene::default() });
        let mut left: Vec<_> =
            headers.iter().map(|(name, value)| format!("{name}={}", value.to_str().unwrap())).collect();
        left.sort_unstable();
        assert_eq!(left, ["a=2", "a=h", "b=4", "e=old"]);
    }
}
