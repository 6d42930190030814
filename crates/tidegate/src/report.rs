//! Shows the problems of a config file.

use std::io::{IsTerminal, Write};

use crate::config::Loaded;
use crate::config::problem::Problem;

/// Shows them on stderr, in colour if somebody looks.
pub(crate) fn to_stderr(loaded: &Loaded, problems: &[Problem]) {
    if problems.is_empty() {
        return;
    }
    let mut out = std::io::stderr().lock();
    let text = loaded.source.render(problems, out.is_terminal());
    // There is nowhere else to say it.
    let _ = out.write_all(text.as_bytes());
}
