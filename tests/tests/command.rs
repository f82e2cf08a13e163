//! The command `upload-grant`, as it is downloaded and as the container image has it: `send`, and any flow by its name.
//!
//! `COMMAND="bwrap … /upload-grant"` runs an artifact of a release instead of a debug build.

use std::process::Command;

use upload_grant_tests::process::{Process, binary, settings};
use upload_grant_tests::{Answer, FLOWS, client, sandbox, upload};

#[allow(clippy::disallowed_methods, reason = "tells this test what to run, not a function what to do")]
fn command() -> Command {
    let Ok(words) = std::env::var("COMMAND") else { return Command::new(binary("upload-grant")) };
    let mut words = words.split_whitespace();
    let mut command = Command::new(words.next().expect("a program"));
    command.args(words);
    command
}

#[tokio::test]
async fn any_flow_is_served_by_its_name() {
    for flow in FLOWS {
        let sandbox = sandbox().await;
        let vars =
            settings(flow.name, &sandbox, &[("GRANT_RUNTIME", "http"), ("GRANT_LISTEN", "127.0.0.1:0")]);
        let mut program = command();
        program.arg(flow.name);
        let process = Process::start(program, &vars);
        let url = process.url().await;
        let health = Answer::of(client().get(format!("{url}/healthz"))).await.ok();
        assert_eq!((&health["flow"], &health["missing"]), (&flow.name.into(), &serde_json::json!([])));
        let ask = client().post(format!("{url}/grants")).header("content-type", "application/json");
        let grant = Answer::of(ask.body(flow.request())).await.ok();
        assert_eq!(grant["flow"], flow.name);
        assert!(upload(&grant, flow.bytes).await.status < 300);
        assert_eq!(sandbox.objects().len(), 1, "{}", flow.name);
    }
}

#[tokio::test]
async fn a_file_is_sent() {
    let sandbox = sandbox().await;
    let (_process, url) = Process::serving("tencent-lke", &sandbox, &[]).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.pdf"), b"hello").unwrap();
    let mut program = command();
    program.args(["send", "--to", &url, "a.pdf"]).current_dir(&folder).env_clear();
    let output = tokio::process::Command::from(program).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let receipt: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&receipt["file"], &receipt["size"]), (&"a.pdf".into(), &5.into()));
    assert_eq!(sandbox.objects().len(), 1);
}

#[test]
fn help_names_every_flow() {
    let output = command().arg("--help").env_clear().output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty());
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.starts_with("Usage: upload-grant send FILE..."), "{told}");
    for flow in FLOWS {
        assert!(told.contains(flow.name), "{told}");
    }
}
