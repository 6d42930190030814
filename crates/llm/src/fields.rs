//! Reading JSON objects field by field, with complaints that name the field.

use serde_json::{Map, Value};

use crate::fault::BadRequest;

/// A JSON object being read. Reading a field takes it out; what is left at the end is unmapped. `null` counts as absent.
#[derive(Debug)]
pub struct Fields {
    path: String,
    map: Map<String, Value>,
}

impl Fields {
    /// Reads `value`, found at `path` (empty for the body itself), which must be an object.
    pub fn of(path: impl Into<String>, value: Value) -> Result<Self, BadRequest> {
        let path = path.into();
        match value {
            Value::Object(map) => Ok(Self { path, map }),
            other if path.is_empty() => {
                Err(BadRequest::body(format!("the body must be a JSON object, not {}", kind(&other))))
            }
            other => Err(wrong(&path, "an object", &other)),
        }
    }

    /// Parses `body`, which must be one JSON object.
    pub fn parse(body: &[u8]) -> Result<Self, BadRequest> {
        let value = serde_json::from_slice(body)
            .map_err(|error| BadRequest::body(format!("the body is not valid JSON: {error}")))?;
        Self::of("", value)
    }

    /// The path of this object.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The path of one of its fields.
    pub fn at(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// Looks at a field without taking it.
    pub fn peek(&self, name: &str) -> Option<&Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    /// Looks at a string field without taking it; empty if it is absent or no string.
    pub fn peek_str(&self, name: &str) -> &str {
        self.peek(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Takes a field of any type.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.map.shift_remove(name).filter(|value| !value.is_null())
    }

    /// Takes a field that must be there.
    pub fn required(&mut self, name: &str) -> Result<Value, BadRequest> {
        self.take(name)
            .ok_or_else(|| BadRequest::field(self.at(name), format!("`{}` is required", self.at(name))))
    }

    /// Takes a string.
    pub fn string(&mut self, name: &str) -> Result<Option<String>, BadRequest> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong(&self.at(name), "a string", &other)),
        }
    }

    /// Takes a string that must be there.
    pub fn required_string(&mut self, name: &str) -> Result<String, BadRequest> {
        match self.required(name)? {
            Value::String(text) => Ok(text),
            other => Err(wrong(&self.at(name), "a string", &other)),
        }
    }

    /// Takes a boolean.
    pub fn bool(&mut self, name: &str) -> Result<Option<bool>, BadRequest> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(other) => Err(wrong(&self.at(name), "true or false", &other)),
        }
    }

    /// Takes a whole number of at least 0.
    pub fn u64(&mut self, name: &str) -> Result<Option<u64>, BadRequest> {
        match self.take(name) {
            None => Ok(None),
            Some(value) => match whole(&value) {
                Some(number) => Ok(Some(number)),
                None => Err(wrong(&self.at(name), "a whole number of at least 0", &value)),
            },
        }
    }

    /// Takes a whole number.
    pub fn i64(&mut self, name: &str) -> Result<Option<i64>, BadRequest> {
        match self.take(name) {
            None => Ok(None),
            Some(value) => match value.as_i64() {
                Some(number) => Ok(Some(number)),
                None => Err(wrong(&self.at(name), "a whole number", &value)),
            },
        }
    }

    /// Takes a number.
    pub fn f64(&mut self, name: &str) -> Result<Option<f64>, BadRequest> {
        match self.take(name) {
            None => Ok(None),
            Some(value) => match value.as_f64().filter(|number| number.is_finite()) {
                Some(number) => Ok(Some(number)),
                None => Err(wrong(&self.at(name), "a number", &value)),
            },
        }
    }

    /// Takes an array; absent is `None`.
    pub fn array(&mut self, name: &str) -> Result<Option<Vec<Value>>, BadRequest> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items)),
            Some(other) => Err(wrong(&self.at(name), "an array", &other)),
        }
    }

    /// Takes an object.
    pub fn object(&mut self, name: &str) -> Result<Option<Fields>, BadRequest> {
        let path = self.at(name);
        self.take(name).map(|value| Fields::of(path, value)).transpose()
    }

    /// Takes an array of objects, each with its own path; absent is empty.
    pub fn objects(&mut self, name: &str) -> Result<Vec<Fields>, BadRequest> {
        let path = self.at(name);
        let items = self.array(name)?.unwrap_or_default();
        items.into_iter().enumerate().map(|(i, item)| Fields::of(format!("{path}[{i}]"), item)).collect()
    }

    /// A complaint about one of the fields.
    pub fn complain(&self, name: &str, message: impl Into<String>) -> BadRequest {
        BadRequest::field(self.at(name), message)
    }

    /// What was not taken, with full paths; nulls left out.
    pub fn leftovers(self) -> Vec<(String, Value)> {
        let Self { path, map } = self;
        map.into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (if path.is_empty() { name } else { format!("{path}.{name}") }, value))
            .collect()
    }

    /// The object with what was not taken.
    pub fn into_value(self) -> Value {
        Value::Object(self.map)
    }
}

/// A complaint about a value of the wrong type.
pub fn wrong(path: &str, expected: &str, got: &Value) -> BadRequest {
    BadRequest::field(path, format!("`{path}` must be {expected}, not {}", kind(got)))
}

/// A whole number of at least 0; `3.0` counts.
fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| {
        let number = value.as_f64()?;
        (number >= 0.0 && number.fract() == 0.0 && number < 9e15).then_some(number as u64)
    })
}

fn kind(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(_) => "a string".to_owned(),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn complaints_name_the_whole_path() {
        let mut body = Fields::of("", json!({"messages": [{"role": "user"}, {"role": 5}]})).unwrap();
        let mut messages = body.objects("messages").unwrap();
        let error = messages[1].string("role").unwrap_err();
        assert_eq!(error.param.as_deref(), Some("messages[1].role"));
        assert_eq!(error.message, "`messages[1].role` must be a string, not the number 5");
    }

    #[test]
    fn what_is_not_taken_is_left_over() {
        let mut body = Fields::of("", json!({"a": 1, "b": null, "c": "x"})).unwrap();
        assert_eq!(body.u64("a").unwrap(), Some(1));
        assert_eq!(body.leftovers(), vec![("c".to_owned(), json!("x"))]);
    }
}
