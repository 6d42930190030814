//! Reads the lines that this program wrote: a quarter of the instructions that serde takes. Whatever is not exactly so is left to serde.

use std::borrow::Cow;

use super::{Row, Tokens};

impl<'t> Row<'t> {
    /// Reads a row from its line, whoever wrote it.
    pub(crate) fn read(line: &'t str) -> Result<Self, serde_json::Error> {
        scan(line).map_or_else(|| serde_json::from_str(line), Ok)
    }
}

/// A row of its line, if the line is one that [`Row::write`] writes and no text of it needs escapes.
fn scan(line: &str) -> Option<Row<'_>> {
    // No text may hold control characters. Asked of the whole line, without a way out, it becomes vector code.
    if line.bytes().fold(false, |is_found, byte| is_found | (byte < b' ')) {
        return None;
    }
    let mut rest = Scan(line);
    let row = Row {
        request_id: rest.text("{\"request_id\":\"")?,
        attempt: u32::try_from(rest.number(",\"attempt\":")?).ok()?,
        last: rest.last()?,
        ended: rest.number(",\"ended\":")?,
        key: rest.optional(",\"key\":\"")?,
        team: rest.optional(",\"team\":\"")?,
        user: rest.optional(",\"user\":\"")?,
        tags: rest.tags()?,
        client: rest.optional(",\"client\":\"")?,
        endpoint: rest.optional(",\"endpoint\":\"")?,
        model: rest.optional(",\"model\":\"")?,
        provider: rest.optional(",\"provider\":\"")?,
        target_model: rest.optional(",\"target_model\":\"")?,
        upstream_id: rest.optional(",\"upstream_id\":\"")?,
        outcome: rest.optional(",\"outcome\":\"")?,
        status: u16::try_from(rest.number(",\"status\":")?).ok()?,
        error: rest.optional(",\"error\":\"")?,
        stream: rest.take(",\"stream\":true"),
        tokens: rest.tokens()?,
        estimated: rest.take(",\"estimated\":true"),
        cost: rest.maybe(",\"cost\":")?,
        prices: rest.optional(",\"prices\":\"")?,
        price_version: rest.optional(",\"price_version\":\"")?,
        first_token: rest.maybe(",\"first_token\":")?,
        duration: rest.number(",\"duration\":")?,
        cache: rest.optional(",\"cache\":\"")?,
        region: rest.optional(",\"region\":\"")?,
    };
    (rest.0 == "}").then_some(row)
}

/// What is left of a line. Every question is answered with `None` when the line is not as it should be.
struct Scan<'t>(&'t str);

impl<'t> Scan<'t> {
    fn take(&mut self, what: &str) -> bool {
        let rest = self.0.strip_prefix(what);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn last(&mut self) -> Option<bool> {
        let is_last = self.take(",\"last\":true");
        (is_last || self.take(",\"last\":false")).then_some(is_last)
    }

    fn text(&mut self, name: &str) -> Option<Cow<'t, str>> {
        self.take(name).then(|| self.inside())?
    }

