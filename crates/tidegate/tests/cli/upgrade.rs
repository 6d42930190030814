//! A new process takes over the doors, and what service managers are told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::gateway::{Gateway, PATIENCE, ask, chat, folder_with, get, send, tidegate};

/// A process that a gateway has started; ended when this is dropped.
struct Heir(String);

impl Heir {
    /// Tells the process of that id to hand over, and waits for the one that comes after it.
    fn of(gateway: &mut Gateway, id: &str) -> Self {
        kill("USR2", id);
        let said = gateway.wait_for_stderr("the new process serves");
        let id = said.rsplit_once("id=").unwrap().1;
        Self(id.chars().take_while(char::is_ascii_digit).collect())
    }
}

impl Drop for Heir {
    fn drop(&mut self) {
        let _ = Command::new("sh").args(["-c", &format!("kill -KILL {} 2>/dev/null", self.0)]).status();
    }
}

fn kill(signal: &str, id: &str) {
    assert!(Command::new("sh").args(["-c", &format!("kill -{signal} {id}")]).status().unwrap().success());
}

/// Load that goes on until it is told to end; gives how many requests there were, and what went wrong.
struct Load {
    over: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<Vec<String>>>,
}

impl Load {
    fn of(works: Vec<Box<dyn Fn() -> Result<(), String> + Send>>) -> Self {
        let (over, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let run = |work: Box<dyn Fn() -> Result<(), String> + Send>| {
            let (over, done) = (over.clone(), done.clone());
            std::thread::spawn(move || {
                let mut failed = Vec::new();
                while !over.load(Ordering::Relaxed) {
                    failed.extend(work().err());
                    done.fetch_add(1, Ordering::Relaxed);
                }
                failed
            })
        };
        let threads = works.into_iter().map(run).collect();
        Self { over, done, threads }
    }

    /// Waits for so many more requests.
    fn go_on(&self, more: usize) {
        let (wanted, end) = (self.done.load(Ordering::Relaxed) + more, Instant::now() + PATIENCE);
        while self.done.load(Ordering::Relaxed) < wanted {
            assert!(Instant::now() < end, "no more requests are answered");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn end(self) -> (usize, Vec<String>) {
        self.over.store(true, Ordering::Relaxed);
        let failed = self.threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        (self.done.load(Ordering::Relaxed), failed)
    }
}

/// One request on a connection of its own.
fn once(address: SocketAddr) -> Result<(), String> {
    let asked = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let body = chat("demo/echo", "Hi", false);
        let length = body.len();
        write!(
            stream,
            "POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    match asked() {
        Ok(answer) if answer.starts_with("HTTP/1.1 200") && answer.contains("You said: Hi") => Ok(()),
        Ok(answer) => Err(format!("answered: {answer:?}")),
        Err(error) => Err(format!("not answered: {error}")),
    }
}

/// A stream to its end.
fn stream(address: SocketAddr) -> Result<(), String> {
    let body = chat("demo/echo", "!words 20 !pace 20", true);
    let mut rest = String::new();
    let read = send(address, "POST", "/v1/chat/completions", &body).read_to_string(&mut rest);
    read.map_err(|error| format!("a stream broke: {error}"))?;
    if rest.contains("data: [DONE]") { Ok(()) } else { Err(format!("a stream ended early: {rest}")) }
}

/// Requests on one connection, with pauses; a server may end it by a word in its answer, and in no other way.
fn kept_alive(address: SocketAddr) -> Result<(), String> {
    let mut stream = BufReader::new(TcpStream::connect(address).map_err(|error| error.to_string())?);
    stream.get_ref().set_read_timeout(Some(PATIENCE)).unwrap();
    for number in 0..20 {
        std::thread::sleep(Duration::from_millis(number * 3));
        let asked = stream.get_mut().write_all(b"GET /health HTTP/1.1\r\nhost: h\r\n\r\n");
        let mut head = String::new();
        let read = asked.and_then(|()| stream.read_line(&mut head));
        if !head.starts_with("HTTP/1.1 200") {
            return Err(format!("request {number} on a connection: {read:?} {head:?}"));
        }
        let (mut length, mut is_last) = (0, false);
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).map_err(|error| format!("a head broke: {error}"))?;
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            is_last |= line.eq_ignore_ascii_case("connection: close\r\n");
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).map_err(|error| format!("a body broke: {error}"))?;
        if is_last {
            break;
        }
    }
    Ok(())
}

#[test]
fn fault_93_ten_upgrades_and_reloads_under_load_lose_no_request() {
    let folder = folder_with(
        "listen: [{ address: 127.0.0.1:0 }, { address: 127.0.0.1:0, tls: self-signed }, { address: \"unix:t.sock\" }]\nadmin: { address: 127.0.0.1:0 }\naccess_log: off\n",
    );
    let mut gateway = Gateway::start_with(tidegate(folder.path(), &["run"]));
    let address = gateway.address;
    let load = Load::of(vec![
        Box::new(move || once(address)),
        Box::new(move || once(address)),
        Box::new(move || stream(address)),
        Box::new(move || stream(address)),
        Box::new(move || kept_alive(address)),
    ]);
    load.go_on(10);
    let first = gateway.id();
    let mut heirs = vec![Heir::of(&mut gateway, &first)];
    for _ in 1..10 {
        load.go_on(10);
        let current = heirs.last().unwrap().0.clone();
        kill("HUP", &current);
        gateway.wait_for_stderr("the config was taken over");
        heirs.push(Heir::of(&mut gateway, &current));
    }
    load.go_on(10);
    let (done, failed) = load.end();
    assert_eq!(failed, Vec::<String>::new(), "of {done}");
    assert!(done > 100, "only {done} requests");
    // The operators' door went along, and the first process has ended well.
    assert!(get(gateway.admin, "/readyz").starts_with("HTTP/1.1 200"));
    assert!(gateway.end().success());
    assert!(once(address).is_ok());
    assert!(UnixStream::connect(folder.path().join("t.sock")).is_ok());
}

#[test]
fn fault_93_a_new_process_that_does_not_start_changes_nothing() {
    let folder = folder_with("listen: [{ address: 127.0.0.1:0 }]\nadmin: { address: 127.0.0.1:0 }\n");
    let program = folder.path().join("tidegate");
    let put = |target: &Path| {
        let _ = std::fs::remove_file(&program);
        symlink(target, &program).unwrap();
    };
    put(Path::new(env!("CARGO_BIN_EXE_tidegate")));
    let mut command = Command::new("./tidegate");
    command.arg("run").current_dir(folder.path()).env_clear().env("NO_COLOR", "1");
    let mut gateway = Gateway::start_with(command);
    let long =
        send(gateway.address, "POST", "/v1/chat/completions", &chat("demo/echo", "!words 40 !pace 50", true));
    put(Path::new("/bin/false"));
    gateway.signal("USR2");
    gateway.wait_for_stderr("this one goes on error=the new process ended before it was ready");
    put(Path::new("/nowhere"));
    gateway.signal("USR2");
    gateway.wait_for_stderr("this one goes on");
    put(Path::new(env!("CARGO_BIN_EXE_tidegate")));
    std::fs::write(folder.path().join("tidegate.yaml"), "modles: {}\n").unwrap();
    gateway.wait_for_stderr("the config was not taken over");
    gateway.signal("USR2");
    gateway.wait_for_stderr("this one goes on");
    assert!(once(gateway.address).is_ok());
    std::fs::write(
        folder.path().join("tidegate.yaml"),
        "listen: [{ address: 127.0.0.1:0 }]\nadmin: { address: 127.0.0.1:0 }\n",
    )
    .unwrap();
    let id = gateway.id();
    let heir = Heir::of(&mut gateway, &id);
    assert!(once(gateway.address).is_ok());
    // The stream of before goes on in the process of before.
    let mut rest = String::new();
    BufReader::new(long).read_to_string(&mut rest).unwrap();
    assert!(rest.contains("data: [DONE]"), "{rest}");
    assert!(gateway.end().success());
    kill("TERM", &heir.0);
    gateway.wait_for_stderr("draining");
}

#[test]
fn a_new_door_was_opened_by_the_process_that_had_handed_over() {
    let config = "listen: [{ address: 127.0.0.1:0 }]\nadmin: { address: 127.0.0.1:0 }\n";
    let folder = folder_with(config);
    let mut gateway = Gateway::start_with(tidegate(folder.path(), &["run"]));
    // Keeps the first process alive.
    let _stream = send(
        gateway.address,
        "POST",
        "/v1/chat/completions",
        &chat("demo/echo", "!words 100 !pace 1000", true),
    );
    let first = gateway.id();
    let heir = Heir::of(&mut gateway, &first);
    gateway.signal("HUP");
    gateway.wait_for_stderr("reads no config any more");
    kill("HUP", &heir.0);
    gateway.wait_for_stderr("the config was taken over");
}

/// The command, to its end; what it says on stdout and stderr.
fn upgrade(folder: &Path) -> (bool, String) {
    let done = tidegate(folder, &["upgrade"]).output().unwrap();
    let said = [done.stdout, done.stderr].map(|said| String::from_utf8(said).unwrap()).concat();
    (done.status.success(), said)
}

#[test]
fn the_upgrade_command_says_what_became_of_it() {
    let config = "listen: [{ address: 127.0.0.1:0 }]\nadmin: { address: 127.0.0.1:0 }\npid_file: t.pid\n";
    let folder = folder_with(config);
    let pid_file = || std::fs::read_to_string(folder.path().join("t.pid")).unwrap().trim().to_owned();
    let (good, said) = upgrade(folder.path());
    assert!(!good && said.contains("there is no process of"), "{said}");
    let mut gateway = Gateway::start_with(tidegate(folder.path(), &["run"]));
    let end = Instant::now() + PATIENCE;
    while !folder.path().join("t.pid").exists() {
        assert!(Instant::now() < end, "there is no file");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(pid_file(), gateway.id());
    std::fs::write(folder.path().join("tidegate.yaml"), format!("{config}modles: {{}}\n")).unwrap();
    let asked = tidegate(folder.path(), &["upgrade", "--pid-file", "t.pid"]).output().unwrap();
    let said = String::from_utf8(asked.stderr).unwrap();
    assert_eq!(asked.status.code(), Some(1));
    assert!(
        said.contains(&format!("process {} goes on: the new process ended before", gateway.id())),
        "{said}"
    );
    assert_eq!(pid_file(), gateway.id());
    std::fs::write(folder.path().join("tidegate.yaml"), config).unwrap();
    let (good, said) = upgrade(folder.path());
    let heir = Heir(pid_file());
    assert!(good && said.contains(&format!("has handed over to process {}, which serves", heir.0)), "{said}");
    assert!(once(gateway.address).is_ok());
    assert!(gateway.end().success());
    // The file of the one that serves is still there.
    assert_eq!(pid_file(), heir.0);
    kill("KILL", &heir.0);
    let end = Instant::now() + PATIENCE;
    while !upgrade(folder.path()).1.contains("runs no more") {
        assert!(Instant::now() < end, "a file that was left behind is believed");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn fault_93_doors_that_share_their_address_are_handed_over_with_all_their_sockets() {
    let folder = folder_with(
        "listen: [{ address: 127.0.0.1:0, reuse_port: true }]\nadmin: { address: 127.0.0.1:0 }\nworkers: 3\naccess_log: off\n",
    );
    let mut gateway = Gateway::start_with(tidegate(folder.path(), &["run"]));
    let (address, first) = (gateway.address, gateway.id());
    let load = Load::of((0..3).map(|_| Box::new(move || once(address)) as Box<_>).collect());
    load.go_on(10);
    let heir = Heir::of(&mut gateway, &first);
    assert!(!gateway.said.contains("has no door for"), "{}", gateway.said);
    assert!(gateway.end().success());
    load.go_on(100);
    let (done, failed) = load.end();
    assert_eq!(failed, Vec::<String>::new(), "of {done}");
    drop(heir);
}

#[test]
fn sockets_of_a_service_manager_are_taken_and_it_is_told_how_things_are() {
    let opened = [TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap()];
    let [callers, admin] = opened.each_ref().map(|listener| listener.local_addr().unwrap());
    let folder = folder_with(&format!("listen: [{{ address: {callers} }}]\nadmin: {{ address: {admin} }}\n"));
    let manager = UnixDatagram::bind(folder.path().join("notify")).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut command = tidegate(folder.path(), &["run"]);
    command.env("NOTIFY_SOCKET", folder.path().join("notify")).env("WATCHDOG_USEC", "200000");
    command.env("LISTEN_FDS", "2");
    let mut gateway = Gateway::start_with_sockets(command, opened);
    assert_eq!((gateway.address, gateway.admin), (callers, admin));
    gateway.wait_for_stderr("the socket was open already");
    // Read all the time, as service managers do: whoever speaks to one that does not, waits.
    let (sender, words) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut word = [0; 1000];
        while let Ok(count) = manager.recv(&mut word) {
            let _ = sender.send(String::from_utf8_lossy(&word[..count]).into_owned());
        }
    });
    let heard = |what: &str| {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            let said = words.recv_timeout(PATIENCE).unwrap();
            if said.contains(what) {
                return said;
            }
        }
        panic!("not a word of {what}");
    };
    heard("READY=1");
    heard("WATCHDOG=1");
    assert!(get(callers, "/health").starts_with("HTTP/1.1 200"));
    gateway.signal("HUP");
    assert!(heard("RELOADING=1").contains("MONOTONIC_USEC="));
    heard("READY=1");
    let id = gateway.id();
    let heir = Heir::of(&mut gateway, &id);
    heard(&format!("MAINPID={}", heir.0));
    assert!(gateway.end().success());
    kill("TERM", &heir.0);
    heard("STOPPING=1");
}

#[test]
fn the_access_log_is_opened_anew_on_a_signal() {
    let folder = folder_with(
        "access_log: a.log\nlisten: [{ address: 127.0.0.1:0 }]\nadmin: { address: 127.0.0.1:0 }\n",
    );
    let mut gateway = Gateway::start_with(tidegate(folder.path(), &["run"]));
    let (now, before) = (folder.path().join("a.log"), folder.path().join("a.log.1"));
    let lines = |path: &Path| std::fs::read_to_string(path).unwrap_or_default().lines().count();
    let ask = || ask(gateway.address, "POST", "/v1/chat/completions", &chat("demo/echo", "Hi", false));
    ask();
    let end = Instant::now() + PATIENCE;
    while lines(&now) == 0 {
        assert!(Instant::now() < end, "nothing is written");
        std::thread::sleep(Duration::from_millis(5));
    }
    std::fs::rename(&now, &before).unwrap();
    gateway.signal("USR1");
    let address = gateway.address;
    gateway.wait_for_stderr("the access log is opened anew");
    once(address).unwrap();
    gateway.signal("TERM");
    gateway.wait();
    assert_eq!((lines(&before), lines(&now)), (1, 1));
}
