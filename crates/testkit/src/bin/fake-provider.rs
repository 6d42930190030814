//! The fake provider as a program, for tests in other languages and for load tests.

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};

use clap::Parser;
use tidegate_testkit::FakeProvider;

/// Answers in every dialect, as the model name says. Prints `listening 127.0.0.1:PORT` when it is ready.
#[derive(Parser)]
struct Arguments {
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Worker threads.
    #[arg(long, default_value_t = 1)]
    workers: usize,
}

fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(arguments.workers.max(1)).enable_all().build()?.block_on(async {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port));
        let mut provider = FakeProvider::start_on(address).await?;
        let mut out = io::stdout();
        writeln!(out, "listening {}", provider.addr())?;
        out.flush()?;
        provider.join().await;
        Ok(())
    })
}
