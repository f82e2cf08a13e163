//! Running `send`, and what came of it.

use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use upload_grant_tests::process::binary;
use upload_grant_tests::{SECRET, Sandbox};

/// A secret that a test gives to `send`.
pub const TOKEN: &str = "the-token-of-a-caller-that-nobody-may-see";

/// A folder with files, and the command to send them with.
pub struct Shell {
    folder: TempDir,
    program: &'static str,
    vars: Vec<(String, String)>,
}

/// What `send` said.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    /// Standard output: JSON lines, and nothing else.
    pub lines: Vec<Value>,
    pub out: String,
    pub err: String,
}

impl Shell {
    /// With the function at `url`.
    pub fn at(url: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let vars = [("GRANT_URL", url), ("GRANT_TOKEN", TOKEN)];
        let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self { folder, program: "upload-grant", vars }
    }

    /// With another binary.
    pub fn program(self, program: &'static str) -> Self {
        Self { program, ..self }
    }

    /// With another variable; an empty value unsets it.
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.vars.retain(|(other, _)| other != name);
        self.vars.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Writes a file.
    pub fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("it is made");
        std::fs::write(&path, bytes).expect("it is written");
        path
    }

    /// Where a file would be.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `send` with these arguments, in the folder.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary(self.program));
        command.arg("send").args(arguments).current_dir(self.folder.path()).kill_on_drop(true);
        command.env_clear().envs(self.vars.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs it to its end.
    pub async fn send(&self, arguments: &[&str]) -> Said {
        Said::of(self.command(arguments).output().await.expect("it runs"))
    }

    /// Runs it to its end with `bytes` as standard input.
    pub async fn send_bytes(&self, bytes: &[u8], arguments: &[&str]) -> Said {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().expect("it runs");
        let mut stdin = child.stdin.take().expect("its input");
        stdin.write_all(bytes).await.expect("it reads");
        drop(stdin);
        Said::of(child.wait_with_output().await.expect("it ends"))
    }
}

impl Said {
    fn of(output: std::process::Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("text");
        let (out, err) = (text(output.stdout), text(output.stderr));
        let line = |line: &str| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
        let said = Self { code: output.status.code(), lines: out.lines().map(line).collect(), out, err };
        for line in &said.lines {
            // Either is whole, and says which file it is of.
            assert!(line["file"].is_string(), "{line}");
            assert_ne!(line.get("key").is_some(), line.get("code").is_some(), "{line}");
        }
        said
    }

    /// The line of `file`.
    pub fn line(&self, file: &str) -> &Value {
        self.lines.iter().find(|line| line["file"] == file).unwrap_or_else(|| panic!("no {file}: {self:?}"))
    }

    /// The code of the problem of `file`.
    pub fn problem(&self, file: &str) -> &str {
        assert!(self.err.contains(&format!("{file}: ")), "{self:?}");
        self.line(file)["code"].as_str().unwrap_or_else(|| panic!("no problem: {self:?}"))
    }

    /// Everything went.
    pub fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// Something failed, and nothing of it tells a secret.
    pub fn failed(self, sandbox: &Sandbox) -> Self {
        assert_eq!(self.code, Some(1), "{self:?}");
        let secrets = sandbox.secrets();
        let ours = [TOKEN, SECRET, "/relay/", "policy", "ignature"].map(str::to_owned);
        assert!(!self.err.contains("://"), "{self:?}");
        for secret in secrets.iter().chain(&ours) {
            assert!(!self.out.contains(secret) && !self.err.contains(secret), "{secret} in {self:?}");
        }
        self
    }
}
