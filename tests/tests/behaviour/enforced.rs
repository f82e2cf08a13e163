//! What the receiver refuses by itself, and what it does not: exactly what `limits.enforced` claims.

use serde_json::{Value, json};
use upload_grant_tests::{Answer, Function, Sandbox, sandbox, upload, upload_request};

const BYTES: &[u8] = b"hello";
const MD5: &str = "XUFAKrxLKna5cZ2REBfFkg==";

/// A change of the upload, named as in `enforced` where it has a name there.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Change {
    Longer,
    Shorter,
    OtherKey,
    OtherType,
    Late,
    Again,
    OtherBytes,
    /// A header or field that the grant does not have.
    Extra,
}

const CHANGES: [Change; 8] = [
    Change::Longer,
    Change::Shorter,
    Change::OtherKey,
    Change::OtherType,
    Change::Late,
    Change::Again,
    Change::OtherBytes,
    Change::Extra,
];

impl Change {
    fn name(self) -> &'static str {
        match self {
            Self::Longer | Self::Shorter => "size",
            Self::OtherKey => "key",
            Self::OtherType => "type",
            Self::Late => "expiry",
            Self::Again => "no-overwrite",
            Self::OtherBytes => "md5",
            Self::Extra => "",
        }
    }
}

struct Row {
    flow: &'static str,
    mode: &'static str,
    filename: &'static str,
    env: &'static [(&'static str, &'static str)],
    vendor: Value,
    size: Option<usize>,
    md5: bool,
    /// Refused although nothing is claimed, with the reason beside the row.
    also: &'static [Change],
    /// Not refused although it is claimed, because the claim is a weaker one.
    except: &'static [Change],
}

fn row(flow: &'static str, mode: &'static str, filename: &'static str) -> Row {
    let (vendor, size) = (json!({}), Some(BYTES.len()));
    Row { flow, mode, filename, env: &[], vendor, size, md5: false, also: &[], except: &[] }
}

fn table() -> Vec<Row> {
    let (chatapp, lke, workorder) = ("alibaba-chatapp", "tencent-lke", "alibaba-workorder");
    vec![
        row(chatapp, "form", "a.png"),
        Row { md5: true, ..row(chatapp, "form", "a.png") },
        // Without a size its bounds are the type's: one byte more or less is within.
        Row { size: None, except: &[Change::Longer, Change::Shorter], ..row(chatapp, "form", "a.png") },
        // OSS signs every x-oss-* header that is sent.
        Row { also: &[Change::Extra], ..row(chatapp, "put", "a.png") },
        Row { also: &[Change::Extra], md5: true, ..row(chatapp, "put", "a.png") },
        Row { also: &[Change::Extra], size: None, ..row(chatapp, "put", "a.png") },
        row(lke, "put", "a.pdf"),
        Row { md5: true, ..row(lke, "put", "a.pdf") },
        Row { size: None, ..row(lke, "put", "a.pdf") },
        Row { vendor: json!({ "lke_upload_url": "only" }), ..row(lke, "put", "a.pdf") },
        // The vendor's policy has a maximum, not this file's size.
        Row { except: &[Change::Longer, Change::Shorter], ..row(workorder, "form", "a.pdf") },
        Row {
            env: &[("WORKORDER_API", "2021-06-10")],
            // V1 signs every x-oss-* header, and the one type that the vendor signed for any file.
            also: &[Change::OtherType, Change::Extra],
            ..row(workorder, "put", "a.pdf")
        },
        row("alibaba-aicontent", "form", "a.wav"),
    ]
}

