//! The `tidegate` command.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    tidegate::cli::main().unwrap_or_else(|error| {
        tidegate::report::error(&error);
        ExitCode::FAILURE
    })
}
