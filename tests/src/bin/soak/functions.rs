//! A function under load: its process, what it logs, and how much memory it takes.

use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use upload_grant_tests::process::peak_memory_of;
use upload_grant_tests::{SECRET, Sandbox};

/// Memory may differ by so much between the first half and the second: the memory store fills up to its 10,000
/// receipts, allocators round up.
const SLACK_KIB: u64 = 12 * 1024;

/// A running function.
pub struct Function {
    pub flow: &'static str,
    pub url: String,
    child: Child,
    seen: Arc<Seen>,
    memory: Mutex<Vec<u64>>,
}

#[derive(Default)]
struct Seen {
    lines: AtomicU64,
    panics: AtomicU64,
    internals: AtomicU64,
}

impl Function {
    /// Starts the binary that lies beside this one, with `extra` settings.
    ///
    /// # Panics
    /// If it cannot be started.
    pub async fn start(flow: &'static str, sandbox: &Sandbox, extra: &[(&str, &str)]) -> Self {
        let beside = std::env::current_exe().expect("a path").with_file_name("upload-grant");
        let mut child = Command::new(beside)
            .arg(flow)
            .env_clear()
            .envs(sandbox.env(flow))
            .env("GRANT_AUTH", "none")
            .env("GRANT_EVENTS", "trusted")
            .env("GRANT_SECRET", SECRET)
            .env("GRANT_LISTEN", "127.0.0.1:0")
            .env("GRANT_RUNTIME", "http")
            .env("GRANT_TIMEOUT_SECONDS", "3")
            .env("GRANT_VENDOR_RPS", "1000")
            .envs(extra.iter().copied())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the function's binary");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let seen = Arc::new(Seen::default());
        let url = loop {
            let line = lines.next_line().await.expect("a line").expect("an address");
            let line: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(address) = line["address"].as_str() {
                break format!("http://{address}");
            }
        };
        let counters = seen.clone();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                counters.lines.fetch_add(1, Ordering::Relaxed);
                let count =
                    |counter: &AtomicU64, is: bool| counter.fetch_add(u64::from(is), Ordering::Relaxed);
                count(&counters.panics, line.contains("\"panic\""));
                count(&counters.internals, line.contains("\"code\":\"internal\""));
            }
        });
        Self { flow, url, child, seen, memory: Mutex::default() }
    }

    /// The most memory it ever had resident, in KiB.
    pub fn peak(&self) -> u64 {
        self.child.id().map_or(0, |id| peak_memory_of(id) / 1024)
    }

    /// Notes the resident memory.
    pub fn measure(&self) {
        let Some(id) = self.child.id() else { return };
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).extend(kib.filter(|kib| *kib > 0));
    }

    /// Prints the figures; whether they are good.
    pub fn report(&self) -> bool {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let (first, second) = memory.split_at(memory.len() / 2);
        let most = |half: &[u64]| half.iter().copied().max().unwrap_or_default();
        let (early, late, last) = (most(first), most(second), memory.last().copied().unwrap_or_default());
        let seen = [&self.seen.lines, &self.seen.panics, &self.seen.internals];
        let [lines, panics, internals] = seen.map(|counter| counter.load(Ordering::Relaxed));
        let alive = self.child.id().is_some();
        println!(
            "{}: {lines} requests, {panics} panics, {internals} internal; memory at most {early} KiB in the first \
             half, {late} KiB in the second, {last} KiB at the end",
            self.flow
        );
        alive && lines > 0 && panics == 0 && internals == 0 && late <= early + SLACK_KIB
    }
}
