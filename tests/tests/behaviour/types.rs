//! What the world calls its files: every row of the cases is asked for in every way there is, and uploaded.

use serde_json::{Value, json};
use upload_grant_tests::{Answer, Function, Sandbox, sandbox, upload_request};

/// Gathered from public reports, and from registries, desktops, browsers and suites.
const CASES: [&str; 2] = [include_str!("../../cases/types.tsv"), include_str!("../../cases/more-types.tsv")];

const FLOWS: [&str; 5] =
    ["alibaba-workorder", "huawei-aicc", "tencent-lke", "alibaba-chatapp", "alibaba-aicontent"];

struct Row {
    filename: &'static str,
    declared: &'static str,
    status: u16,
    content_type: &'static str,
    extension: &'static str,
}

fn rows(flow: &str) -> Vec<Row> {
    let lines = CASES.iter().flat_map(|cases| cases.lines()).filter(|line| !line.starts_with('#'));
    let cells = lines.map(|line| line.split('\t').collect::<Vec<_>>());
    let read = |cells: Vec<&'static str>| Row {
        filename: cells[1],
        declared: cells[2],
        status: cells[3].parse().expect("a status"),
        content_type: cells[4],
        extension: cells[5],
    };
    cells.filter(|cells| cells[0] == flow).map(read).collect()
}

impl Row {
    fn request(&self, mode: Option<&str>) -> Value {
        let declared = Some(self.declared).filter(|declared| !declared.is_empty());
        json!({ "filename": self.filename, "content_type": declared, "size": 5, "mode": mode })
    }

    fn shown(&self, flow: &str) -> String {
        format!("{flow} {} as {:?}", self.filename, self.declared)
    }

    /// Checks a grant, and an upload under it whose body says it is `sent`.
    async fn uploads(&self, flow: &str, grant: &Value, sent: Option<&str>, sandbox: &Sandbox) {
        let shown = self.shown(flow);
        let content_type = grant["limits"]["content_types"][0].as_str().expect("a type").to_owned();
        if !self.content_type.is_empty() {
            assert_eq!(content_type, self.content_type, "{shown}");
        }
        let mut grant = grant.clone();
        if let Some(sent) = sent {
            grant["headers"]["Content-Type"] = sent.into();
        }
        let before = sandbox.objects().len();
        let answer = Answer::of(upload_request(&grant, b"hello")).await;
        assert!(answer.status < 300, "{shown} sent as {sent:?}: {}", answer.text);
        let objects = sandbox.objects();
        assert_eq!(objects.len(), before + 1, "{shown}");
        let object = objects.last().expect("an object");
        // This vendor is told a file type and answers a key without one.
        let extension = match flow {
            "huawei-aicc" => object.content_type.as_deref(),
            "alibaba-aicontent" => None,
            _ => object.key.rsplit_once('.').map(|(_, extension)| extension),
        };
        assert_eq!(extension.unwrap_or(self.extension), self.extension, "{shown}");
        if content_type == "text/plain" {
            assert!(!["html", "htm", "js"].contains(&self.extension), "{shown}");
        }
    }
}

#[tokio::test]
async fn files_as_the_world_names_them() {
    for flow in FLOWS {
        let sandbox = sandbox().await;
        let function = Function::of(flow, &sandbox, &[]).await;
        for row in rows(flow) {
            let answer = function.ask(&row.request(None)).await;
            assert_eq!(answer.status, row.status, "{}: {}", row.shown(flow), answer.text);
            if row.status == 200 {
                let grant = answer.ok();
                if flow == "alibaba-aicontent" {
                    assert!(grant["key"].as_str().expect("a key").ends_with(&format!(".{}", row.extension)));
                }
                row.uploads(flow, &grant, None, &sandbox).await;
            } else {
                let code = if row.status == 415 { "unsupported_type" } else { "invalid_request" };
                assert_eq!(answer.problem(), (row.status, code), "{}", row.shown(flow));
                assert_eq!(answer.json["errors"][0]["pointer"], "/content_type", "{}", row.shown(flow));
            }
        }
    }
}

