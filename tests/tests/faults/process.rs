//! A function in a process of its own, with everything it writes.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

/// A running function.
pub struct Process {
    pub url: String,
    child: Child,
    stdout: JoinHandle<String>,
    stderr: JoinHandle<String>,
}

impl Process {
    /// Starts `flow` on a free port, with these settings and no others, logging all there is to log.
    pub async fn start(flow: &str, vars: &[(String, String)]) -> Self {
        let mut child = Command::new(upload_grant_tests::process::binary(flow))
            .env_clear()
            .envs(vars.iter().map(|(name, value)| (name, value)))
            .env("GRANT_LISTEN", "127.0.0.1:0")
            .env("GRANT_RUNTIME", "http")
            .env("GRANT_LOG", "trace")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the function's binary");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut error = child.stderr.take().expect("a pipe");
        let mut text = String::new();
        let url = loop {
            let from = text.len();
            assert!(lines.read_line(&mut text).await.expect("a line") > 0, "{flow} does not listen: {text}");
            let line: serde_json::Value = serde_json::from_str(&text[from..]).unwrap_or_default();
            if let Some(address) = line["address"].as_str() {
                break format!("http://{address}");
            }
        };
        let stdout = tokio::spawn(async move {
            let _ = lines.read_to_string(&mut text).await;
            text
        });
        let stderr = tokio::spawn(async move {
            let mut text = String::new();
            let _ = error.read_to_string(&mut text).await;
            text
        });
        Self { url, child, stdout, stderr }
    }

    /// Ends it, and returns what it wrote to standard output and standard error.
    pub async fn end(mut self) -> (String, String) {
        let _ = self.child.kill().await;
        (self.stdout.await.expect("a reader"), self.stderr.await.expect("a reader"))
    }
}
