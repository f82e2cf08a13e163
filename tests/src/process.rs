//! The real binaries, as a platform would run them.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Notify;

use crate::{SECRET, Sandbox};

/// Far more than any start or answer needs: what never comes fails the test instead of hanging it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A running function and what it wrote.
pub struct Process {
    child: Child,
    written: Arc<Written>,
}

#[derive(Default)]
struct Written {
    lines: Mutex<Vec<Value>>,
    more: Notify,
}

/// The binary of a function, built if it is not up to date.
///
/// # Panics
/// If it cannot be built.
#[allow(clippy::disallowed_methods, reason = "cargo tells its own place through the environment")]
pub fn binary(name: &str) -> PathBuf {
    static BUILT: Once = Once::new();
    let test = std::env::current_exe().expect("a test executable");
    let target = test.ancestors().nth(2).expect("a target directory");
    BUILT.call_once(|| {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
        let release = target.ends_with("release").then_some("--release");
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "--workspace", "--bins"]).args(release);
        build.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        // What cargo says about this very test would have it build half of everything anew.
        for (name, _) in std::env::vars_os() {
            let about_us = name
                .to_str()
                .is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST"));
            if about_us {
                build.env_remove(name);
            }
        }
        let built = build.status();
        assert!(built.is_ok_and(|status| status.success()), "the binaries cannot be built");
    });
    target.join(name)
}

/// The settings of `flow` against `sandbox`: `GRANT_AUTH=none`, a secret, and `extra` on top.
pub fn settings(flow: &str, sandbox: &Sandbox, extra: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut vars = sandbox.env(flow);
    let ours = [("GRANT_AUTH", "none"), ("GRANT_INSECURE", "true"), ("GRANT_SECRET", SECRET)];
    vars.extend(ours.iter().chain(extra).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    vars
}

impl Process {
    /// Starts `program` with exactly these variables.
    ///
    /// # Panics
    /// If it cannot start.
    pub fn start(program: Command, vars: &[(String, String)]) -> Self {
        let mut program = program;
        program.env_clear().envs(vars.iter().map(|(name, value)| (name, value)));
        let mut child =
            program.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("the program starts");
        let written = Arc::new(Written::default());
        let (stdout, out) = (child.stdout.take().expect("its output"), written.clone());
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line).unwrap_or(Value::String(line));
                out.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
                out.more.notify_waiters();
            }
        });
        Self { child, written }
    }

    /// Starts the function `flow`.
    ///
    /// # Panics
    /// If it cannot start.
    pub fn of(flow: &str, vars: &[(String, String)]) -> Self {
        Self::start(Command::new(binary(flow)), vars)
    }

    /// Starts the function `flow` as an HTTP server that takes events, and tells its address.
    ///
    /// # Panics
    /// If it does not come up.
    pub async fn serving(flow: &str, sandbox: &Sandbox, extra: &[(&str, &str)]) -> (Self, String) {
        let mut vars = settings(flow, sandbox, &[("GRANT_EVENTS", "trusted")]);
        vars.extend(extra.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        vars.push(("GRANT_LISTEN".into(), "127.0.0.1:0".into()));
        let process = Self::of(flow, &vars);
        let url = process.url().await;
        (process, url)
    }

    /// Where it says that it listens, as a loopback URL.
    ///
    /// # Panics
    /// If it does not come up.
    pub async fn url(&self) -> String {
        let line = self.line(|line| line["message"] == "listening").await;
        let address = line["address"].as_str().expect("an address");
        format!("http://{}", address.replace("0.0.0.0", "127.0.0.1"))
    }

    /// What it wrote so far; lines that are no JSON as text.
    pub fn lines(&self) -> Vec<Value> {
        self.written.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The first line that `is` the one, as soon as it is written.
    ///
    /// # Panics
    /// If it does not come within a minute.
    pub async fn line(&self, is: impl Fn(&Value) -> bool) -> Value {
        let wait = async {
            loop {
                let more = self.written.more.notified();
                tokio::pin!(more);
                more.as_mut().enable();
                if let Some(line) = self.lines().into_iter().find(&is) {
                    return line;
                }
                more.await;
            }
        };
        match tokio::time::timeout(PATIENCE, wait).await {
            Ok(line) => line,
            Err(_) => unreachable!("the line did not come: {:#?}", self.lines()),
        }
    }

    /// Has it stop as platforms do, and tells whether it ended well.
    ///
    /// # Panics
    /// If it is not running.
    pub fn stop(mut self) -> bool {
        let told = Command::new("sh").args(["-c", "kill -TERM $0", &self.child.id().to_string()]).status();
        assert!(told.is_ok_and(|status| status.success()), "it is running");
        self.child.wait().is_ok_and(|status| status.success())
    }

    /// `kill -9`, and waits until it is dead.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// The most memory it ever had resident, in bytes.
    ///
    /// # Panics
    /// If it is not running on Linux.
    pub fn peak_memory(&self) -> u64 {
        peak_memory_of(self.child.id())
    }

    /// How many threads it has.
    ///
    /// # Panics
    /// If it is not running on Linux.
    pub fn threads(&self) -> usize {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id()));
        tasks.expect("a process").count()
    }
}

/// The most memory that the process `id` ever had resident, in bytes.
///
/// # Panics
/// If it is not running on Linux.
pub fn peak_memory_of(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().expect("a number") * 1024
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
