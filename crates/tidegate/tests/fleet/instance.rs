//! One running instance of the gateway, in a folder of its own.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tidegate_testkit::client::{Answer, Client};

/// Longer than anything here takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// The key that all instances know by their config.
pub(crate) const KEY: &str = "tg-fleet-canary-0123456789";

/// The models that have a price: a thousand dollars a million tokens.
const MODELS: [&str; 3] = ["text", "text~in-20~out-10", "text~in-120~out-30"];

/// A process; dropping it ends it.
pub(crate) struct Instance {
    child: Child,
    stderr: Mutex<Receiver<String>>,
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) folder: TempDir,
}

/// The config of an instance whose only provider is the fake at `fake`; `more` are further lines.
pub(crate) fn config(fake: SocketAddr, more: &str) -> String {
    let price = |model| format!("  \"fake/{model}\": {{ input: 1000, output: 1000 }}\n");
    let prices: String = MODELS.map(price).concat();
    format!(
        "listen: [{{ address: 127.0.0.1:0 }}]\n\
         admin: {{ address: 127.0.0.1:0 }}\n\
         auto_providers: false\n\
         data: data\n\
         access_log: off\n\
         providers:\n\
         \x20 fake: {{ dialect: openai-chat, base_url: \"http://{fake}/v1\", api_key: sk-provider-canary }}\n\
         prices:\n{prices}\n\
         {more}\n"
    )
}

impl Instance {
    /// Starts one with that config and waits until it listens.
    pub(crate) fn start(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tidegate.yaml"), config).unwrap();
        Self::start_in(folder)
    }

    /// Starts one in a folder that has a config.
    pub(crate) fn start_in(folder: TempDir) -> Self {
        let mut command = tidegate(folder.path(), &["run"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = lines(child.stdout.take().unwrap());
        let stderr = lines(child.stderr.take().unwrap());
        let wait = |what: &str| wait_for(&stdout, what, &stderr).parse().unwrap();
        let (address, admin) = (wait("listening http://"), wait("listening (admin) http://"));
        Self { child, stderr: Mutex::new(stderr), address, admin, folder }
    }

    /// A client with the fleet's key.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.address).bearer(KEY)
    }

    /// Asks for a whole answer of that model, of at most so many tokens.
    pub(crate) async fn ask(&self, model: &str, max_tokens: u64) -> Answer {
        self.client().post("/v1/chat/completions", &chat(model, max_tokens, false)).await.unwrap()
    }

    /// Kills it as `kill -9` does, and gives its folder.
    pub(crate) fn kill(mut self) -> TempDir {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap())
    }

    /// The value of a metric without labels; 0 when it is not there.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let text = Client::new(self.admin).get("/metrics").await.unwrap().text();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().unwrap())
    }

    /// Waits until the ledger holds the rows of everything that has ended: the journal has been folded.
    pub(crate) async fn settled(&self) {
        let end = Instant::now() + PATIENCE;
        while self.metric("tidegate_ledger_behind_rows").await > 0.0 {
            assert!(Instant::now() < end, "the journal is not folded");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The usage of the fleet's key, as its caller sees it.
    pub(crate) async fn usage(&self) -> Value {
        self.settled().await;
        let answer = self.client().get("/v1/usage").await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// What has been said on stderr so far.
    pub(crate) fn said(&self) -> String {
        self.stderr.lock().unwrap().try_iter().map(|line| line + "\n").collect()
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The command in a folder, with none of this process's variables.
pub(crate) fn tidegate(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.args(args).current_dir(folder).env_clear().env("NO_COLOR", "1");
    command
}

/// A chat request's body.
pub(crate) fn chat(model: &str, max_tokens: u64, stream: bool) -> Value {
    json!({
        "model": format!("fake/{model}"), "max_tokens": max_tokens, "stream": stream,
        "messages": [{ "role": "user", "content": "How high is the tide at noon, and how low at six?" }],
    })
}

fn lines(from: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        BufReader::new(from).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
    });
    receiver
}

fn wait_for(stdout: &Receiver<String>, what: &str, stderr: &Receiver<String>) -> String {
    loop {
        let Ok(line) = stdout.recv_timeout(PATIENCE) else {
            panic!("no `{what}`; stderr:\n{}", stderr.try_iter().collect::<Vec<_>>().join("\n"))
        };
        if let Some((_, after)) = line.split_once(what) {
            return after.to_owned();
        }
    }
}
