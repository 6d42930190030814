//! How the written shapes of the store are read from bodies.

use serde::Serialize;
use serde_json::{Map, Value, json};
use tidegate_policy::limit::Spec;
use tidegate_store::keys::{FieldError, KeySpec, TeamSpec};

use super::body::{Trial, Written, merge, sentence, shape, try_alone};
use super::problem::{Kind, Problem, wrong};

impl Written for KeySpec {
    fn lists() -> Vec<(&'static str, Trial)> {
        vec![("limits", limit)]
    }
}

impl Written for TeamSpec {
    fn lists() -> Vec<(&'static str, Trial)> {
        vec![("limits", limit)]
    }
}

/// Tries the fields of a limit.
fn limit(value: &Value) -> Vec<FieldError> {
    let Err(error) = serde_json::from_value::<Spec>(value.clone()) else { return Vec::new() };
    let Some(fields) = value.as_object() else { return vec![wrong("", "must be an object")] };
    let good = [("of".to_owned(), json!("requests")), ("limit".to_owned(), json!(1))];
    let good = Map::from_iter(good);
    let mut errors: Vec<_> =
        fields.iter().filter_map(|(field, value)| try_alone::<Spec>(field, value, &good)).collect();
    let missing = good.keys().filter(|field| !fields.contains_key(*field));
    errors.extend(missing.map(|field| wrong(field, "is missing")));
    if errors.is_empty() {
        errors.push(wrong("", sentence(&error)));
    }
    errors
}

/// The written shape that a patch makes of another one.
///
/// A name can be changed but not taken away; that is told as such, because the patch need not have a name.
pub(super) fn patched<T: Written + Serialize>(before: &T, patch: Map<String, Value>) -> Result<T, Problem> {
    let nulls = patch.iter().filter(|(_, value)| value.is_null());
    let errors: Vec<_> = nulls.filter_map(|(field, null)| not_to_take_away::<T>(field, null)).collect();
    if !errors.is_empty() {
        return Err(Problem::fields(errors));
    }
    let mut written =
        serde_json::to_value(before).map_err(|_| Problem::new(Kind::Internal, "see the gateway's log"))?;
    merge(&mut written, &Value::Object(patch));
    match written {
        Value::Object(fields) => shape(fields),
        _ => Err(Problem::new(Kind::Invalid, "the body must be a JSON object")),
    }
}

/// What is wrong with taking that field away: it must be there, or there is none of that name (a merge would not notice).
fn not_to_take_away<T: Written>(field: &str, null: &Value) -> Option<FieldError> {
    if field == "name" {
        return Some(wrong(field, "cannot be taken away"));
    }
    try_alone::<T>(field, null, &Map::new()).filter(|error| error.message.starts_with("is unknown"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields<T: Written>(json: Value) -> Vec<String> {
        let Value::Object(object) = json else { panic!("an object") };
        let Err(problem) = shape::<T>(object) else { return Vec::new() };
        let problem = serde_json::to_value(problem).unwrap();
        let errors = problem["errors"].as_array().unwrap();
        errors.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn a_patch_cannot_take_away_the_name_or_what_is_not_there() {
        let before: TeamSpec = shape(Map::from_iter([("name".to_owned(), json!("a"))])).unwrap();
        let patch = |json: Value| patched(&before, json.as_object().unwrap().clone());
        let problem = serde_json::to_value(patch(json!({"name": null})).unwrap_err()).unwrap();
        assert_eq!(problem["errors"][0]["field"], "name");
        let problem =
            serde_json::to_value(patch(json!({"expirse": null, "models": null})).unwrap_err()).unwrap();
        assert_eq!(problem["errors"].as_array().unwrap().len(), 1);
        assert_eq!(problem["errors"][0]["field"], "expirse");
        assert_eq!(patch(json!({"name": "b"})).unwrap().name, "b");
        assert_eq!(patch(json!({"enabled": null})).unwrap().name, "a");
    }

    #[test]
    fn every_field_of_the_wrong_type_is_named() {
        let json = json!({
            "name": 5, "tags": "a", "enabled": "yes", "colour": "red", "models": [], "limits": [
                {"of": "requests", "limit": 5, "per": "minute"},
                {"of": "wishes", "limit": true, "per": 7, "size": 1},
                {"by": "key"},
                3,
            ],
        });
        assert_eq!(
            fields::<KeySpec>(json),
            [
                "name",
                "tags",
                "enabled",
                "colour",
                "limits[1].of",
                "limits[1].limit",
                "limits[1].per",
                "limits[1].size",
                "limits[2].of",
                "limits[2].limit",
                "limits[3]",
            ]
        );
        assert_eq!(
            fields::<TeamSpec>(json!({"name": "a", "strict": true, "limits": 1})),
            ["strict", "limits"]
        );
    }
}
