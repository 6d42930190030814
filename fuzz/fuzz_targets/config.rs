//! Config files: any text is read without panic, and its problems can be shown.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use tidegate::config;
use tidegate::config::problem::Source;
use tidegate::environment::Environment;

fuzz_target!(|text: &str| {
    let source = Source { name: "fuzzed.yaml".to_owned(), text: text.to_owned() };
    let environment = Environment::parse("KEY=value");
    config::read(source, Path::new("/nonexistent"), &environment);
});