/// A relay takes the bytes under every name that the file has, and under no third one.
#[tokio::test]
async fn relays_take_the_spelling_that_was_asked_with() {
    for flow in FLOWS {
        let sandbox = sandbox().await;
        let function = Function::of(flow, &sandbox, &[]).await;
        for row in rows(flow).iter().filter(|row| row.status == 200) {
            let grant = function.ask(&row.request(Some("relay"))).await.ok();
            let third = json!({ "Content-Type": "text/x-third" });
            let wrong = json!({ "headers": third, "url": grant["url"], "method": "PUT" });
            let wrong = Answer::of(upload_request(&wrong, b"hello")).await;
            assert_eq!(wrong.problem(), (415, "unsupported_type"), "{}", row.shown(flow));
            row.uploads(flow, &grant, Some(row.declared), &sandbox).await;
            let grant = function.ask(&row.request(Some("relay"))).await.ok();
            let content_type = grant["limits"]["content_types"][0].as_str().expect("a type").to_owned();
            row.uploads(flow, &grant, Some(&content_type), &sandbox).await;
        }
    }
}

#[tokio::test]
async fn the_facade_and_direct_types_agree() {
    for flow in ["alibaba-chatapp", "alibaba-workorder"] {
        let sandbox = sandbox().await;
        let function = Function::of(flow, &sandbox, &[]).await;
        for row in rows(flow) {
            let mut query = url::form_urlencoded::Serializer::new(String::from("/s3/params?"));
            query.append_pair("filename", row.filename).append_pair("type", row.declared);
            let answer = Answer::of(function.get(&query.finish())).await;
            assert_eq!(answer.status, row.status, "{}", row.shown(flow));
            if row.status == 200 {
                let key = answer.json["key"].as_str().expect("a key");
                assert!(key.ends_with(&format!(".{}", row.extension)), "{}: {key}", row.shown(flow));
            }
        }
    }
}

/// Jobs ask as callers do.
#[tokio::test]
async fn jobs_know_the_same_spellings() {
    let sandbox = sandbox().await;
    let function = Function::of("tencent-lke", &sandbox, &[("GRANT_EVENTS", "trusted")]).await;
    for (filename, declared, extension) in [
        ("a.csv", "application/vnd.ms-excel", ".csv"),
        ("scan.tif", "", ".tiff"),
        ("IMG_1.HEIC", "image/jpeg", ".jpg"),
    ] {
        let source = json!({ "base64": "aGVsbG8=" });
        let job = json!({ "id": filename, "filename": filename, "type": declared, "source": source });
        Answer::of(function.post("/events").body(job.to_string())).await.ok();
        let object = sandbox.objects().pop().expect("an object");
        assert!(object.key.ends_with(extension), "{filename}: {}", object.key);
    }
}

#[tokio::test]
async fn a_refusal_names_the_extensions_that_are_taken() {
    let named = |answer: &Answer, extensions: &[&str]| {
        assert_eq!(answer.problem(), (415, "unsupported_type"));
        let detail = answer.json["detail"].as_str().expect("a detail").to_owned();
        let words: Vec<&str> = detail.split(|c: char| !c.is_alphanumeric()).collect();
        assert!(extensions.iter().all(|extension| words.contains(extension)), "{detail}");
    };
    let sandbox = sandbox().await;
    for (flow, extensions) in [
        ("alibaba-chatapp", &["jpg", "jpeg", "3gp", "amr", "m4a", "pptx"][..]),
        ("tencent-lke", &["pdf", "mhtml", "log", "heic", "xbm", "eps"]),
        ("huawei-aicc", &["jpg", "jpeg", "png", "bmp", "mp3", "aac", "mp4", "txt", "csv"]),
        ("alibaba-aicontent", &["wav", "mp3", "ogg", "opus", "amr"]),
    ] {
        let function = Function::of(flow, &sandbox, &[]).await;
        named(&function.ask(&json!({ "filename": "a.exe" })).await, extensions);
        let contradiction = match flow {
            "alibaba-aicontent" => continue,
            "huawei-aicc" => json!({ "filename": "a.png", "type": "text/csv" }),
            _ => json!({ "filename": "a.pdf", "type": "image/png" }),
        };
        named(&function.ask(&contradiction).await, extensions);
    }
    let env = [("GRANT_CONTENT_TYPES", "image/jpg, application/zip, video/*, audio/x-new")];
    let function = Function::of("alibaba-chatapp", &sandbox, &env).await;
    named(
        &function.ask(&json!({ "filename": "a.pdf" })).await,
        &["jpg", "jpeg", "mp4", "3gp", "mov", "zip", "new"],
    );
}

