//! Tables, drawn for a terminal or for Markdown.

/// For whom a table is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Terminal,
    Markdown,
}

/// A table whose first column is text and whose others are figures.
pub(crate) struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Begins one with its header.
    pub(crate) fn new(header: &[&str]) -> Self {
        Self { header: header.iter().map(|&cell| cell.to_owned()).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Draws it, with an empty line behind it.
    pub(crate) fn draw(&self, style: Style) -> String {
        let widths: Vec<usize> = (0..self.header.len())
            .map(|column| self.all().filter_map(|row| row.get(column)).map(|cell| width(cell)).max())
            .map(Option::unwrap_or_default)
            .collect();
        let mut text = String::new();
        for (number, row) in self.all().enumerate() {
            text.push_str(&line(row, &widths, style));
            if number == 0 && style == Style::Markdown {
                let rules = (0..widths.len()).map(|column| if column == 0 { " --- |" } else { " ---: |" });
                text.push_str(&format!("|{}\n", rules.collect::<String>()));
            }
        }
        text.push('\n');
        text
    }

    fn all(&self) -> impl Iterator<Item = &Vec<String>> {
        std::iter::once(&self.header).chain(&self.rows)
    }
}

fn line(row: &[String], widths: &[usize], style: Style) -> String {
    let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, wide))| match (style, column) {
        (Style::Markdown, _) => format!(" {cell} |"),
        (Style::Terminal, 0) => cell.clone() + &" ".repeat(wide - width(cell)),
        (Style::Terminal, _) => "  ".to_owned() + &" ".repeat(wide - width(cell)) + cell,
    });
    let start = if style == Style::Markdown { "|" } else { "" };
    format!("{start}{}\n", cells.collect::<String>())
}

fn width(cell: &str) -> usize {
    cell.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_each_other() {
        let mut table = Table::new(&["a", "µs"]);
        table.row(["long".to_owned(), "1".to_owned()]);
        assert_eq!(table.draw(Style::Terminal), "a     µs\nlong   1\n\n");
        assert_eq!(table.draw(Style::Markdown), "| a | µs |\n| --- | ---: |\n| long | 1 |\n\n");
    }
}