    fn optional(&mut self, name: &str) -> Option<Cow<'t, str>> {
        if self.take(name) { self.inside() } else { Some(Cow::Borrowed("")) }
    }

    /// The text up to the quote that ends it.
    fn inside(&mut self) -> Option<Cow<'t, str>> {
        let end = memchr::memchr2(b'"', b'\\', self.0.as_bytes())?;
        let (text, rest) = self.0.split_at(end);
        self.0 = rest.strip_prefix('"')?;
        Some(Cow::Borrowed(text))
    }

    fn tokens(&mut self) -> Option<Tokens> {
        let tokens = Tokens {
            input: self.number(",\"tokens\":{\"input\":")?,
            output: self.number(",\"output\":")?,
            cache_read: self.count(",\"cache_read\":")?,
            cache_write: self.count(",\"cache_write\":")?,
            reasoning: self.count(",\"reasoning\":")?,
            audio: self.count(",\"audio\":")?,
            image: self.count(",\"image\":")?,
        };
        self.take("}").then_some(tokens)
    }

    /// Tags are rare enough for serde.
    fn tags(&mut self) -> Option<Cow<'t, [String]>> {
        if !self.take(",\"tags\":") {
            return Some(Cow::Borrowed(&[]));
        }
        let mut tags = serde_json::Deserializer::from_str(self.0).into_iter::<Vec<String>>();
        let found = tags.next()?.ok()?;
        self.0 = self.0.get(tags.byte_offset()..)?;
        Some(Cow::Owned(found))
    }

    fn number(&mut self, name: &str) -> Option<i64> {
        self.take(name).then(|| self.digits())?
    }

    fn count(&mut self, name: &str) -> Option<i64> {
        if self.take(name) { self.digits() } else { Some(0) }
    }

    #[allow(clippy::option_option)] // what is not there, and what cannot be read
    fn maybe(&mut self, name: &str) -> Option<Option<i64>> {
        if self.take(name) { self.digits().map(Some) } else { Some(None) }
    }

    /// A number without a sign that fits for sure, and without zeros in front.
    fn digits(&mut self) -> Option<i64> {
        let mut number = 0_i64;
        let mut length = 0;
        for byte in self.0.bytes().take_while(u8::is_ascii_digit).take(19) {
            number = number * 10 + i64::from(byte - b'0');
            length += 1;
        }
        let is_plain = (1..19).contains(&length) && (length == 1 || !self.0.starts_with('0'));
        self.0 = &self.0[length..];
        is_plain.then_some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(row: &Row<'_>) -> String {
        let mut line = Vec::new();
        row.write(&mut line);
        String::from_utf8(line).unwrap()
    }

    fn row(
        texts: [String; 4],
        tags: Vec<String>,
        numbers: [i64; 4],
        cost: Option<i64>,
        flags: [bool; 3],
    ) -> Row<'static> {
        let [request_id, key, model, region] = texts.map(Cow::Owned);
        let [ended, input, image, duration] = numbers;
        Row {
            request_id,
            attempt: 7,
            last: flags[0],
            ended,
            key,
            tags: tags.into(),
            model,
            stream: flags[1],
            tokens: Tokens { input, image, ..Tokens::default() },
            estimated: flags[2],
            cost,
            duration,
            region,
            ..Row::default()
        }
    }

    proptest! {
        #[test]
        fn plain_rows_are_read_without_serde(
            texts in proptest::array::uniform4("[^\"\\\\\u{0}-\u{1f}]{0,9}"),
            tags: Vec<String>,
            numbers in proptest::array::uniform4(0..i64::MAX / 10),
            cost in proptest::option::of(0_i64..1_000_000),
            flags: [bool; 3],
        ) {
            let row = row(texts, tags, numbers, cost, flags);
            let line = line(&row);
            prop_assert_eq!(scan(&line), Some(row));
        }

        #[test]
        fn what_is_read_without_serde_is_what_serde_reads(
            texts: [String; 4],
            tags: Vec<String>,
            numbers: [i64; 4],
            cost: Option<i64>,
            flags: [bool; 3],
            at: prop::sample::Index,
            length in 0..9_usize,
            instead in "[\"\\\\{},:0-9a-z\u{1}]{0,3}",
        ) {
            let line = line(&row(texts, tags, numbers, cost, flags));
            let mut broken: Vec<char> = line.chars().collect();
            let from = at.index(broken.len());
            let to = (from + length).min(broken.len());
            broken.splice(from..to, instead.chars());
            for line in [line, broken.into_iter().collect()] {
                if let Some(row) = scan(&line) {
                    prop_assert_eq!(serde_json::from_str::<Row<'_>>(&line).ok(), Some(row), "{}", line);
                }
            }
        }
    }
}
