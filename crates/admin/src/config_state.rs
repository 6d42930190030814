//! What became of the last reload, for `/ready?verbose` and the metrics.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::certificate_state::CertificateState;

/// Counts reloads and keeps the reason why the last one failed.
#[derive(Debug, Default)]
pub struct ConfigState {
    good: AtomicU64,
    bad: AtomicU64,
    problem: Mutex<Option<String>>,
    /// What is known of certificates.
    pub certificates: CertificateState,
}

impl ConfigState {
    /// A reload was taken over.
    pub fn count_good(&self) {
        self.good.fetch_add(1, Ordering::Relaxed);
        *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// A reload was refused; `problem` is one line.
    pub fn count_bad(&self, problem: String) {
        self.bad.fetch_add(1, Ordering::Relaxed);
        *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = Some(problem);
    }

    /// Why the file as it stands is not in use; `None` when it is.
    pub fn problem(&self) -> Option<String> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The same as OpenMetrics text.
    pub(crate) fn render(&self, out: &mut String) {
        self.certificates.render(out);
        let (good, bad) = (self.good.load(Ordering::Relaxed), self.bad.load(Ordering::Relaxed));
        let in_use = u8::from(self.problem().is_none());
        // Writing to a String cannot fail.
        let _ = write!(
            out,
            "# HELP tidegate_config_reloads Reloads of the config file, by outcome.\n\
             # TYPE tidegate_config_reloads counter\n\
             tidegate_config_reloads_total{{outcome=\"good\"}} {good}\n\
             tidegate_config_reloads_total{{outcome=\"bad\"}} {bad}\n\
             # HELP tidegate_config_in_use Whether the config file as it stands is in use.\n\
             # TYPE tidegate_config_in_use gauge\n\
             tidegate_config_in_use {in_use}\n"
        );
    }
}
