//! Tables whose cells gather what several golden cases show.

use std::fmt::Write as _;

use tidegate_llm::Dialect;

/// Nothing comes of it, and nothing is lost.
pub(crate) const NOTHING: &str = "–";

/// Without it there is no translation.
pub(crate) const REQUIRED: &str = "required";

/// Most different outcomes that one cell tells.
const MOST: usize = 3;

/// A table: one row per field, one column per other dialect.
#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
}

#[derive(Default)]
struct Row {
    name: String,
    cells: Vec<(Dialect, Vec<String>)>,
}

impl Table {
    /// Notes what becomes of `row` in `column`.
    pub(crate) fn note(&mut self, row: &str, column: Dialect, outcome: String) {
        let at = match self.rows.iter().position(|known| known.name == row) {
            Some(at) => at,
            None => {
                self.rows.push(Row { name: row.to_owned(), cells: Vec::new() });
                self.rows.len() - 1
            }
        };
        let cells = &mut self.rows[at].cells;
        match cells.iter_mut().find(|(dialect, _)| *dialect == column) {
            Some((_, outcomes)) if outcomes.contains(&outcome) => {}
            Some((_, outcomes)) => outcomes.push(outcome),
            None => cells.push((column, vec![outcome])),
        }
    }

    /// Writes the table in Markdown; nothing if it is empty.
    pub(crate) fn print(&self, out: &mut String, title: &str, head: &str, columns: &[Dialect]) {
        if self.rows.is_empty() {
            return;
        }
        let _ = writeln!(out, "### {title}\n");
        let names: Vec<_> = columns.iter().map(|dialect| dialect.name()).collect();
        let _ = writeln!(out, "| {head} | {} |", names.join(" | "));
        let _ = writeln!(out, "|{}", " --- |".repeat(columns.len() + 1));
        for Row { name, cells } in self.rows.iter().filter(|row| !row.is_idle()) {
            let _ = write!(out, "| `{name}` |");
            for column in columns {
                let outcomes = cells.iter().find(|(dialect, _)| dialect == column).map(|(_, cell)| cell);
                let _ = write!(out, " {} |", outcomes.map_or_else(String::new, |outcomes| cell(outcomes)));
            }
            out.push('\n');
        }
        out.push('\n');
    }
}

impl Row {
    /// Whether it only says that a part of a block belongs to it.
    fn is_idle(&self) -> bool {
        let mut outcomes = self.cells.iter().flat_map(|(_, outcomes)| outcomes);
        self.name.contains("[].") && outcomes.all(|outcome| outcome == REQUIRED || outcome == NOTHING)
    }
}

fn cell(outcomes: &[String]) -> String {
    let mut told: Vec<&str> = outcomes.iter().map(String::as_str).filter(|text| *text != NOTHING).collect();
    if told.is_empty() {
        return NOTHING.to_owned();
    }
    // A block may be the only one in one case and one of many in another.
    if told.iter().any(|text| *text != REQUIRED) {
        told.retain(|text| *text != REQUIRED);
    }
    if told.len() > MOST {
        told.truncate(MOST);
        told.push("…");
    }
    told.join("<br>").replace('|', "\\|")
}
