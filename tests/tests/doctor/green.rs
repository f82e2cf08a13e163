//! Where all is well; and the ways to ask.

use upload_grant_tests::{FLOWS, sandbox};

use crate::run::Run;

const ALWAYS: [&str; 5] = ["configuration", "secret", "clock", "vendor.call", "relay.upload"];

/// Every flow and variant: nothing fails, and every kind of refusal is tried where it is promised.
#[tokio::test]
async fn every_flow_is_found_well() {
    let credentials = ("GRANT_ALLOW_CREDENTIALS", "true");
    let form: &[&str] = &["form.size", "form.type", "form.key", "form.upload", "form.cors", "form.overwrite"];
    let put: &[&str] = &["put.size", "put.type", "put.key", "put.upload", "put.cors", "put.overwrite"];
    let (size, key): (&[&str], &[&str]) = (&["form.size", "form.upload"], &["put.key", "put.upload"]);
    for (flow, extra, checks, objects) in [
        ("alibaba-chatapp", &[credentials][..], [form, put].concat(), 3),
        ("alibaba-workorder", &[], size.to_vec(), 2),
        ("alibaba-workorder", &[("WORKORDER_SIGNATURE", "v3")], size.to_vec(), 2),
        // One more is read back under the vendor's own URL.
        ("alibaba-workorder", &[("WORKORDER_API", "2021-06-10")], key.to_vec(), 3),
        ("tencent-lke", &[credentials], put.to_vec(), 3),
        ("alibaba-aicontent", &[], vec!["form.upload"], 2),
        ("alibaba-aicontent", &[("AICONTENT_TRANSPORT", "ssapi")], vec!["form.upload"], 2),
        ("alibaba-aicontent", &[("AICONTENT_SIGN", "none")], vec!["form.upload"], 2),
        ("huawei-aicc", &[], vec!["aicc.session"], 1),
        ("alibaba-bailian", &[], key.to_vec(), 2),
        // A gigabyte and one byte is more than the doctor sends to see it refused.
        ("alibaba-dashscope", &[], vec!["form.upload", "form.overwrite"], 2),
    ] {
        let sandbox = sandbox().await;
        let run = Run::json(flow, &sandbox, extra).await;
        assert_eq!(run.exit, 0, "{}", run.stdout);
        let good = run.with("ok");
        for check in ALWAYS.iter().chain(&checks) {
            assert!(good.contains(check), "{flow}: {check} is not ok: {}", run.stdout);
        }
        assert_eq!(run.with("warn"), ["callers"], "{flow}: {}", run.stdout);
        // What is in the store is what the report names.
        let told = run.json["objects"].as_array().expect("objects");
        assert_eq!((sandbox.objects().len(), told.len()), (objects, objects), "{flow}: {}", run.stdout);
        for object in sandbox.objects() {
            assert_eq!(object.size, 1024, "{flow}");
            assert!(flow == "alibaba-aicontent" || told.contains(&object.key.into()), "{flow}: {told:?}");
        }
    }
}

#[tokio::test]
async fn without_uploads_nothing_is_left_and_the_rest_is_done() {
    for (flow, grant) in FLOWS.iter().map(|flow| (flow.name, format!("{}.grant", flow.modes[0]))) {
        let sandbox = sandbox().await;
        let run = Run::of(flow, &sandbox, &[], &["--no-upload", "--json"]).await;
        assert_eq!((run.exit, sandbox.objects().len()), (0, 0), "{}", run.stdout);
        assert!(run.with("ok").contains(&&*grant) && run.with("skipped").contains(&"relay.upload"), "{flow}");
        assert!(run.json["uploads"] == false && run.json["objects"].as_array().is_some_and(Vec::is_empty));
    }
}

#[tokio::test]
async fn the_table_says_the_same_as_the_document() {
    let sandbox = sandbox().await;
    let table = Run::of("alibaba-chatapp", &sandbox, &[], &[]).await;
    let objects: Vec<String> = sandbox.objects().into_iter().map(|object| object.key).collect();
    let json = Run::json("alibaba-chatapp", &sandbox, &[]).await;
    assert_eq!(table.exit, 0);
    assert!(table.stdout.starts_with("alibaba-chatapp doctor uploads probes of 1024 bytes, named"));
    let lines: Vec<&str> = table.stdout.lines().collect();
    let mut at = 0;
    for line in json.lines() {
        let start =
            format!("{:<8}{:<26} ", line["outcome"].as_str().unwrap(), line["check"].as_str().unwrap());
        let found = lines[at..].iter().position(|text| text.starts_with(&start));
        at += found.unwrap_or_else(|| panic!("{start} is not in {}", table.stdout)) + 1;
        if let Some(advice) = line["advice"].as_str() {
            assert_eq!(lines[at].trim(), format!("do: {advice}"));
        }
    }
    for key in objects {
        assert!(lines.contains(&&*format!("left in the store: {key}")), "{}", table.stdout);
    }
}

#[tokio::test]
async fn arguments_are_few_and_others_are_refused() {
    let sandbox = sandbox().await;
    for args in [&["--dry-run"][..], &["--json", "x"], &[""]] {
        let run = Run::of("huawei-aicc", &sandbox, &[], args).await;
        assert_eq!((run.exit, &*run.stdout), (2, ""), "{args:?}");
        assert!(run.stderr.starts_with("Usage: huawei-aicc doctor [--json] [--no-upload]\n"));
    }
    let help = Run::of("huawei-aicc", &sandbox, &[], &["--help"]).await;
    assert!(help.exit == 0 && help.stdout.starts_with("Usage: huawei-aicc doctor"));
    let program = upload_grant_tests::process::binary("huawei-aicc");
    for (arg, code) in [("--help", 0), ("nonsense", 2)] {
        let output = std::process::Command::new(&program).arg(arg).output().expect("the binary runs");
        let shown = if code == 0 { output.stdout } else { output.stderr };
        assert_eq!(output.status.code(), Some(code));
        assert!(String::from_utf8_lossy(&shown).starts_with("Usage: huawei-aicc "), "{arg}");
    }
}
