//! Templates with variables in nginx' words (`$host`, `${http_user_agent}`), for headers, redirects and access logs.
//!
//! A [`Template`] is compiled once; [`Template::render`] writes it for one [`Scene`]. `$$` is a dollar.

mod name;
mod scene;
#[cfg(test)]
mod tests;

pub use name::{Moment, Variable, WORDS};
pub use scene::{Scene, Try};

/// Text with variables in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(Box<str>),
    Variable(Variable),
}

/// How values are made fit for where they go; the template's own text is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escape {
    /// As they are; what is not there is empty. For headers.
    None,
    /// `"`, `\` and everything but printable ASCII become `\xXX`; what is not there is `-`. For logs, as nginx does it.
    Log,
    /// Fit for a JSON string; what is not there is empty.
    Json,
}

impl Template {
    /// Appends the text with the scene's values.
    pub fn render(&self, scene: &Scene<'_>, escape: Escape, out: &mut Vec<u8>) {
        for part in &self.parts {
            match part {
                Part::Text(text) => out.extend_from_slice(text.as_bytes()),
                Part::Variable(variable) => push_value(scene, variable, escape, out),
            }
        }
    }

    /// The text as a header's value; none when it is empty, or when a value holds what no header may hold.
    pub fn header_value(&self, scene: &Scene<'_>) -> Option<http::HeaderValue> {
        let mut out = Vec::new();
        self.render(scene, Escape::None, &mut out);
        if out.is_empty() { None } else { http::HeaderValue::from_bytes(&out).ok() }
    }

    /// What is wrong with it at that moment: a variable that would always be empty.
    pub fn fault_at(&self, moment: Moment) -> Option<String> {
        self.parts.iter().find_map(|part| match part {
            Part::Variable(variable) => {
                variable.is_unknown_at(moment).map(|why| format!("`${}` {why}", variable.name()))
            }
            Part::Text(_) => None,
        })
    }

    /// The variables in it.
    pub fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.parts.iter().filter_map(|part| match part {
            Part::Variable(variable) => Some(variable),
            Part::Text(_) => None,
        })
    }
}

impl std::str::FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(dollar) = rest.find('$') {
            literal.push_str(&rest[..dollar]);
            rest = &rest[dollar + 1..];
            if let Some(after) = rest.strip_prefix('$') {
                literal.push('$');
                rest = after;
                continue;
            }
            let (name, after) = name_at(rest).ok_or_else(|| {
                format!(
                    "`{text}`: a name must follow `$`; write `$$` for a dollar, `${{name}}` next to letters"
                )
            })?;
            if !literal.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut literal).into()));
            }
            parts.push(Part::Variable(name.parse()?));
            rest = after;
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Text(literal.into()));
        }
        Ok(Self { parts })
    }
}

/// A name, bare or in braces, and what follows it.
fn name_at(text: &str) -> Option<(&str, &str)> {
    if let Some(inside) = text.strip_prefix('{') {
        return inside.split_once('}').filter(|(name, _)| !name.is_empty());
    }
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

fn push_value(scene: &Scene<'_>, variable: &Variable, escape: Escape, out: &mut Vec<u8>) {
    let start = out.len();
    let is_known = scene.push(variable, out).is_some();
    match escape {
        Escape::Log if !is_known || out.len() == start => out.push(b'-'),
        Escape::Log => {
            // Few values hold anything that has to be escaped.
            if let Some(first) = out[start..].iter().position(|byte| !is_plain(*byte)) {
                let rest = out.split_off(start + first);
                rest.iter().for_each(|byte| push_for_log(*byte, out));
            }
        }
        Escape::Json => {
            let value = out.split_off(start);
            push_for_json(&String::from_utf8_lossy(&value), out);
        }
        Escape::None => {}
    }
}

/// Whether a log may hold it as it is.
fn is_plain(byte: u8) -> bool {
    (b' '..=b'~').contains(&byte) && !matches!(byte, b'"' | b'\\')
}

fn push_for_log(byte: u8, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    if is_plain(byte) {
        out.push(byte);
    } else {
        out.extend_from_slice(&[b'\\', b'x', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}

fn push_for_json(text: &str, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0..0x20 | 0x7f => {
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
            }
            _ => out.push(byte),
        }
    }
}
