//! Command lines and files that cannot be sent, and how the program ends.

use std::process::{Command, Stdio};

use axum::body::Body;
use axum::response::Response;
use upload_grant_tests::process::{Process, binary, settings};
use upload_grant_tests::stub::Stub;
use upload_grant_tests::{Service, sandbox};

use crate::shell::Shell;

#[tokio::test]
async fn wrong_usage_is_told_and_sends_nothing() {
    let shell = Shell::at("https://function.example");
    shell.file("a.pdf", b"hello");
    let cases: [(&[&str], &str); 15] = [
        (&[], "no FILE is given"),
        (&["--frobnicate", "a.pdf"], "--frobnicate"),
        (&["a.pdf", "--to"], "--to"),
        (&["--to", "function.example", "a.pdf"], "--to is not a URL with scheme"),
        (&["--to", "http://function.example", "a.pdf"], "--to is http:// and not a loopback host"),
        (&["--to", "https://me:secret@function.example", "a.pdf"], "--to is not a plain URL of a host"),
        (&["--mode", "credentials", "a.pdf"], "--mode is none of form, put, relay"),
        (&["--jobs", "0", "a.pdf"], "--jobs is not a number from 1 to 64"),
        (&["--jobs", "many", "a.pdf"], "--jobs is not a number from 1 to 64"),
        (&["--param", "type_key", "a.pdf"], "--param is not NAME=VALUE"),
        (&["--param", "text={", "a.pdf"], "--param is not NAME=VALUE"),
        (&["--name", "b.pdf", "a.pdf", "a.pdf"], "--name is for one FILE"),
        (&["-"], "standard input needs --name"),
        (&["-", "-"], "standard input can be sent once"),
        (&["--token", "x", "a.pdf"], "--token"),
    ];
    for (arguments, what) in cases {
        let said = shell.send(arguments).await;
        assert_eq!((said.code, &*said.out), (Some(2), ""), "{arguments:?}: {said:?}");
        assert!(said.err.contains(what) && said.err.contains("send --help"), "{arguments:?}: {}", said.err);
        assert!(!said.err.contains("secret"), "{}", said.err);
    }
    for (name, value, what) in [
        ("GRANT_URL", "http://function.example", "GRANT_URL is http:// and not a loopback host"),
        ("GRANT_TOKEN", "to\nken", "GRANT_TOKEN has characters that no header can have"),
        ("GRANT_API_KEY_FILE", "nowhere", "GRANT_API_KEY is missing"),
    ] {
        let said = Shell::at("https://function.example").set(name, value).send(&["a.pdf"]).await;
        assert_eq!(said.code, Some(2), "{said:?}");
        assert!(said.err.contains(what) && !said.err.contains("ken\n"), "{}", said.err);
    }
}

#[test]
fn words_that_no_function_knows_are_usage() {
    for (program, arguments) in
        [("tencent-lke", &["sned"][..]), ("upload-grant", &[]), ("upload-grant", &["x"])]
    {
        let output = Command::new(binary(program)).args(arguments).env_clear().output().expect("it runs");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(told.starts_with(&format!("Usage: {program}")) && told.contains("send"), "{told}");
    }
    let output =
        Command::new(binary("tencent-lke")).args(["send", "--help"]).env_clear().output().expect("it runs");
    assert!(output.status.success() && output.stderr.is_empty());
    assert!(
        String::from_utf8_lossy(&output.stdout).starts_with("Usage: tencent-lke send [OPTIONS] FILE...\n")
    );
}

#[tokio::test]
async fn files_that_are_none_fail_alone() {
    let sandbox = sandbox().await;
    let (_process, url) = Process::serving("tencent-lke", &sandbox, &[]).await;
    let shell = Shell::at(&url);
    shell.file("good.pdf", b"hello");
    shell.file("empty.pdf", b"");
    shell.file("folder.pdf/inside.pdf", b"hello");
    let esc = "a\u{1b}[31m.pdf";
    shell.file(esc, b"hello");
    let said = shell.send(&["missing.pdf", "empty.pdf", "folder.pdf", esc, "good.pdf"]).await;
    let said = said.failed(&sandbox);
    assert_eq!(said.problem("missing.pdf"), "source_failed");
    assert!(
        said.err.contains("missing.pdf: source_failed: the file cannot be read: No such file"),
        "{}",
        said.err
    );
    assert_eq!(said.problem("empty.pdf"), "invalid_request");
    assert!(said.err.contains("empty.pdf: invalid_request: the file is empty"), "{}", said.err);
    assert_eq!(said.problem("folder.pdf"), "source_failed");
    assert!(said.err.contains("is a directory"), "{}", said.err);
    // A file's name cannot steer the reader's terminal.
    assert_eq!(said.line(esc)["code"], "invalid_filename");
    assert!(!said.err.contains('\u{1b}'), "{:?}", said.err);
    assert!(said.line("good.pdf")["key"].is_string());
    assert_eq!((said.lines.len(), sandbox.calls(Service::Lke)), (5, 1));
}

/// Ctrl-C in the middle of an upload: the exit code says so, and a relay's ticket is free again.
#[tokio::test]
async fn an_interrupt_ends_it_at_once() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let stub = Stub::start(|seen| {
            // The grant that never comes.
            let bytes = futures_util::stream::pending::<Result<axum::body::Bytes, std::io::Error>>();
            assert_eq!(seen.target, "/grants");
            Response::new(Body::from_stream(bytes))
        })
        .await;
        let shell = Shell::at(&stub.url(""));
        shell.file("a.pdf", b"hello");
        // And input that never ends.
        for (arguments, is_asked) in [(&["a.pdf"][..], true), (&["--name", "a.pdf", "-"], false)] {
            let seen = stub.seen().len();
            let mut child = shell.command(arguments).stdin(Stdio::piped()).spawn().expect("it runs");
            let pid = child.id().expect("an id").to_string();
            while is_asked && stub.seen().len() == seen {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            while !is_asked && !is_reading(&pid) {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            let _stdin = child.stdin.take();
            assert!(
                Command::new("sh")
                    .args(["-c", "kill $0 $1", signal, &pid])
                    .status()
                    .expect("a shell")
                    .success()
            );
            let output = child.wait_with_output().await.expect("it ends");
            assert_eq!((output.status.code(), output.stdout.len()), (Some(code), 0));
        }
    }
}

/// It has opened its temporary file, so the signals are taken and standard input is being read.
fn is_reading(pid: &str) -> bool {
    let files = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    files
        .filter_map(|file| std::fs::read_link(file.path()).ok())
        .any(|to| to.to_string_lossy().contains("deleted"))
}

#[tokio::test]
async fn output_that_nobody_reads_stops_it() {
    let sandbox = sandbox().await;
    let (_process, url) = Process::serving("tencent-lke", &sandbox, &[]).await;
    let shell = Shell::at(&url);
    shell.file("a.pdf", b"hello");
    let mut child = shell.command(&["--jobs", "1", "a.pdf", "a.pdf"]).spawn().expect("it runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().await.expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("standard output is closed"));
    assert_eq!(sandbox.objects().len(), 1);
}

/// Without a word the binary serves, as ever, also where `send` is in it.
#[tokio::test]
async fn no_word_serves() {
    let sandbox = sandbox().await;
    let mut vars = settings("huawei-aicc", &sandbox, &[]);
    vars.push(("GRANT_LISTEN".into(), "127.0.0.1:0".into()));
    Process::of("huawei-aicc", &vars).line(|line| line["message"] == "listening").await;
}