#[tokio::test]
async fn refused_exactly_as_claimed() {
    for row in table() {
        let sandbox = sandbox().await;
        sandbox.settings(row.vendor.clone());
        let function = Function::of(row.flow, &sandbox, row.env).await;
        let mut request = json!({ "filename": row.filename, "mode": row.mode });
        if let Some(size) = row.size {
            request["size"] = size.into();
        }
        if row.md5 {
            request["checksums"] = json!({ "md5": MD5 });
        }
        for change in CHANGES {
            let grant = function.ask(&request).await.ok();
            let enforced = grant["limits"]["enforced"].as_array().expect("a list");
            let claimed = enforced.contains(&json!(change.name())) && !row.except.contains(&change);
            let answer = changed(&sandbox, &grant, change).await;
            let refused = !(200..300).contains(&answer.status) || answer.json.get("errId").is_some();
            let (flow, mode, size, md5) = (row.flow, row.mode, row.size, row.md5);
            assert_eq!(
                refused,
                claimed || row.also.contains(&change),
                "{flow} {mode} {size:?} {md5} {change:?}: {} {}\n{grant:#}",
                answer.status,
                answer.text
            );
        }
        assert_eq!(row.md5 && row.mode == "put", {
            let grant = function.ask(&request).await.ok();
            grant["limits"]["enforced"].as_array().expect("a list").contains(&json!("md5"))
        });
    }
}

/// The upload with one thing changed.
async fn changed(sandbox: &Sandbox, grant: &Value, change: Change) -> Answer {
    let mut grant = grant.clone();
    match change {
        Change::Longer => return upload(&grant, b"hello!").await,
        Change::Shorter => return upload(&grant, b"hell").await,
        Change::OtherBytes => return upload(&grant, b"HELLO").await,
        Change::Late => {
            // A minute is the most a receiver may be late.
            let late = grant["expires"].as_i64().expect("seconds") + 61;
            for target in ["oss", "cos", "ssapi"] {
                sandbox.fault(json!({ "target": target, "skew_seconds": late }));
            }
            let answer = upload(&grant, BYTES).await;
            sandbox.clear_faults();
            return answer;
        }
        Change::Again => {
            let first = upload(&grant, BYTES).await;
            assert!(first.status < 300, "{}", first.text);
        }
        Change::OtherKey => {
            let key = grant["key"].as_str().expect("a key").to_owned();
            let (stem, extension) = key.rsplit_once('.').expect("an extension");
            let other = format!("{stem}-other.{extension}");
            if grant["fields"].get("key").is_some() {
                grant["fields"]["key"] = other.into();
            } else {
                grant["url"] = grant["url"].as_str().expect("a URL").replace(&key, &other).into();
            }
        }
        Change::OtherType => {
            let other = json!("text/x-other");
            grant["limits"]["content_types"] = json!([other]);
            let place = if grant.get("fields").is_some() { "fields" } else { "headers" };
            for (name, value) in grant[place].as_object_mut().expect("an object") {
                if name.to_ascii_lowercase().ends_with("content-type") {
                    *value = other.clone();
                }
            }
        }
        Change::Extra => {
            let name = if grant["flow"] == "tencent-lke" { "x-cos-meta-extra" } else { "x-oss-meta-extra" };
            if grant.get("fields").is_some() && grant["flow"] != "alibaba-aicontent" {
                grant["fields"][name] = "1".into();
            } else {
                grant["headers"][name] = "1".into();
            }
        }
    }
    upload(&grant, BYTES).await
}

#[tokio::test]
async fn what_stands_in_the_grant_cannot_be_left_out() {
    for (flow, mode, filename, members) in [
        (
            "alibaba-chatapp",
            "form",
            "a.png",
            &["/fields/x-oss-forbid-overwrite", "/fields/x-oss-content-type"][..],
        ),
        ("alibaba-chatapp", "put", "a.png", &["/headers/x-oss-forbid-overwrite", "/headers/Content-Type"]),
        ("tencent-lke", "put", "a.pdf", &["/headers/x-cos-forbid-overwrite", "/headers/Content-Type"]),
    ] {
        let sandbox = sandbox().await;
        let function = Function::of(flow, &sandbox, &[]).await;
        for member in members {
            let mut grant = function.ask(&json!({ "filename": filename, "mode": mode })).await.ok();
            let (parent, name) = member.rsplit_once('/').expect("a pointer");
            let parent = grant.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object");
            parent.remove(name).expect("the member");
            let answer = upload(&grant, BYTES).await;
            assert_eq!(answer.status, 403, "{flow} {mode} {member}: {}", answer.text);
        }
        assert!(sandbox.objects().is_empty());
    }
}

