//! Where all is well; and the ways to ask.

use serde_json::{Value, json};
use upload_grant_sandbox::Flow;
use upload_grant_tests::{FLOWS, Function, Sandbox, sandbox};

use crate::run::Run;

const ALWAYS: [&str; 5] = ["configuration", "secret", "clock", "vendor.call", "relay.upload"];

const CREDENTIALS: (&str, &str) = ("GRANT_ALLOW_CREDENTIALS", "true");

/// A flow, settings, and what its doctor finds and leaves besides what the grants promise.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a str], usize);

const OWN: &[Case<'_>] = &[
    ("alibaba-chatapp", &[CREDENTIALS], &["form.cors", "put.cors"], 0),
    ("alibaba-workorder", &[], &[], 0),
    ("alibaba-workorder", &[("WORKORDER_SIGNATURE", "v3")], &[], 0),
    // The URL is in form's stead, and one more is read back under the vendor's own.
    ("alibaba-workorder", &[("WORKORDER_API", "2021-06-10")], &["put.upload", "put.key"], 2),
    ("tencent-lke", &[CREDENTIALS], &["put.cors"], 1),
    ("alibaba-aicontent", &[], &[], 0),
    ("alibaba-aicontent", &[("AICONTENT_TRANSPORT", "ssapi")], &[], 0),
    ("alibaba-aicontent", &[("AICONTENT_SIGN", "none")], &[], 0),
    ("huawei-aicc", &[], &["aicc.session"], 0),
];

/// What a doctor must find well for what the grants of this flow promise, and how many objects it leaves for that.
async fn promised(flow: &Flow, sandbox: &Sandbox, extra: &[(&str, &str)]) -> (Vec<String>, usize) {
    let function = Function::of(flow.name, sandbox, extra).await;
    // The relay's upload is always there.
    let (mut checks, mut objects) = (Vec::new(), 1);
    for mode in flow.modes.iter().filter(|mode| ["form", "put"].contains(mode)) {
        let mut request = json!({ "filename": flow.file, "mode": mode, "size": 5,
            "checksums": { "md5": "XUFAKrxLKna5cZ2REBfFkg==" } });
        let sized = function.ask(&request).await;
        if sized.status == 400 {
            continue; // not offered under these settings
        }
        objects += 1;
        checks.push(format!("{mode}.upload"));
        request["size"] = Value::Null;
        let most = function.ask(&request).await.json["limits"]["max_bytes"].as_u64();
        for enforced in sized.ok()["limits"]["enforced"].as_array().expect("a list") {
            checks.extend(match enforced.as_str() {
                // A gigabyte and one byte is more than the doctor sends to see it refused.
                Some("size") if most.is_some_and(|most| most >= 1 << 30) => None,
                Some(kind @ ("size" | "type" | "key")) => Some(format!("{mode}.{kind}")),
                Some("no-overwrite") => Some(format!("{mode}.overwrite")),
                _ => None,
            });
        }
    }
    sandbox.reset();
    (checks, objects)
}

/// Every flow and variant: nothing fails, and every kind of refusal is tried where it is promised.
#[tokio::test]
async fn every_flow_is_found_well() {
    let others = FLOWS.iter().filter(|flow| OWN.iter().all(|(own, ..)| *own != flow.name));
    let others = others.map(|flow| (flow.name, &[][..], &[][..], 0));
    for (name, extra, own, left) in OWN.iter().copied().chain(others) {
        let sandbox = sandbox().await;
        let flow = FLOWS.iter().find(|flow| flow.name == name).expect("it is listed");
        let (checks, objects) = promised(flow, &sandbox, extra).await;
        let run = Run::json(name, &sandbox, extra).await;
        assert_eq!(run.exit, 0, "{}", run.stdout);
        let good = run.with("ok");
        for check in ALWAYS.iter().chain(own).copied().chain(checks.iter().map(String::as_str)) {
            assert!(good.contains(&check), "{name}: {check} is not ok: {}", run.stdout);
        }
        assert_eq!(run.with("warn"), ["callers"], "{name}: {}", run.stdout);
        // What is in the store is what the report names.
        let told = run.json["objects"].as_array().expect("objects");
        let objects = objects + left;
        assert_eq!((sandbox.objects().len(), told.len()), (objects, objects), "{name}: {}", run.stdout);
        for object in sandbox.objects() {
            assert_eq!(object.size, 1024, "{name}");
            assert!(name == "alibaba-aicontent" || told.contains(&object.key.into()), "{name}: {told:?}");
        }
    }
}

/// One policy may serve all functions of a stack: what is not this one's is told, in case it was mistyped.
#[tokio::test]
async fn a_policy_s_other_names_are_told() {
    for (names, outcome, code, word) in [
        (&["bot_biz_id"][..], "ok", json!("ok"), "this function only"),
        (&["app_id"], "ok", json!("ok"), "this function only"),
        (&["bot_biz_id", "cust_space_id"], "warn", json!("others"), "cust_space_id"),
    ] {
        let params: Value =
            names.iter().map(|name| ((*name).to_owned(), json!({ "caller": true }))).collect();
        let policy = json!({ "groups": [{ "params": params }] }).to_string();
        let run = Run::json("tencent-lke", &sandbox().await, &[("GRANT_POLICY", &policy)]).await;
        let line = run.line("policy");
        assert_eq!((&line["outcome"], &line["code"]), (&json!(outcome), &code), "{line:#}");
        assert!(line["seen"].as_str().expect("what was seen").contains(word), "{line:#}");
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
