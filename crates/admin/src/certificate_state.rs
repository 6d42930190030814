//! Certificates that are shown and those that were ordered, for the metrics.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use tidegate_net::tls::Certificate;

/// Knows which certificates are shown.
#[derive(Debug, Default)]
pub struct CertificateState {
    /// Names and last moments in seconds since 1970.
    shown: Mutex<Vec<(String, u64)>>,
    issued: AtomicU64,
    failed: AtomicU64,
}

impl CertificateState {
    /// These are shown now.
    pub fn show(&self, all: &[Certificate]) {
        let ends = |one: &Certificate| one.ends().duration_since(UNIX_EPOCH).map_or(0, |end| end.as_secs());
        let mut shown: Vec<_> = all.iter().map(|one| (one.names().join(","), ends(one))).collect();
        shown.sort();
        // Those that end first stand for all with the same names.
        shown.dedup_by(|later, first| later.0 == first.0);
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = shown;
    }

    /// An ACME server's certificate is there.
    pub fn count_issued(&self) {
        self.issued.fetch_add(1, Ordering::Relaxed);
    }

    /// There was none.
    pub fn count_failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// The same as OpenMetrics text.
    pub(crate) fn render(&self, out: &mut String) {
        let (issued, failed) = (self.issued.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed));
        // Writing to a String cannot fail.
        let _ = write!(
            out,
            "# HELP tidegate_acme Certificates asked of ACME servers, by outcome.\n\
             # TYPE tidegate_acme counter\n\
             tidegate_acme_total{{outcome=\"good\"}} {issued}\n\
             tidegate_acme_total{{outcome=\"bad\"}} {failed}\n\
             # HELP tidegate_certificate_expiry_timestamp_seconds When a certificate that is shown ends, since 1970.\n\
             # TYPE tidegate_certificate_expiry_timestamp_seconds gauge\n"
        );
        for (names, ends) in self.shown.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let names = names.replace(['\\', '"', '\n'], "_");
            let _ =
                writeln!(out, "tidegate_certificate_expiry_timestamp_seconds{{names=\"{names}\"}} {ends}");
        }
    }
}
