//! Fake providers that answer in every dialect and can misbehave; for tests only.
