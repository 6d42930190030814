//! A row as a line of JSON, written by hand: a sixth of the instructions that serde takes for it.

use tidegate_core::digits::push_number;
use tidegate_core::json::push_escaped;

use super::{Row, Tokens};

impl Row<'_> {
    /// Appends the row as a JSON object on one line, without the line's end.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"request_id\":\"");
        push_escaped(out, &self.request_id);
        out.extend_from_slice(b"\",\"attempt\":");
        push_number(out, self.attempt.into(), 1);
        out.extend_from_slice(if self.last { b",\"last\":true" } else { b",\"last\":false" });
        number(out, ",\"ended\":", self.ended);
        text(out, ",\"key\":\"", &self.key);
        text(out, ",\"team\":\"", &self.team);
        text(out, ",\"user\":\"", &self.user);
        tags(out, &self.tags);
        text(out, ",\"client\":\"", &self.client);
        text(out, ",\"endpoint\":\"", &self.endpoint);
        text(out, ",\"model\":\"", &self.model);
        text(out, ",\"provider\":\"", &self.provider);
        text(out, ",\"target_model\":\"", &self.target_model);
        text(out, ",\"upstream_id\":\"", &self.upstream_id);
        text(out, ",\"outcome\":\"", &self.outcome);
        number(out, ",\"status\":", self.status.into());
        text(out, ",\"error\":\"", &self.error);
        flag(out, ",\"stream\":true", self.stream);
        tokens(out, &self.tokens);
        flag(out, ",\"estimated\":true", self.estimated);
        if let Some(cost) = self.cost {
            number(out, ",\"cost\":", cost);
        }
        text(out, ",\"prices\":\"", &self.prices);
        text(out, ",\"price_version\":\"", &self.price_version);
        if let Some(time) = self.first_token {
            number(out, ",\"first_token\":", time);
        }
        number(out, ",\"duration\":", self.duration);
        text(out, ",\"cache\":\"", &self.cache);
        text(out, ",\"region\":\"", &self.region);
        out.push(b'}');
    }
}

fn tokens(out: &mut Vec<u8>, tokens: &Tokens) {
    number(out, ",\"tokens\":{\"input\":", tokens.input);
    number(out, ",\"output\":", tokens.output);
    for (name, count) in [
        (",\"cache_read\":", tokens.cache_read),
        (",\"cache_write\":", tokens.cache_write),
        (",\"reasoning\":", tokens.reasoning),
        (",\"audio\":", tokens.audio),
        (",\"image\":", tokens.image),
    ] {
        if count != 0 {
            number(out, name, count);
        }
    }
    out.push(b'}');
}

fn tags(out: &mut Vec<u8>, tags: &[String]) {
    if tags.is_empty() {
        return;
    }
    out.extend_from_slice(b",\"tags\":");
    for (place, tag) in tags.iter().enumerate() {
        out.extend_from_slice(if place == 0 { b"[\"" } else { b",\"" });
        push_escaped(out, tag);
        out.push(b'"');
    }
    out.push(b']');
}

fn text(out: &mut Vec<u8>, name: &str, text: &str) {
    if !text.is_empty() {
        out.extend_from_slice(name.as_bytes());
        push_escaped(out, text);
        out.push(b'"');
    }
}

fn number(out: &mut Vec<u8>, name: &str, number: i64) {
    out.extend_from_slice(name.as_bytes());
    if number < 0 {
        out.push(b'-');
    }
    push_number(out, number.unsigned_abs(), 1);
}

fn flag(out: &mut Vec<u8>, name: &str, is_set: bool) {
    if is_set {
        out.extend_from_slice(name.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(row: &Row<'_>) -> String {
        let mut out = Vec::new();
        row.write(&mut out);
        assert!(!out.contains(&b'\n'));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_is_empty_is_left_out() {
        assert_eq!(
            written(&Row::default()),
            r#"{"request_id":"","attempt":0,"last":false,"ended":0,"status":0,"tokens":{"input":0,"output":0},"duration":0}"#
        );
    }

    proptest! {
        #[test]
        fn every_row_comes_back_as_it_was(
            texts in proptest::array::uniform16(any::<String>()),
            tags: Vec<String>,
            numbers in proptest::array::uniform10(any::<i64>()),
            flags: [bool; 3],
            cost: Option<i64>,
            first_token: Option<i64>,
            attempt: u32,
            status: u16,
        ) {
            let [request_id, key, team, user, client, endpoint, model, provider, rest @ ..] = texts.map(Into::into);
            let [target_model, upstream_id, outcome, error, prices, price_version, cache, region] = rest;
            let [ended, duration, input, output, cache_read, cache_write, reasoning, audio, image, _] = numbers;
            let row = Row {
                request_id, attempt, last: flags[0], ended, key, team, user, tags: tags.into(), client, endpoint, model, provider,
                target_model, upstream_id, outcome, status, error, stream: flags[1],
                tokens: Tokens { input, output, cache_read, cache_write, reasoning, audio, image },
                estimated: flags[2], cost, prices, price_version, first_token, duration, cache, region,
            };
            let line = written(&row);
            prop_assert_eq!(serde_json::from_str::<Row<'_>>(&line).unwrap(), row);
        }
    }
}
