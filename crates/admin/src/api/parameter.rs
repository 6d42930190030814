//! Query parameters: what an operation takes, read strictly and described from the same table.

use std::borrow::Cow;

use axum::extract::Query as Pairs;
use axum::http::Uri;
use serde_json::{Value, json};
use tidegate_store::keys::FieldError;

use super::problem::{Problem, wrong};

/// Longest value, in characters.
const LONGEST: usize = 500;

/// A query parameter of an operation.
#[derive(Debug)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    /// One sentence for the document.
    pub(crate) about: &'static str,
    pub(crate) kind: Kind,
    /// A good value.
    pub(crate) example: &'static str,
}

/// What a parameter's value must be.
#[derive(Debug)]
pub(crate) enum Kind {
    /// Any text without control characters.
    Text,
    /// A whole number in these bounds; the third holds when there is none.
    Number(u32, u32, u32),
    /// One of these words.
    Word(&'static [&'static str]),
    /// Some of these words, each once, with commas between.
    Words(&'static [&'static str]),
}

impl Kind {
    /// What is wrong with a value: the end of a sentence that begins with the parameter.
    fn mistake(&self, value: &str) -> Option<Cow<'static, str>> {
        if value.is_empty() {
            return Some("must not be empty".into());
        }
        if value.chars().any(char::is_control) || value.chars().count() > LONGEST {
            return Some(format!("must have at most {LONGEST} characters, and no control characters").into());
        }
        match self {
            Self::Text => None,
            Self::Number(least, most, _) => {
                let is_good = value.bytes().all(|byte| byte.is_ascii_digit())
                    && value.parse::<u32>().is_ok_and(|number| (*least..=*most).contains(&number));
                (!is_good).then(|| format!("must be a whole number from {least} to {most}").into())
            }
            Self::Word(words) => {
                (!words.contains(&value)).then(|| format!("must be one of {}", words.join(", ")).into())
            }
            Self::Words(words) => {
                let given: Vec<&str> = value.split(',').collect();
                let is_good = given.iter().all(|word| words.contains(word))
                    && given.iter().enumerate().all(|(place, word)| !given[..place].contains(word));
                (!is_good)
                    .then(|| format!("must be some of {}, with commas between", words.join(", ")).into())
            }
        }
    }

    /// Its JSON schema.
    fn schema(&self) -> Value {
        match self {
            Self::Text => json!({
                "type": "string", "minLength": 1, "maxLength": LONGEST,
                "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]+$",
            }),
            Self::Number(least, most, usual) => {
                json!({"type": "integer", "minimum": least, "maximum": most, "default": usual})
            }
            Self::Word(words) => json!({"type": "string", "enum": words}),
            Self::Words(words) => json!({
                "type": "array", "minItems": 1, "uniqueItems": true, "items": {"type": "string", "enum": words},
            }),
        }
    }
}

impl Parameter {
    /// Its entry in the document.
    pub(crate) fn document(&self) -> Value {
        let mut entry = json!({
            "name": self.name, "in": "query", "required": false,
            "description": self.about, "schema": self.kind.schema(),
        });
        let example = match self.kind {
            Kind::Number(..) => json!(self.example.parse::<u32>().unwrap_or_default()),
            Kind::Words(_) => json!(self.example.split(',').collect::<Vec<_>>()),
            Kind::Text | Kind::Word(_) => json!(self.example),
        };
        entry["example"] = example;
        if matches!(self.kind, Kind::Words(_)) {
            entry["style"] = json!("form");
            entry["explode"] = json!(false);
        }
        entry
    }
}

/// The values of a query, all of them good.
#[derive(Debug, Default)]
pub(crate) struct Query(Vec<(&'static str, String)>);

impl Query {
    /// Reads the query of `uri`; every parameter that is unknown, doubled or wrong is named.
    pub(crate) fn read(uri: &Uri, parameters: &'static [Parameter]) -> Result<Self, Problem> {
        let pairs = Pairs::<Vec<(String, String)>>::try_from_uri(uri).map_err(|_| {
            Problem::fields(vec![wrong("query", "must be pairs such as `limit=10&cursor=…`")])
        })?;
        let (mut values, mut errors) = (Vec::<(&'static str, String)>::new(), Vec::<FieldError>::new());
        for (name, value) in pairs.0 {
            let Some(parameter) = parameters.iter().find(|parameter| parameter.name == name) else {
                errors.push(wrong(name.chars().take(100).collect::<String>(), unknown(parameters)));
                continue;
            };
            if values.iter().any(|(known, _)| *known == parameter.name) {
                errors.push(wrong(parameter.name, "must be there once only"));
            } else if let Some(mistake) = parameter.kind.mistake(&value) {
                errors.push(wrong(parameter.name, mistake));
            } else {
                values.push((parameter.name, value));
            }
        }
        if errors.is_empty() { Ok(Self(values)) } else { Err(Problem::fields(errors)) }
    }

    /// The value, if there is one.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// The same as an owned text.
    pub(crate) fn owned(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned)
    }

    /// The value of a number, if there is one.
    pub(crate) fn number(&self, name: &str) -> Option<u32> {
        self.text(name)?.parse().ok()
    }
}

fn unknown(parameters: &[Parameter]) -> String {
    let names: Vec<&str> = parameters.iter().map(|parameter| parameter.name).collect();
    if names.is_empty() {
        "is unknown; there are none here".to_owned()
    } else {
        format!("is unknown; there are {}", names.join(", "))
    }
}

/// Where a page of a listing begins.
pub(crate) const CURSOR: Parameter = Parameter {
    name: "cursor",
    about: "Where the page begins: `next` of the page before.",
    kind: Kind::Text,
    example: "a2V5XzAxOTljMGRl",
};

/// How long a page is.
pub(crate) const LIMIT: Parameter =
    Parameter { name: "limit", about: "How many at most.", kind: Kind::Number(1, 1000, 100), example: "50" };

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMETERS: &[Parameter] = &[
        LIMIT,
        Parameter { name: "team", about: "", kind: Kind::Text, example: "x" },
        Parameter { name: "by", about: "", kind: Kind::Words(&["day", "model"]), example: "day" },
    ];

    fn read(query: &str) -> Result<Query, Problem> {
        Query::read(&format!("/x?{query}").parse().unwrap(), PARAMETERS)
    }

    #[test]
    fn queries_are_read_strictly() {
        let query = read("limit=7&team=a%20b&by=day,model").unwrap();
        assert_eq!((query.number("limit"), query.text("team")), (Some(7), Some("a b")));
        for bad in [
            "limit=0",
            "limit=1001",
            "limit=-1",
            "limit=%2B5",
            "limit=1e2",
            "limit=",
            "limit=4294967297",
            "limit=1&limit=2",
            "Limit=1",
            "team=",
            "team=a%00b",
            "by=day,day",
            "by=hour",
            "by=day,",
            "x=1",
            "=1",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
