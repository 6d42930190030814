//! JSON schemas of bodies and answers.

mod traffic;

use serde_json::{Map, Value, json};

use tidegate_store::ledger::By;

/// Schemas by name.
pub(super) fn all() -> Value {
    let mut all = Map::new();
    for group in [limits(), keys(), teams(), usage(), traffic::all(), rest()] {
        if let Value::Object(group) = group {
            all.extend(group);
        }
    }
    Value::Object(all)
}

/// An object with exactly these properties.
fn object(properties: Value, required: &[&str]) -> Value {
    json!({"type": "object", "additionalProperties": false, "required": required, "properties": properties})
}

fn list_of(schema: &str) -> Value {
    json!({"type": "array", "items": reference(schema)})
}

fn page_of(schema: &str) -> Value {
    let next = json!({"type": ["string", "null"], "description": "The cursor of the next page; null on the last one."});
    object(json!({"items": list_of(schema), "next": next}), &["items", "next"])
}

fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

/// Some text without control characters, up to so many characters.
fn text(most: u32) -> Value {
    json!({
        "type": "string", "minLength": 1, "maxLength": most,
        "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*[^\\s\\u0000-\\u001f\\u007f-\\u009f][^\\u0000-\\u001f\\u007f-\\u009f]*$",
    })
}

fn texts(about: &str) -> Value {
    json!({"type": "array", "maxItems": 200, "items": text(200), "description": about})
}

fn unix_seconds(about: &str) -> Value {
    json!({"type": "integer", "description": format!("{about}, in Unix seconds.")})
}

fn with(mut base: Value, more: Value) -> Value {
    if let (Value::Object(base), Value::Object(more)) = (&mut base, more) {
        base.extend(more);
    }
    base
}

fn or_null(schema: &Value) -> Value {
    json!({"anyOf": [schema, {"type": "null"}]})
}

/// The same properties; null in place of these is the same as nothing.
fn with_null(mut properties: Value, names: &[&str]) -> Value {
    for name in names {
        properties[*name] = or_null(&properties[*name]);
    }
    properties
}

/// The properties of a merge patch: each but the name may be null, and so may the values in objects.
fn patch(properties: &Value) -> Value {
    let Value::Object(properties) = properties else { return Value::Null };
    let with_null = |schema: &Value| {
        let mut schema = schema.clone();
        if let Some(inner) = schema.get_mut("additionalProperties") {
            *inner = or_null(inner);
        }
        or_null(&schema)
    };
    let patched =
        |name: &str, schema: &Value| if name == "name" { schema.clone() } else { with_null(schema) };
    properties.iter().map(|(name, schema)| (name.clone(), patched(name, schema))).collect()
}

const SCOPES: [&str; 8] = ["global", "route", "team", "key", "user", "ip", "model", "provider"];
const UNITS: [&str; 6] = ["requests", "input_tokens", "output_tokens", "tokens", "money", "concurrent"];

fn quantity(about: &str) -> Value {
    json!({
        "description": about,
        "anyOf": [{"type": "number", "minimum": 0, "maximum": 1_000_000_000_000_000_u64}, {"type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?$"}],
    })
}

