//! Ending: open streams finish, and a second signal ends them at once.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;

use crate::gateway::{Gateway, chat, folder_with, get, send, tidegate};

/// Opens a stream of that many words and reads until the first one has come.
fn open_stream(gateway: &Gateway, words: u32, pace: u32) -> BufReader<TcpStream> {
    let body = chat("demo/echo", &format!("!words {words} !pace {pace}"), true);
    let mut stream = BufReader::new(send(gateway.address, "POST", "/v1/chat/completions", &body));
    let mut line = String::new();
    while !line.contains("\"content\":\"") || line.contains("\"content\":\"\"") {
        line.clear();
        assert!(stream.read_line(&mut line).unwrap() > 0, "the stream has ended early");
    }
    stream
}

#[test]
fn fault_93_open_streams_finish_and_nobody_new_comes_in() {
    let folder = tempfile::tempdir().unwrap();
    let mut gateway = Gateway::start(folder.path());
    let mut stream = open_stream(&gateway, 30, 50);
    gateway.signal("TERM");
    gateway.wait_for_stderr("draining");
    let red = get(gateway.admin, "/ready");
    assert!(red.starts_with("HTTP/1.1 503") && red.contains("draining"), "{red}");
    let mut rest = String::new();
    stream.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("data: [DONE]"), "{rest}");
    assert!(gateway.wait().success());
    assert!(TcpStream::connect(gateway.address).is_err());
    assert!(gateway.said.contains("\"outcome\":\"complete\""), "{}", gateway.said);
}

#[test]
fn the_drain_has_a_limit() {
    let folder =
        folder_with("drain: 200ms\nlisten: [{ address: 127.0.0.1:0 }]\nadmin: { address: 127.0.0.1:0 }\n");
    let mut gateway = Gateway::start_with(tidegate(folder.path(), &["run"]));
    let _stream = open_stream(&gateway, 1000, 1000);
    gateway.signal("TERM");
    gateway.wait_for_stderr("drain limit");
    gateway.wait();
    assert_cut_stream_is_logged(&gateway);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut gateway = Gateway::start(folder.path());
    let _stream = open_stream(&gateway, 1000, 1000);
    gateway.signal("INT");
    gateway.wait_for_stderr("draining");
    gateway.signal("TERM");
    assert_eq!(gateway.wait().code(), Some(1));
    assert_cut_stream_is_logged(&gateway);
}

fn assert_cut_stream_is_logged(gateway: &Gateway) {
    let lines: Vec<&str> = gateway.said.lines().filter(|line| line.contains("\"request_id\":")).collect();
    assert_eq!(lines.len(), 1, "{}", gateway.said);
    assert!(
        lines[0].contains("\"stream\":true") && !lines[0].contains("\"outcome\":\"complete\""),
        "{}",
        lines[0]
    );
}
