//! A function as a process of its own.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;

/// Far more than any start or answer needs: what never comes fails the test instead of hanging it.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub const FLOWS: [&str; 5] =
    ["alibaba-aicontent", "alibaba-chatapp", "alibaba-workorder", "huawei-aicc", "tencent-lke"];

/// A running function; it ends with this value.
pub struct Process {
    child: Child,
    lines: mpsc::UnboundedReceiver<String>,
    log: Arc<Mutex<String>>,
}

impl Process {
    /// Starts `program` with these variables and no others.
    pub fn start(program: &Path, vars: &[(String, String)]) -> Self {
        let mut command = Command::new(program);
        command.env_clear().envs(vars.iter().cloned()).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let output = BufReader::new(child.stdout.take().unwrap());
        let (send, lines) = mpsc::unbounded_channel();
        let log = Arc::new(Mutex::new(String::new()));
        let kept = log.clone();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                kept.lock().unwrap().push_str(&line);
                let _ = send.send(line);
            }
        });
        Self { child, lines, log }
    }

    /// The address it says it listens on.
    pub async fn address(&mut self) -> String {
        let next = async |lines: &mut mpsc::UnboundedReceiver<String>| {
            tokio::time::timeout(PATIENCE, lines.recv()).await.expect("the function listens")
        };
        while let Some(line) = next(&mut self.lines).await {
            let line: Value = serde_json::from_str(&line).expect("JSON lines");
            assert_ne!(line["level"], "ERROR", "{line}");
            if line["message"] == "listening" {
                return line["address"].as_str().unwrap().replace("0.0.0.0", "127.0.0.1");
            }
        }
        panic!("it ended: {}", self.log());
    }

    /// All it has logged so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Has it stop as platforms do, and tells how it ended.
    pub fn stop(mut self) -> ExitStatus {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.child.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The binary of a flow.
pub fn binary(flow: &str) -> PathBuf {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    #[allow(clippy::disallowed_methods, reason = "tells this test what to run, not a function what to do")]
    let release = || Some(PathBuf::from(std::env::var_os("BOOTSTRAPS")?));
    match FOLDER.get_or_init(release) {
        Some(folder) => workspace().join(folder).join(flow).join("bootstrap"),
        None => built().join(flow),
    }
}

/// The folder of the debug binaries, built once: cargo does not do so for another package's tests.
fn built() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--bins"]).args(FLOWS.map(|flow| format!("-p{flow}")));
        assert!(cargo.current_dir(workspace()).status().unwrap().success());
        let here = std::env::current_exe().unwrap();
        here.parent().and_then(Path::parent).unwrap().to_owned()
    })
}

/// The top of the repository.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