fn limits() -> Value {
    let written = json!({
        "name": {
            "type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[A-Za-z0-9._/-]+$",
            "description": "Told to callers who are limited; left out, it is made from what the limit says.",
        },
        "by": {
            "type": "string", "enum": SCOPES,
            "description": "Whose use is added up; left out: what the limit is written on.",
        },
        "of": {"type": "string", "enum": UNITS, "description": "What is counted."},
        "limit": quantity("How much: a whole number, or US dollars with up to nine digits after the point."),
        "per": {
            "type": "string", "pattern": "^(second|minute|hour|day|week|month|[0-9]+(ms|s|m|h|d))$",
            "description": "In which time; not for `concurrent`.",
        },
        "window": {
            "type": "string", "enum": ["sliding", "calendar", "bucket"],
            "description": "How the time is looked at; left out: `calendar` for day, week and month, otherwise `sliding`.",
        },
        "burst": quantity("For a `bucket`: what it holds when it is full; left out: as much as `limit`."),
        "models": texts("Only requests for these models, as patterns with `*`; left out: all."),
    });
    let standing = json!({
        "remaining": quantity("What can still be claimed."),
        "reset": {"type": "number", "description": "Seconds until the counter is as if never used, or its window ends."},
    });
    let in_force = json!({
        "place": {"type": "string", "enum": ["config", "team", "key"], "description": "Where it is written."},
        "owner": {"type": ["string", "null"], "description": "The id of the team or key that it is written on."},
        "name": {"type": "string"},
        "by": {"type": "string", "enum": SCOPES},
        "of": {"type": "string", "enum": UNITS},
        "limit": quantity("How much; money in US dollars."),
        "per": {"type": ["string", "null"]},
        "window": {"type": ["string", "null"], "enum": ["sliding", "calendar", "bucket", null]},
        "burst": {"anyOf": [quantity("What a bucket holds."), {"type": "null"}]},
        "models": {"type": "array", "items": {"type": "string"}},
        "standing": {
            "description": "How the key's counter stands on this instance; null without `key`, and for limits with many counters.",
            "anyOf": [object(standing, &["remaining", "reset"]), {"type": "null"}],
        },
    });
    let required =
        ["place", "owner", "name", "by", "of", "limit", "per", "window", "burst", "models", "standing"];
    json!({
        "Limit": object(with_null(written, &["name", "by", "per", "window", "burst"]), &["of", "limit"]),
        "LimitInForce": object(in_force, &required),
        "LimitPage": page_of("LimitInForce"),
    })
}

fn metadata() -> Value {
    json!({
        "type": "object", "maxProperties": 200, "propertyNames": text(200),
        "additionalProperties": {"type": "string", "maxLength": 1000, "pattern": "^[^\\u0000]*$"},
        "description": "Anything that people want to know about it.",
    })
}

fn limit_list(about: &str) -> Value {
    json!({"type": "array", "maxItems": 50, "items": reference("Limit"), "description": about})
}

/// The fields of a key as it is written.
fn key_fields() -> Value {
    json!({
        "name": with(text(200), json!({"description": "What people call it; need not be unique."})),
        "team": with(text(200), json!({"description": "Its team, by id or name; read back, it is the id."})),
        "tags": texts("Words to add usage up by."),
        "models": texts("Models that it may ask for, as patterns with `*`; empty: all that its team may."),
        "routes": texts("Routes, or endpoints (`chat_completions`), that it may use, as patterns; empty: all."),
        "networks": texts("Networks that it may be used from (`10.0.0.0/8`); empty: all."),
        "expires": {
            "type": "string", "format": "date-time",
            "description": "When it stops working (RFC 3339, from 1970 on); left out: never.",
        },
        "enabled": {"type": "boolean", "default": true, "description": "Off: it does not work."},
        "strict": {
            "type": "boolean", "default": false,
            "description": "Refuses what cannot be carried over to a provider's dialect, instead of leaving it out.",
        },
        "priority": {
            "type": "string", "enum": ["low", "normal", "high", "critical"], "default": "normal",
            "description": "How much its requests matter when there is not room for all.",
        },
        "overrides": {
            "type": "boolean", "default": false,
            "description": "May choose target and strategy of a request by `x-tidegate-target` and `x-tidegate-strategy`.",
        },
        "limits": limit_list("Its own limits; counted by key unless they say otherwise."),
        "metadata": metadata(),
    })
}

fn keys() -> Value {
    let written = key_fields();
    let record = with(
        written.clone(),
        json!({
            "id": {"type": "string", "description": "`key_…`."},
            "hint": {"type": "string", "description": "The key's first 6 and last 4 characters."},
            "created": unix_seconds("When it was made"),
            "changed": unix_seconds("When it was last changed"),
            "old_until": unix_seconds("After a rotation: until when the secret before works"),
        }),
    );
    let required = [
        "id",
        "hint",
        "name",
        "tags",
        "models",
        "routes",
        "networks",
        "enabled",
        "strict",
        "priority",
        "overrides",
        "limits",
        "metadata",
        "created",
        "changed",
    ];
    let secret =
        json!({"key": {"type": "string", "description": "The key itself. Nobody can look it up later."}});
    let grace = json!({"grace": {
        "type": "string", "pattern": "^[0-9]{1,9}[smhd]$", "default": "24h",
        "description": "How long the secret before goes on working: `0s` to `90d`.",
    }});
    json!({
        "NewKey": object(with_null(written.clone(), &["team", "expires"]), &["name"]),
        "KeyPatch": object(patch(&written), &[]),
        "Key": object(record.clone(), &required),
        "KeyWithSecret": object(with(record, secret), &[&required[..], &["key"]].concat()),
        "KeyPage": page_of("Key"),
        "Rotation": object(grace, &[]),
    })
}

