//! Prints `docs/admin-api.json`.

use std::io::Write;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(tidegate_admin::openapi().as_bytes())
}