/// Patterns fold what is the same everywhere, and widen no list that the vendor itself keeps.
#[tokio::test]
async fn settings_and_policies_speak_of_types_in_any_spelling() {
    let sandbox = sandbox().await;
    let policy = r#"{"groups":[{"content_types":["IMAGE/JPG","application/x-pdf","text/xml"]}]}"#;
    for (flow, env, filename, declared, status) in [
        ("alibaba-chatapp", ("GRANT_CONTENT_TYPES", "image/jpg"), "a.jpg", "image/pjpeg", 200),
        ("alibaba-chatapp", ("GRANT_CONTENT_TYPES", "image/jpg"), "a.png", "", 415),
        ("alibaba-chatapp", ("GRANT_CONTENT_TYPES", "video/*"), "a.MOV", "video/quicktime", 200),
        ("alibaba-chatapp", ("GRANT_CONTENT_TYPES", "*/*"), "a.7z", "application/x-compressed", 200),
        ("huawei-aicc", ("GRANT_CONTENT_TYPES", "*/*"), "a.pdf", "application/pdf", 415),
        ("huawei-aicc", ("GRANT_CONTENT_TYPES", "*/*"), "a.pdf", "", 415),
        ("tencent-lke", ("GRANT_CONTENT_TYPES", "application/zip,application/pdf"), "a.zip", "", 415),
        ("tencent-lke", ("GRANT_CONTENT_TYPES", "application/zip,application/x-pdf"), "a.pdf", "", 200),
        ("tencent-lke", ("GRANT_CONTENT_TYPES", "application/xml"), "a.xml", "", 200),
        ("tencent-lke", ("GRANT_CONTENT_TYPES", "application/vnd.ms-excel"), "a.csv", "", 415),
        ("alibaba-workorder", ("GRANT_CONTENT_TYPES", "image/*"), "a.png", "", 200),
        ("alibaba-workorder", ("GRANT_CONTENT_TYPES", "image/*"), "a.zip", "", 415),
        ("tencent-lke", ("GRANT_POLICY", policy), "a.jpg", "image/jpeg", 200),
        ("tencent-lke", ("GRANT_POLICY", policy), "a.pdf", "", 200),
        ("tencent-lke", ("GRANT_POLICY", policy), "a.xml", "application/xml", 200),
        ("tencent-lke", ("GRANT_POLICY", policy), "a.png", "", 415),
    ] {
        let function = Function::of(flow, &sandbox, &[env]).await;
        let answer = function.ask(&json!({ "filename": filename, "type": declared })).await;
        assert_eq!(answer.status, status, "{flow} {env:?} {filename}: {}", answer.text);
    }
}

/// What the agent sees as the file's type is one that the vendor documents, whatever the name says.
#[tokio::test]
async fn the_agent_is_told_a_documented_type() {
    let sandbox = sandbox().await;
    let function = Function::of("huawei-aicc", &sandbox, &[]).await;
    for (filename, declared, ending) in [
        ("x.html", "text/plain", ",txt"),
        ("a.text", "", ",txt"),
        ("list.csv", "application/vnd.ms-excel", ",csv"),
    ] {
        let grant = function.ask(&json!({ "filename": filename, "type": declared })).await.ok();
        let receipt = Answer::of(upload_request(&grant, b"hello")).await.ok();
        let content = receipt["handoff"]["params"]["content"].as_str().expect("content");
        assert!(content.ends_with(ending), "{filename}: {content}");
    }
}

#[tokio::test]
async fn a_byte_order_mark_is_skipped() {
    let sandbox = sandbox().await;
    let function = Function::of("alibaba-chatapp", &sandbox, &[("GRANT_EVENTS", "trusted")]).await;
    let marked = |document: &Value| format!("\u{feff}{document}");
    let grant = function.post("/grants").body(marked(&json!({ "filename": "a.png" })));
    let grant = Answer::of(grant).await.ok();
    assert!(upload_request(&grant, b"hello").send().await.expect("an answer").status().is_success());
    let token = json!({ "token": grant["complete"]["token"] });
    Answer::of(function.post("/complete").body(marked(&token))).await.ok();
    let job = json!({ "id": "bom", "filename": "b.png", "source": { "base64": "aGVsbG8=" } });
    let before = sandbox.objects().len();
    Answer::of(function.post("/events").body(marked(&job))).await.ok();
    assert_eq!(sandbox.objects().len(), before + 1);
}