/// The fields of a team as it is written.
fn team_fields() -> Value {
    json!({
        "name": with(text(200), json!({"description": "Its name, unique."})),
        "enabled": {"type": "boolean", "default": true, "description": "Off: none of its keys works."},
        "models": texts("Models that its keys may ask for, as patterns with `*`; empty: all."),
        "limits": limit_list("Limits that its keys share; counted by team unless they say otherwise."),
        "metadata": metadata(),
    })
}

fn teams() -> Value {
    let written = team_fields();
    let record = with(
        written.clone(),
        json!({
            "id": {"type": "string", "description": "`team_…`."},
            "created": unix_seconds("When it was made"),
            "changed": unix_seconds("When it was last changed"),
        }),
    );
    let required = ["id", "name", "enabled", "models", "limits", "metadata", "created", "changed"];
    json!({
        "NewTeam": object(written.clone(), &["name"]),
        "TeamPatch": object(patch(&written), &[]),
        "Team": object(record, &required),
        "TeamPage": page_of("Team"),
    })
}

/// The numbers of a line of usage, and what they count.
const SUMS: [(&str, &str); 15] = [
    ("requests", "Exchanges that ended."),
    ("attempts", "Attempts at a target."),
    ("input", "Prompt tokens, the cached ones included."),
    ("output", "Answer tokens, reasoning included."),
    ("cache_read", "Prompt tokens that the provider's cache had."),
    ("cache_write", "Prompt tokens written to the provider's cache."),
    ("reasoning", "Answer tokens that were reasoning."),
    ("audio", "Audio tokens."),
    ("image", "Image tokens."),
    ("cost", "Billionths of a US dollar."),
    ("estimated", "Attempts whose tokens were estimated."),
    ("unpriced", "Attempts that used tokens of a model without a price: their cost is missing from the sum."),
    ("duration", "Microseconds."),
    ("first_token_sum", "Microseconds, over the attempts that had a first token."),
    ("first_token_count", "How many attempts had one."),
];

fn usage() -> Value {
    let words = By::ALL.map(|by| by.word());
    let groups: Map<String, Value> =
        words.iter().map(|word| ((*word).to_owned(), json!({"type": "string"}))).collect();
    let sums = SUMS
        .iter()
        .map(|(name, about)| ((*name).to_owned(), json!({"type": "integer", "description": about})));
    let dollars =
        json!({"type": "number", "description": "The cost in US dollars, for reading; sums are in `cost`."});
    let mut properties: Map<String, Value> = groups.into_iter().chain(sums).collect();
    properties.insert("cost_usd".to_owned(), dollars);
    let required: Vec<&str> = SUMS.iter().map(|(name, _)| *name).chain(["cost_usd"]).collect();
    let answer = json!({
        "from": {"type": "string", "description": "The first moment that counts."},
        "to": {"type": "string", "description": "The first moment that does not count any more."},
        "group_by": {"type": "array", "items": {"type": "string", "enum": words}},
        "items": list_of("UsageLine"),
        "more": {"type": "boolean", "description": "Whether `limit` has cut lines off."},
    });
    json!({
        "UsageLine": object(Value::Object(properties), &required),
        "Usage": object(answer, &["from", "to", "group_by", "items", "more"]),
    })
}

fn price() -> Value {
    let per_million = json!({"type": "number"});
    let price = json!({
        "unit": {"type": "string"}, "input": per_million, "output": per_million,
        "cache_read": per_million, "cache_write": per_million,
    });
    json!({"anyOf": [object(price, &["unit"]), {"type": "null"}]})
}