#[tokio::test]
async fn a_form_without_a_size_has_the_types_limit() {
    let sandbox = sandbox().await;
    let function = Function::of("alibaba-chatapp", &sandbox, &[]).await;
    let limit = 500 * 1024;
    for (bytes, status) in [(0, 400), (limit, 200), (limit + 1, 400)] {
        let grant = function.ask(&json!({ "filename": "sticker.webp" })).await.ok();
        assert_eq!(grant["limits"]["max_bytes"], limit);
        assert_eq!(upload(&grant, &vec![7; bytes]).await.status, status, "{bytes}");
    }
}

#[tokio::test]
async fn the_vendors_own_policy_has_the_last_word() {
    let sandbox = sandbox().await;
    let function = Function::of("alibaba-workorder", &sandbox, &[]).await;
    let limit = 2 * 1024 * 1024;
    for (bytes, status) in [(limit, 200), (limit + 1, 400)] {
        let grant = function.ask(&json!({ "filename": "a.bin" })).await.ok();
        assert_eq!(grant["limits"]["max_bytes"], limit);
        assert_eq!(upload(&grant, &vec![7; bytes]).await.status, status, "{bytes}");
    }
    // Only the directory is the vendor's to refuse, not the name in it.
    let mut grant = function.ask(&json!({ "filename": "a.bin" })).await.ok();
    grant["fields"]["key"] = "elsewhere/a.bin".into();
    assert_eq!(upload(&grant, BYTES).await.status, 403);
}

#[tokio::test]
async fn the_relay_refuses_as_claimed() {
    for (flow, filename) in [
        ("alibaba-chatapp", "a.png"),
        ("alibaba-workorder", "a.pdf"),
        ("tencent-lke", "a.pdf"),
        ("alibaba-aicontent", "a.wav"),
        ("huawei-aicc", "a.jpg"),
    ] {
        let sandbox = sandbox().await;
        let function = Function::of(flow, &sandbox, &[]).await;
        let request = json!({
            "filename": filename, "mode": "relay", "size": BYTES.len(), "checksums": { "md5": MD5 },
        });
        let grant = function.ask(&request).await.ok();
        for (bytes, expected) in [
            (&b"hello!"[..], (413, "too_large")),
            (b"hell", (400, "invalid_request")),
            (b"HELLO", (422, "checksum_mismatch")),
        ] {
            assert_eq!(upload(&grant, bytes).await.problem(), expected, "{flow} {bytes:?}");
        }
        let empty = upload_request(&grant, b"").header("content-length", "0");
        assert_eq!(Answer::of(empty).await.problem(), (400, "invalid_request"), "{flow}");
        let mut other = grant.clone();
        other["headers"]["Content-Type"] = "text/x-other".into();
        let other = upload_request(&other, BYTES);
        assert_eq!(Answer::of(other).await.problem(), (415, "unsupported_type"), "{flow}");
        let mut tampered = grant.clone();
        let url = grant["url"].as_str().expect("a URL");
        let (start, last) = url.split_at(url.len() - 10);
        tampered["url"] = format!("{start}{}", last.chars().rev().collect::<String>()).into();
        assert_eq!(upload(&tampered, BYTES).await.problem(), (401, "unauthenticated"), "{flow}");
        assert!(sandbox.objects().is_empty(), "{flow}");
        assert_eq!(upload(&grant, BYTES).await.status, 200, "{flow}");
    }
}
