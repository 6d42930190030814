//! When the system gives no more file descriptors.

use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::gateway::{Gateway, PATIENCE, folder_with, get, tidegate};

/// What the process may open.
const DESCRIPTORS: usize = 64;

fn open_in(id: &str) -> usize {
    std::fs::read_dir(format!("/proc/{id}/fd")).unwrap().count()
}

/// Hundredths of a second that the process has worked.
fn worked(id: &str) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    // After the name, which is in brackets, the times are the 12th and 13th.
    let fields: Vec<_> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

#[test]
fn fault_94_without_descriptors_it_waits_quietly_and_then_goes_on() {
    let folder = folder_with("");
    let run = tidegate(folder.path(), &["run", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    let mut limited = Command::new("prlimit");
    limited.arg(format!("--nofile={DESCRIPTORS}:{DESCRIPTORS}")).arg("--").arg(run.get_program());
    limited.args(run.get_args()).current_dir(folder.path()).env_clear().env("NO_COLOR", "1");
    let gateway = Gateway::start_with(limited);
    let crowd: Vec<_> = (0..200).map(|_| TcpStream::connect(gateway.address).unwrap()).collect();
    let end = Instant::now() + PATIENCE;
    while open_in(&gateway.id()) < DESCRIPTORS {
        assert!(Instant::now() < end, "{} descriptors are open", open_in(&gateway.id()));
        std::thread::sleep(Duration::from_millis(20));
    }
    let before = worked(&gateway.id());
    std::thread::sleep(Duration::from_secs(2));
    let spent = worked(&gateway.id()) - before;
    assert!(spent < 40, "it worked for {spent}0 ms of 2 s with nothing to do");
    drop(crowd);
    for (address, path) in [(gateway.address, "/health"), (gateway.admin, "/readyz")] {
        let answer = get(address, path);
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    }
}