fn models() -> Value {
    let tokens = json!({"type": ["integer", "null"]});
    let model = json!({
        "id": {"type": "string", "description": "The name to ask for."},
        "owner": {"type": "string", "description": "The provider, or `tidegate` for a name of the config."},
        "targets": {"type": "array", "items": {"type": "string"}},
        "price": price(), "context_window": tokens, "max_output": tokens,
    });
    let name = json!({"name": {"type": "string"}, "weight": {"type": "integer", "minimum": 0}});
    let target = json!({
        "label": {"type": "string", "description": "`provider/model`."},
        "provider": {"type": "string"},
        "model": {"type": "string"},
        "dialects": {"type": "array", "items": {"type": "string"}},
        "names": {
            "type": "array", "items": object(name, &["name", "weight"]),
            "description": "Names of the config that lead to it; weight 0 is for fail-over only.",
        },
        "price": price(),
        "state": {
            "description": "How it stands on this instance; null: it has not been asked yet.",
            "anyOf": [reference("TargetState"), {"type": "null"}],
        },
    });
    json!({
        "Model": object(model, &["id", "owner", "targets", "price", "context_window", "max_output"]),
        "Models": object(json!({"items": list_of("Model")}), &["items"]),
        "Target": object(target, &["label", "provider", "model", "dialects", "names", "price", "state"]),
        "Targets": object(json!({"items": list_of("Target")}), &["items"]),
    })
}

fn rest() -> Value {
    let text = json!({"type": "string"});
    let change = json!({
        "seq": {"type": "integer", "description": "Later changes have greater ones."},
        "at": unix_seconds("When"),
        "actor": {"type": "string", "description": "Who."},
        "action": {"type": "string", "enum": ["create", "update", "rotate", "delete", "open", "close"]},
        "kind": {"type": "string", "enum": ["key", "team", "target"]},
        "id": text,
        "detail": {"type": "object", "description": "`before` and `after`, without secrets."},
    });
    let error = json!({
        "field": {"type": "string", "description": "`limits[0].limit`, or a query parameter."},
        "message": {"type": "string", "description": "The end of a sentence that begins with the field."},
    });
    let problem = json!({
        "type": {"type": "string", "description": "Stable: `urn:tidegate:problem:…`."},
        "title": text, "status": {"type": "integer"}, "detail": text,
        "errors": {"type": "array", "items": object(error, &["field", "message"])},
    });
    with(
        models(),
        json!({
            "Index": object(json!({"openapi": text, "name": text, "version": text}), &["openapi", "name", "version"]),
            "Document": {"type": "object", "required": ["openapi", "info", "paths"]},
            "Change": object(change, &["seq", "at", "actor", "action", "kind", "id", "detail"]),
            "ChangePage": page_of("Change"),
            "Problem": object(problem, &["type", "title", "status", "detail"]),
        }),
    )
}

#[cfg(test)]
mod tests {
    use tidegate_policy::limit::Spec;
    use tidegate_store::keys::{KeySpec, TeamSpec};
    use tidegate_store::ledger::Sums;

    use super::*;

    fn names(value: &Value) -> Vec<&str> {
        let mut names: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// What serde calls the fields of a shape that refuses unknown ones.
    fn fields<T: serde::de::DeserializeOwned>() -> Vec<String> {
        let Err(error) = serde_json::from_value::<T>(json!({"?": 1})) else { panic!("takes everything") };
        let text = error.to_string();
        let mut fields: Vec<_> = text.split('`').skip(3).step_by(2).map(str::to_owned).collect();
        fields.sort_unstable();
        fields
    }

    #[test]
    fn the_schemas_have_the_fields_of_the_shapes() {
        let all = all();
        assert_eq!(fields::<KeySpec>(), names(&all["NewKey"]["properties"]));
        assert_eq!(fields::<TeamSpec>(), names(&all["NewTeam"]["properties"]));
        assert_eq!(fields::<Spec>(), names(&all["Limit"]["properties"]));
        let sums = serde_json::to_value(Sums::default()).unwrap();
        let mut described: Vec<_> = SUMS.map(|(name, _)| name).into();
        described.sort_unstable();
        assert_eq!(names(&sums), described);
    }
}
