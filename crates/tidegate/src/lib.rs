//! The binary: config, snapshot, reload, signals, command line.
