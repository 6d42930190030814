//! Which limit refused a request, and how long it will.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tidegate_policy::limit::{Calendar, Rule, Scope, Unit, Window};

/// A limit that has been reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limited {
    /// The limit.
    pub rule: Arc<Rule>,
    /// How long until the same request can pass; `None`: never, or nobody knows.
    pub wait: Option<Duration>,
}

impl Limited {
    /// The stable code: money that is spent is another matter than haste.
    pub fn code(&self) -> &'static str {
        if self.rule.unit == Unit::Money { "budget_exceeded" } else { "limit_exceeded" }
    }

    /// One for the documents.
    pub fn example(unit: Unit) -> Self {
        let (name, amount, calendar) = match unit {
            Unit::Money => ("key-money-month", 25_000_000_000, Calendar::Month),
            _ => ("key-requests-minute", 60, Calendar::Minute),
        };
        let rule = Rule {
            name: name.into(),
            scope: Scope::Key,
            unit,
            amount,
            window: Window::Calendar(calendar),
            models: Vec::new(),
        };
        Self { rule: rule.into(), wait: Some(Duration::from_secs(17)) }
    }
}

impl fmt::Display for Limited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rule { name, amount, unit, .. } = &*self.rule;
        match unit {
            Unit::Money => {
                let dollars = tidegate_core::NanoUsd(*amount).as_dollars();
                write!(f, "the budget `{name}` of {dollars} US dollars is spent or held by open requests")?;
            }
            Unit::Concurrent => write!(f, "the limit `{name}` of {amount} requests at a time is reached")?,
            Unit::Requests => write!(f, "the limit `{name}` of {amount} requests is reached")?,
            Unit::InputTokens => write!(f, "the limit `{name}` of {amount} input tokens is reached")?,
            Unit::OutputTokens => write!(f, "the limit `{name}` of {amount} output tokens is reached")?,
            Unit::Tokens => write!(f, "the limit `{name}` of {amount} tokens is reached")?,
        }
        match self.wait {
            Some(wait) => write!(f, "; try again in {} s", wait.as_secs().max(1)),
            None if *unit == Unit::Concurrent => write!(f, "; try again when one of them has ended"),
            None => write!(
                f,
                "; this request may use more than is left, and waiting does not help; ask for fewer tokens"
            ),
        }
    }
}
