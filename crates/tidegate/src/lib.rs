//! The binary: config, snapshot, reload, signals, command line. Floor 5: the only one that knows the config file's shape.

pub mod cli;
pub mod command;
pub mod config;
pub mod environment;
mod instant;
pub mod provision;
pub mod report;
pub mod run;
