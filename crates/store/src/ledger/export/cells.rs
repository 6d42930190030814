//! One line of a CSV file (RFC 4180).

/// Writes a line. Texts come from callers and providers and are neutralised; numbers are ours.
#[derive(Default)]
pub(super) struct Lines {
    text: String,
    is_begun: bool,
}

impl Lines {
    /// A text. One that a spreadsheet would take for a formula is put behind an apostrophe.
    pub(super) fn text(&mut self, text: &str) {
        let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n'])
            || text.trim_start().starts_with(['=', '+', '-', '@']);
        if is_formula {
            self.cell(&format!("'{text}"));
        } else {
            self.cell(text);
        }
    }

    /// A number, or a word of our own.
    pub(super) fn plain(&mut self, value: impl std::fmt::Display) {
        self.cell(&value.to_string());
    }

    /// Ends the line.
    pub(super) fn end(&mut self) {
        self.text.push_str("\r\n");
        self.is_begun = false;
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    fn cell(&mut self, text: &str) {
        if std::mem::replace(&mut self.is_begun, true) {
            self.text.push(',');
        }
        if text.contains([',', '"', '\r', '\n']) || text.starts_with('\'') {
            self.text.push('"');
            self.text.push_str(&text.replace('"', "\"\""));
            self.text.push('"');
        } else {
            self.text.push_str(text);
        }
    }
}
