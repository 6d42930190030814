//! What is wrong with a config file, shown as a compiler shows it: place, reason, what was meant.

use std::path::Path;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::mask;
use super::tree::Place;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// It can be used, and probably does not do what its writer wants.
    Warning,
}

/// One problem.
#[derive(Clone, Debug)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one line. Never holds a value that came from outside the file: it could be a key.
    pub title: String,
    /// Where; `None` for the file as a whole.
    pub place: Option<Place>,
    /// A word beside the caret.
    pub label: String,
    /// A second place that explains the first.
    pub context: Option<Box<(Place, String)>>,
    /// What to do.
    pub help: Option<String>,
}

impl Problem {
    /// An error at a place.
    pub fn error(title: impl Into<String>, place: Place) -> Self {
        Self {
            severity: Severity::Error,
            title: title.into(),
            place: Some(place),
            label: String::new(),
            context: None,
            help: None,
        }
    }

    /// A warning at a place.
    pub fn warning(title: impl Into<String>, place: Place) -> Self {
        Self { severity: Severity::Warning, ..Self::error(title, place) }
    }

    /// An error of the file as a whole.
    pub fn of_file(title: impl Into<String>) -> Self {
        Self { place: None, ..Self::error(title, 0..0) }
    }

    /// With a word beside the caret.
    #[must_use]
    pub fn label(self, label: impl Into<String>) -> Self {
        Self { label: label.into(), ..self }
    }

    /// With a line that says what to do.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// With `help: did you mean …?`, if there is something that looks alike.
    #[must_use]
    pub fn did_you_mean(self, nearest: Option<&str>) -> Self {
        match nearest {
            Some(name) => self.help(format!("did you mean `{name}`?")),
            None => self,
        }
    }

    /// With a second place.
    #[must_use]
    pub fn context(self, place: Place, label: impl Into<String>) -> Self {
        Self { context: Some(Box::new((place, label.into()))), ..self }
    }
}

/// The text of a config file and what it is called.
#[derive(Clone, Debug)]
pub struct Source {
    /// The name shown.
    pub name: String,
    /// The text as it was read.
    pub text: String,
}

impl Source {
    /// A file's text.
    pub fn new(path: &Path, text: String) -> Self {
        Self { name: path.display().to_string(), text }
    }

    /// All problems, in the order of their places, followed by a count. Keys in the text are masked.
    pub fn render(&self, problems: &[Problem], colour: bool) -> String {
        let mut sorted: Vec<&Problem> = problems.iter().collect();
        sorted.sort_by_key(|problem| problem.place.as_ref().map_or(0, |place| place.start));
        let masked = mask::mask(&self.text);
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let renderer = renderer.decor_style(DecorStyle::Ascii);
        let mut out = String::new();
        for problem in sorted {
            out += &renderer.render(&[self.group(problem, &masked)]);
            out += "\n\n";
        }
        out + &self.count(problems)
    }

    fn group<'a>(&'a self, problem: &'a Problem, masked: &'a str) -> Group<'a> {
        let level = if problem.severity == Severity::Error { Level::ERROR } else { Level::WARNING };
        let title = level.primary_title(problem.title.as_str());
        let mut group = match &problem.place {
            None => Group::with_title(title).element(annotate_snippets::Origin::path(self.name.as_str())),
            Some(place) => {
                let mut snippet = Snippet::source(masked).path(self.name.as_str());
                let caret = AnnotationKind::Primary.span(self.clamp(place)).label(problem.label.as_str());
                snippet = snippet.annotation(caret);
                if let Some((place, label)) = problem.context.as_deref() {
                    snippet = snippet
                        .annotation(AnnotationKind::Context.span(self.clamp(place)).label(label.as_str()));
                }
                title.element(snippet)
            }
        };
        if let Some(help) = &problem.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        group
    }

    fn clamp(&self, place: &Place) -> Place {
        let end = place.end.min(self.text.len());
        place.start.min(end)..end
    }

    fn count(&self, problems: &[Problem]) -> String {
        let errors = problems.iter().filter(|problem| problem.severity == Severity::Error).count();
        let warnings = problems.len() - errors;
        let plural = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
        match (errors, warnings) {
            (0, 0) => String::new(),
            (0, _) => format!("{}: {}\n", self.name, plural(warnings, "warning")),
            (_, 0) => format!("{}: {}\n", self.name, plural(errors, "error")),
            _ => format!("{}: {}, {}\n", self.name, plural(errors, "error"), plural(warnings, "warning")),
        }
    }
}

/// Whether the file cannot be used.
pub fn any_error(problems: &[Problem]) -> bool {
    problems.iter().any(|problem| problem.severity == Severity::Error)
}
