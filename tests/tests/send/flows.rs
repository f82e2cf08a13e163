//! Every flow in each of its modes, and many files at once.

use serde_json::{Value, json};
use upload_grant_tests::process::Process;
use upload_grant_tests::wire::Wire;
use upload_grant_tests::{FLOWS, Service, sandbox};

use crate::shell::{Said, Shell};

fn digest(line: &Value) -> &str {
    line["sha256"].as_str().expect("a digest")
}

#[tokio::test]
async fn every_flow_takes_a_file_in_every_mode() {
    let bytes: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
    for (flow, file, modes) in FLOWS.iter().map(|flow| (flow.name, flow.file, flow.modes)) {
        let modes: Vec<&str> = modes.iter().copied().filter(|mode| *mode != "credentials").collect();
        let sandbox = sandbox().await;
        let (_process, url) = Process::serving(flow, &sandbox, &[]).await;
        // The function's own binary sends as well as the one without a function.
        let shell = Shell::at(&url).program(if modes.len() > 2 { "upload-grant" } else { flow });
        shell.file(file, &bytes);
        for mode in modes.iter().copied().chain([""]) {
            let asked: &[&str] = if mode.is_empty() { &[file] } else { &["--mode", mode, file] };
            let said = shell.send(asked).await.ok();
            let receipt = said.line(file);
            let object = sandbox.objects().pop().expect("an object");
            assert_eq!((object.size, &*object.sha256), (300_000, digest(receipt)), "{flow} {mode}");
            assert_eq!(receipt["flow"], flow);
            assert_eq!(receipt["filename"], file);
            let word = if mode.is_empty() { modes[0] } else { mode };
            let expected = if word == "relay" { "function" } else { "client" };
            assert_eq!(receipt["verified"], expected, "{flow} {mode}");
            // What the store says of the object comes along.
            let tagged = flow != "alibaba-aicontent" || word == "relay";
            assert_eq!(receipt["etag"].is_string(), tagged, "{flow} {mode}: {receipt}");
            assert_eq!(receipt["crc64"], object.crc64.to_string(), "{flow} {mode}: {receipt}");
            if flow == "alibaba-aicontent" {
                assert!(receipt["vendor"]["record_id"].is_string(), "{receipt}");
            }
            assert!(said.err.contains(&format!("{file}: sent 300000 bytes as ")), "{}", said.err);
        }
    }
}

#[tokio::test]
async fn the_ticket_system_s_second_api_takes_files_too() {
    let sandbox = sandbox().await;
    let extra = [("WORKORDER_API", "2021-06-10")];
    let (_process, url) = Process::serving("alibaba-workorder", &sandbox, &extra).await;
    let shell = Shell::at(&url);
    shell.file("a.txt", b"hello");
    let said = shell.send(&["--mode", "put", "a.txt"]).await.ok();
    assert_eq!(sandbox.objects()[0].sha256, digest(&said.lines[0]));
}

/// A header that the vendor signed as empty is sent, and is empty; whether it is there only the bytes tell.
#[tokio::test]
async fn an_empty_type_is_sent_as_such() {
    let sandbox = sandbox().await;
    sandbox.settings(json!({ "bailian_empty_type": true }));
    let wire = Wire::to(&sandbox.url(Service::Oss)).await;
    let (_process, url) = Process::serving("alibaba-bailian", &sandbox, &[("OSS_ENDPOINT", &wire.url)]).await;
    let shell = Shell::at(&url);
    shell.file("a.md", b"hello");
    shell.send(&["--mode", "put", "a.md"]).await.ok();
    let lines = wire.lines();
    let types: Vec<&String> =
        lines.iter().filter(|line| line.to_ascii_lowercase().starts_with("content-type:")).collect();
    assert_eq!(types.len(), 1, "{lines:#?}");
    assert_eq!(types[0].trim().to_ascii_lowercase(), "content-type:");
}

#[tokio::test]
async fn files_go_in_parallel_and_each_has_its_line() {
    let sandbox = sandbox().await;
    let (_process, url) = Process::serving("tencent-lke", &sandbox, &[]).await;
    let shell = Shell::at(&format!("{url}/grants"));
    let names: Vec<String> = (0..12).map(|n| format!("folder {}/a.pdf", n)).collect();
    for (n, name) in names.iter().enumerate() {
        shell.file(name, &vec![n as u8 + 1; 100_000 + n]);
    }
    let mut arguments = vec!["--jobs", "5", "--quiet"];
    arguments.extend(names.iter().map(String::as_str));
    let said = shell.send(&arguments).await.ok();
    assert_eq!((said.lines.len(), &*said.err), (12, ""));
    for (n, name) in names.iter().enumerate() {
        let receipt = said.line(name);
        assert_eq!(receipt["size"], 100_000 + n);
        let object = sandbox.object(receipt["key"].as_str().expect("a key")).expect("an object");
        assert_eq!(object.sha256, digest(receipt));
    }
}

/// Whether files travel at the same time shows in that each waits for the other.
#[tokio::test]
async fn two_files_are_under_way_at_the_same_time() {
    let sandbox = sandbox().await;
    let (_process, url) = Process::serving("tencent-lke", &sandbox, &[]).await;
    let shell = Shell::at(&url);
    shell.file("b.pdf", b"hello");
    let mut child = shell
        .command(&["--jobs", "2", "/dev/stdin", "b.pdf"])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .expect("it runs");
    let stdin = child.stdin.take();
    let mut lines = {
        use tokio::io::AsyncBufReadExt as _;
        tokio::io::BufReader::new(child.stdout.take().expect("its output")).lines()
    };
    // The first is not even read, and the second is through.
    let line = lines.next_line().await.expect("a line").expect("a line");
    assert!(line.contains("b.pdf") && line.contains("sha256"), "{line}");
    drop(stdin);
    let line = lines.next_line().await.expect("a line").expect("a line");
    assert!(line.contains("/dev/stdin") && line.contains("the file is empty"), "{line}");
}

#[tokio::test]
async fn type_name_and_parameters_reach_the_function() {
    let sandbox = sandbox().await;
    let (_process, url) = Process::serving("tencent-lke", &sandbox, &[]).await;
    let shell = Shell::at(&url).set("GRANT_URL", "http://127.0.0.1:1");
    shell.file("data", b"hello");
    let arguments = ["--to", &url, "--type", "application/pdf", "--name", "q3 report.pdf"];
    let said = shell
        .send(
            &[&arguments[..], &["--param", "is_public=true", "--param", "type_key=realtime", "data"]]
                .concat(),
        )
        .await
        .ok();
    assert_eq!(said.line("data")["filename"], "q3 report.pdf");
    let object = &sandbox.objects()[0];
    assert_eq!(object.content_type.as_deref(), Some("application/pdf"));

    let (_process, url) = Process::serving("alibaba-aicontent", &sandbox, &[]).await;
    let shell = Shell::at(&url);
    shell.file("a.wav", b"hello");
    shell.send(&["--param", r#"text={"refText":"hello"}"#, "a.wav"]).await.ok();
}

#[tokio::test]
async fn standard_input_is_a_file_with_a_name() {
    let sandbox = sandbox().await;
    let (_process, url) = Process::serving("alibaba-chatapp", &sandbox, &[]).await;
    let bytes = vec![7; 1_000_000];
    let said: Said = Shell::at(&url).send_bytes(&bytes, &["--name", "a.pdf", "-"]).await.ok();
    let receipt = said.line("-");
    assert_eq!((&receipt["filename"], &receipt["size"]), (&"a.pdf".into(), &1_000_000.into()));
    assert_eq!(sandbox.objects()[0].sha256, digest(receipt));
}
