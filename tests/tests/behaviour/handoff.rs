//! The vendor's next call, filled in: as the receipt of a relayed upload and of a completed one has it.

use serde_json::{Value, json};
use upload_grant_sandbox::facts;
use upload_grant_tests::{Answer, Function, sandbox, upload};

const BYTES: &[u8] = b"hello";
const CRC64: &str = "11177612005948864433";

/// The receipts of `request` over the relay, and over the flow's own grant and `/complete` with `sent`.
async fn receipts(function: &Function, request: &Value, sent: Value) -> [Value; 2] {
    let mut relay = request.clone();
    relay["mode"] = "relay".into();
    let relayed = upload(&function.ask(&relay).await.ok(), BYTES).await.ok();
    let grant = function.ask(request).await.ok();
    assert_eq!(upload(&grant, BYTES).await.status, 200, "{request}");
    let mut sent = sent;
    sent["token"] = grant["complete"]["token"].clone();
    let completed = Answer::of(function.post("/complete").body(sent.to_string())).await.ok();
    [relayed, completed]
}

/// What the store told the client.
fn told() -> Value {
    json!({ "size": 5, "etag": "\"5d41402abc4b2a76b9719d911017c592\"", "crc64": CRC64 })
}

fn check(receipt: &Value, actions: &Value, params: &Value) {
    assert_eq!(&receipt["handoff"]["actions"], actions, "{receipt:#}");
    assert_eq!(&receipt["handoff"]["params"], params, "{receipt:#}");
}

#[tokio::test]
async fn a_document_goes_to_save_doc() {
    let function = Function::of("tencent-lke", &sandbox().await, &[]).await;
    for (filename, told_name) in
        [("a b.PDF", "a b.PDF"), ("scan", "scan.pdf"), ("报告．pdf", "报告．pdf.pdf")]
    {
        let request = json!({ "filename": filename, "content_type": "application/pdf" });
        for receipt in receipts(&function, &request, told()).await {
            assert_eq!(receipt["filename"], filename);
            let path = format!("/{}", receipt["key"].as_str().expect("a key"));
            let params = json!({
                "BotBizId": facts::BOT_BIZ_ID, "FileName": told_name, "FileType": "pdf", "CosUrl": path,
                "ETag": "\"5d41402abc4b2a76b9719d911017c592\"", "CosHash": CRC64, "Size": "5", "Opt": "2",
            });
            check(&receipt, &json!(["SaveDoc"]), &params);
        }
    }
}

#[tokio::test]
async fn a_chat_document_goes_to_doc_parse() {
    let function = Function::of("tencent-lke", &sandbox().await, &[]).await;
    let request = json!({ "filename": "a.pdf", "params": { "type_key": "realtime" } });
    for receipt in receipts(&function, &request, told()).await {
        let params = json!({
            "cos_bucket": facts::LKE_REALTIME_BUCKET, "file_type": "pdf", "file_name": "a.pdf",
            "cos_url": format!("/{}", receipt["key"].as_str().expect("a key")), "cos_hash": CRC64,
            "e_tag": "\"5d41402abc4b2a76b9719d911017c592\"", "size": "5",
        });
        check(&receipt, &json!(["docParse"]), &params);
    }
}

#[tokio::test]
async fn a_chat_image_is_markdown_and_content() {
    let function = Function::of("tencent-lke", &sandbox().await, &[]).await;
    let request = json!({ "filename": "a.png", "params": { "type_key": "realtime", "is_public": true } });
    for receipt in receipts(&function, &request, told()).await {
        let location = receipt["location"].as_str().expect("a URL");
        assert!(location.contains("/public/"), "{location}");
        let contents = json!([{ "Type": "image", "Image": { "Url": location } }]);
        let params = json!({ "content": format!("![]({location})"), "contents": contents });
        assert_eq!(receipt["handoff"]["params"], params);
    }
}

#[tokio::test]
async fn cams_takes_the_url() {
    let function = Function::of("alibaba-chatapp", &sandbox().await, &[]).await;
    for receipt in receipts(&function, &json!({ "filename": "a.png" }), json!({})).await {
        assert!(receipt["location"].is_string());
        let actions = json!(["CreateChatappTemplate", "SendChatappMessage"]);
        let params = json!({ "url": receipt["location"], "CustSpaceId": facts::CUST_SPACE_ID });
        check(&receipt, &actions, &params);
    }
}

#[tokio::test]
async fn a_ticket_takes_the_attachment() {
    for (env, actions, name) in [
        (&[][..], json!(["Add", "QuestionReply"]), "attachments"),
        (&[("WORKORDER_API", "2021-06-10")], json!(["CreateTicket", "ReplyTicket"]), "FileNameList"),
    ] {
        let function = Function::of("alibaba-workorder", &sandbox().await, env).await;
        for receipt in receipts(&function, &json!({ "filename": "a, b.pdf" }), json!({})).await {
            let key = receipt["key"].as_str().expect("a key");
            // Comma-joined with others there.
            assert!(key.contains('/') && !key.contains(','), "{key}");
            check(&receipt, &actions, &json!({ name: key }));
        }
    }
}

#[tokio::test]
async fn an_agent_is_sent_the_object_key() {
    let sandbox = sandbox().await;
    let function = Function::of("huawei-aicc", &sandbox, &[("HUAWEI_AICC_USER_ID", "u-7")]).await;
    for (filename, kind, content) in [
        ("a.jpg", "IMAGE", "KEY"),
        ("a.mp3", "AUDIO", "KEY"),
        ("a.mp4", "VIDEO", "KEY"),
        ("a, b,c.txt", "FILE", "a_ b_c.txt,5,KEY,txt"),
        ("table.CSV", "FILE", "table.CSV,5,KEY,csv"),
    ] {
        let grant = function.ask(&json!({ "filename": filename })).await.ok();
        let receipt = upload(&grant, BYTES).await.ok();
        let key = sandbox.objects().pop().expect("an object").key;
        assert_eq!(receipt["key"], *key);
        let content = content.replace("KEY", &key);
        let params = json!({
            "channel": "WEB", "controlType": "CHAT", "sourceType": "CUSTOMER", "mediaType": kind,
            "content": content, "from": "u-7", "to": facts::AICC_CHANNEL_ID,
        });
        check(&receipt, &json!(["send"]), &params);
        // Completion after the relay gives the function's own receipt, not the client's word.
        let body = json!({ "token": grant["complete"]["token"], "size": 5 }).to_string();
        assert_eq!(Answer::of(function.post("/complete").body(body)).await.ok(), receipt);
    }
    // Before it there is no key to send.
    let grant = function.ask(&json!({ "filename": "a.jpg" })).await.ok();
    let body = json!({ "token": grant["complete"]["token"] }).to_string();
    let receipt = Answer::of(function.post("/complete").body(body)).await.ok();
    assert!(receipt.get("handoff").is_none(), "{receipt}");
}

#[tokio::test]
async fn an_evaluation_is_known_by_its_record() {
    let function = Function::of("alibaba-aicontent", &sandbox().await, &[]).await;
    let receipts = receipts(&function, &json!({ "filename": "a.wav" }), json!({ "record_id": "r-1" })).await;
    let record = receipts[0]["vendor"]["record_id"].clone();
    assert_eq!(record.as_str().map(str::len), Some(32));
    assert_eq!(receipts[0]["vendor"]["result"]["overall"], 88);
    for (receipt, record) in receipts.iter().zip([record, json!("r-1")]) {
        let params = &receipt["handoff"]["params"];
        assert_eq!((&params["record_id"], &params["app_id"]), (&record, &json!(facts::AICONTENT_APP_ID)));
    }
}
