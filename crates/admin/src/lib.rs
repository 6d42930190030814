//! The admin door: health, metrics.
