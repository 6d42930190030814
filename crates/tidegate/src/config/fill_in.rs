//! Fills in `${NAME}`, `${NAME:-default}` and `${file:/path}` wherever a text has them.

use std::path::Path;

use tidegate_proxy::snapshot::nearest;

use super::problem::Problem;
use super::tree::{Node, Place, Value};
use crate::environment::Environment;

/// Where values come from.
pub(super) struct Sources<'a> {
    /// The file's text, to point at the very `${…}` that has no value.
    pub(super) text: &'a str,
    /// Variables.
    pub(super) environment: &'a Environment,
    /// The folder at which relative paths start.
    pub(super) folder: &'a Path,
}

/// Fills in a whole tree. A text without a value becomes [`Value::Unknown`]; there is nothing more to say about it then.
pub(super) fn fill_in(node: &mut Node, sources: &Sources<'_>, problems: &mut Vec<Problem>) {
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(|item| fill_in(item, sources, problems)),
        Value::Map(entries) => entries.iter_mut().for_each(|(_, child)| fill_in(child, sources, problems)),
        Value::Text(text) if text.contains("${") => {
            node.filled_in = true;
            node.value = match sources.text_of(text, &node.place) {
                Ok(filled) => Value::Text(filled),
                Err(problem) => {
                    problems.push(problem);
                    Value::Unknown
                }
            };
        }
        _ => {}
    }
}

impl Sources<'_> {
    fn text_of(&self, text: &str, place: &Place) -> Result<String, Problem> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            // `$${` is a plain `${`.
            if let Some(before) = rest[..start].strip_suffix('$') {
                out += before;
                out += "${";
                rest = &rest[start + 2..];
                continue;
            }
            out += &rest[..start];
            let inside = &rest[start + 2..];
            let Some(end) = inside.find('}') else {
                let problem = Problem::error("`${` has no `}`", place.clone());
                return Err(problem.help("write `$${` for a plain `${`"));
            };
            out += &self.value_of(&inside[..end], place)?;
            rest = &inside[end + 1..];
        }
        Ok(out + rest)
    }

    fn value_of(&self, expression: &str, place: &Place) -> Result<String, Problem> {
        let problem = |title: String| Problem::error(title, self.narrow(expression, place));
        if let Some(path) = expression.strip_prefix("file:") {
            return std::fs::read_to_string(self.folder.join(path.trim()))
                .map(|text| text.trim_end_matches(['\n', '\r']).to_owned())
                .map_err(|error| problem(format!("the file `{path}` cannot be read: {error}")));
        }
        let (name, default) = match expression.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (expression, None),
        };
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            let problem = problem(format!("`${{{expression}}}` names no variable"));
            return Err(problem.help("write `${NAME}`, `${NAME:-default}` or `${file:/path}`"));
        }
        self.environment.get(name).or(default).map(str::to_owned).ok_or_else(|| {
            let problem = problem(format!("the environment variable `{name}` is not set"));
            problem.help(match nearest(name, self.environment.names()) {
                Some(other) if other != name => format!("did you mean `{other}`?"),
                _ => format!("set it, put it into `.env`, or give a default: `${{{name}:-…}}`"),
            })
        })
    }

    /// The place of this `${…}` inside the text's place.
    fn narrow(&self, expression: &str, place: &Place) -> Place {
        let whole = format!("${{{expression}}}");
        match self.text.get(place.clone()).and_then(|written| written.find(&whole)) {
            Some(at) => place.start + at..place.start + at + whole.len(),
            None => place.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tree::parse;

    fn filled(text: &str) -> Result<String, Vec<(String, String)>> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("key"), "from the file\n").unwrap();
        let environment = Environment::parse("HOST=h\nEMPTY=");
        let sources = Sources { text, environment: &environment, folder: folder.path() };
        let (mut node, mut problems) = (parse(text).unwrap(), Vec::new());
        fill_in(&mut node, &sources, &mut problems);
        if problems.is_empty() {
            let Some(Node { value: Value::Text(text), .. }) = node.get(&["a"]) else { panic!() };
            return Ok(text.clone());
        }
        Err(problems.into_iter().map(|p| (p.title, text[p.place.unwrap()].to_owned())).collect())
    }

    #[test]
    fn every_form_is_filled_in() {
        assert_eq!(filled("a: http://${HOST}:${PORT:-80}/${HOST}").as_deref(), Ok("http://h:80/h"));
        assert_eq!(filled("a: ${file:key}").as_deref(), Ok("from the file"));
        assert_eq!(filled("a: ${EMPTY:-x}").as_deref(), Ok("x"));
        assert_eq!(filled("a: $${HOST}").as_deref(), Ok("${HOST}"));
    }

    #[test]
    fn what_has_no_value_is_pointed_at() {
        let wrong = filled("a: x-${HOSTS}\nb: [\"${file:/no/such}\", '${A B}', '${HOST']").unwrap_err();
        let places: Vec<&str> = wrong.iter().map(|(_, place)| place.as_str()).collect();
        assert_eq!(places, ["${HOSTS}", "${file:/no/such}", "${A B}", "'${HOST'"]);
        assert_eq!(wrong[0].0, "the environment variable `HOSTS` is not set");
    }
}
