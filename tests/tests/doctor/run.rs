//! The real binary's doctor against a sandbox of its own.

use std::collections::BTreeSet;
use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;
use upload_grant_tests::leaks::search;
use upload_grant_tests::process::{binary, settings};
use upload_grant_tests::{SECRET, Sandbox};

/// What a doctor said.
pub struct Run {
    pub exit: i32,
    pub stdout: String,
    pub stderr: String,
    /// The document, under `--json`.
    pub json: Value,
}

impl Run {
    /// Runs `flow doctor args` with the sandbox's settings and `extra` on top (an empty value unsets), and
    /// searches everything it writes for secrets.
    pub async fn of(flow: &str, sandbox: &Sandbox, extra: &[(&str, &str)], args: &[&str]) -> Self {
        let mut vars = settings(flow, sandbox, &[("GRANT_LISTEN", "127.0.0.1:9000")]);
        vars.extend(extra.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let mut program = Command::new(binary(flow));
        program.arg("doctor").args(args).env_clear().envs(vars.iter().map(|(name, value)| (name, value)));
        let output = program.stdin(Stdio::null()).kill_on_drop(true).output().await.expect("the binary runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        let run = Self {
            exit: output.status.code().expect("an exit code"),
            json: serde_json::from_str(&stdout).unwrap_or_default(),
            stdout,
            stderr,
        };
        run.keeps_secrets(sandbox, &vars);
        run
    }

    /// As JSON.
    pub async fn json(flow: &str, sandbox: &Sandbox, extra: &[(&str, &str)]) -> Self {
        let run = Self::of(flow, sandbox, extra, &["--json"]).await;
        assert_eq!((run.json["version"].as_i64(), &*run.stderr), (Some(1), ""), "{flow}: {}", run.stdout);
        assert_eq!(run.json["flow"], flow);
        assert_eq!(run.json["ok"], run.exit == 0);
        let failed = run.lines().iter().any(|line| line["outcome"] == "fail");
        assert_eq!(run.exit, i32::from(failed), "{flow}: {}", run.stdout);
        run
    }

    /// All lines.
    pub fn lines(&self) -> &[Value] {
        self.json["checks"].as_array().map_or(&[], Vec::as_slice)
    }

    /// The line of a check.
    pub fn line(&self, check: &str) -> &Value {
        let mut lines = self.lines().iter().filter(|line| line["check"] == check);
        let line = lines.next().unwrap_or_else(|| panic!("no line {check}: {}", self.stdout));
        assert!(lines.next().is_none() || check == "configuration", "{check} twice: {}", self.stdout);
        line
    }

    /// That the line of `check` says this, with `word` in what was seen or in the advice.
    pub fn says(&self, check: &str, outcome: &str, code: &str, word: &str) {
        let line = self.line(check);
        assert_eq!((&line["outcome"], &line["code"]), (&outcome.into(), &code.into()), "{line:#}");
        assert_eq!(line.get("advice").is_some(), ["warn", "fail"].contains(&outcome), "{line:#}");
        let told = if line["advice"].is_string() { &line["advice"] } else { &line["seen"] };
        assert!(told.as_str().is_some_and(|told| told.contains(word)), "{word} is not in {line:#}");
    }

    /// The checks with this outcome.
    pub fn with(&self, outcome: &str) -> Vec<&str> {
        let lines = self.lines().iter().filter(|line| line["outcome"] == outcome);
        lines.filter_map(|line| line["check"].as_str()).collect()
    }

    fn keeps_secrets(&self, sandbox: &Sandbox, vars: &[(String, String)]) {
        let is_secret =
            |name: &str| ["_SECRET", "SECRET_KEY", "_TOKEN"].iter().any(|end| name.ends_with(end));
        let given = vars.iter().filter(|(name, value)| is_secret(name) && value.len() >= 8);
        let mut secrets: BTreeSet<String> = given.map(|(_, value)| value.clone()).collect();
        secrets.insert(SECRET.to_owned());
        secrets.extend(sandbox.secrets());
        let (found, searched) = search(&secrets, &[("stdout", &self.stdout), ("stderr", &self.stderr)]);
        assert!(found.is_empty() && searched.searches > 0, "{found:?}: {}", self.stdout);
        // Whatever the sandbox did not see: policies, signed URLs, tickets, messages of vendors.
        for part in ["eyJleHBpcmF0aW9uI", "ignature=", "security-token=", "/relay/", "canary"] {
            assert!(!self.stdout.contains(part) && !self.stderr.contains(part), "{part} in {}", self.stdout);
        }
    }
}
