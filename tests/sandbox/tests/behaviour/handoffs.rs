//! The call that follows an upload: accepted with what was uploaded, refused with one thing changed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use upload_grant_sandbox::{Object, Sandbox, Service, facts};

use crate::client::{Call, cams, form, lke_call, now, oss_put, percent, sign_acs3};

/// Signs with a nonce of its own.
fn signed(call: Call, action: &str, version: &str) -> Call {
    sign_acs3(call, action, version, &format!("{:?}", std::time::Instant::now()))
}

fn query(pairs: &[(&str, &str)]) -> String {
    pairs.iter().map(|(name, value)| format!("{name}={}", percent(value))).collect::<Vec<_>>().join("&")
}

/// Uploads a file under a fresh LKE credential; gives back the object and its path.
async fn uploaded(sandbox: &Sandbox, type_key: &str) -> (Object, String) {
    sandbox.settings(json!({ "lke_upload_url": "with-credentials" }));
    let body = json!({ "BotBizId": facts::BOT_BIZ_ID, "FileType": "pdf", "TypeKey": type_key });
    let grant =
        lke_call(sandbox, ("lke", "2023-11-30"), "DescribeStorageCredential", &body.to_string()).await;
    let url = grant["UploadUrl"].as_str().unwrap();
    let base = sandbox.url(Service::Cos);
    let put = Call::new(&base, "PUT", url.strip_prefix(&base).unwrap()).body("a document");
    assert_eq!(put.send().await.status, 200);
    let path = grant["UploadPath"].as_str().unwrap().to_owned();
    (sandbox.object(&path[1..]).unwrap(), path)
}

fn code(response: &Value) -> &str {
    response["Error"]["Code"].as_str().unwrap_or("ok")
}

#[tokio::test]
async fn lke_documents() {
    let sandbox = Sandbox::start().await.unwrap();
    let (object, path) = uploaded(&sandbox, "offline").await;
    let call = async |action: &str, body: &Value| {
        lke_call(&sandbox, ("lke", "2023-11-30"), action, &body.to_string()).await
    };
    let document = json!({
        "BotBizId": facts::BOT_BIZ_ID, "FileName": "a.pdf", "FileType": "pdf", "CosUrl": path, "ETag": object.etag,
        "CosHash": object.crc64.to_string(), "Size": object.size.to_string(), "Opt": 2, "EnableScope": 4,
    });
    let with = |name: &str, value: Value| {
        let mut changed = document.clone();
        changed[name] = value;
        changed
    };
    for (name, value, wanted) in [
        ("CosUrl", json!("/corp/elsewhere.pdf"), "InvalidParameter"),
        ("CosHash", json!("1"), "InvalidParameter"),
        ("ETag", json!("\"0\""), "InvalidParameter"),
        ("Size", json!(10), "InvalidParameter"),
        ("Size", json!("9"), "InvalidParameter"),
        ("FileType", json!("docx"), "InvalidParameter"),
        ("FileName", Value::Null, "MissingParameter"),
        ("EnableScope", json!(5), "InvalidParameter"),
        ("Location", json!("x"), "UnknownParameter"),
    ] {
        assert_eq!(code(&call("SaveDoc", &with(name, value)).await), wanted, "{name}");
    }
    let saved = call("SaveDoc", &document).await;
    assert_eq!((code(&saved), &saved["DuplicateFileCheckType"]), ("ok", &json!(0)));
    assert_eq!(code(&call("SaveDoc", &document).await), "FailedOperation", "the content is there already");
    let skip = with("DuplicateFileHandles", json!([{ "CheckType": 1, "HandleType": 2 }]));
    let again = call("SaveDoc", &skip).await;
    assert_eq!((&again["DocBizId"], &again["DuplicateFileCheckType"]), (&saved["DocBizId"], &json!(1)));

    let ask = json!({ "BotBizId": facts::BOT_BIZ_ID, "DocBizId": saved["DocBizId"] });
    let answer = call("DescribeDoc", &ask).await;
    assert_eq!((&answer["Status"], &answer["EnableScope"]), (&json!(17), &json!(4)));
    assert_eq!(call("DescribeDoc", &ask).await["Status"], 10);
    sandbox.settings(json!({ "lke_status": 18 }));
    assert_eq!(call("DescribeDoc", &ask).await["Status"], 18);
    let nobody = json!({ "BotBizId": "1", "DocBizId": saved["DocBizId"] });
    assert_eq!(code(&call("DescribeDoc", &nobody).await), "FailedOperation");
}

#[tokio::test]
async fn lke_speaks_both_apis() {
    let sandbox = Sandbox::start().await.unwrap();
    let ask = async |api, body: Value| {
        lke_call(&sandbox, api, "DescribeStorageCredential", &body.to_string()).await
    };
    let (old, new) = (("lke", "2023-11-30"), ("adp", "2026-05-20"));
    for (api, body, wanted) in [
        (new, json!({ "AppId": "0", "FileType": "pdf" }), "ok"),
        (old, json!({ "BotBizId": "0", "FileType": "pdf" }), "InvalidParameter"),
        (new, json!({ "BotBizId": "1", "FileType": "pdf" }), "UnknownParameter"),
        (old, json!({ "AppId": "1", "FileType": "pdf" }), "UnknownParameter"),
        (new, json!({ "AppId": 1 }), "InvalidParameter"),
        (new, json!({ "FileType": "pdf" }), "MissingParameter"),
        (("adp", "2023-11-30"), json!({ "AppId": "1" }), "NoSuchVersion"),
        (("lke", "2026-05-20"), json!({ "AppId": "1" }), "NoSuchVersion"),
    ] {
        assert_eq!(code(&ask(api, body.clone()).await), wanted, "{api:?} {body}");
    }
    let body = json!({ "AppId": "7", "FileType": "pdf" });
    let nested = ask(new, body.clone()).await;
    assert!(nested["StoragePath"]["UploadPath"].as_str().unwrap().starts_with("/corp/"));
    assert!(nested.get("UploadPath").is_none() && nested["Credentials"]["TmpSecretId"].is_string());
    sandbox.settings(json!({ "lke_storage_path": "text" }));
    assert!(ask(new, body).await["StoragePath"].as_str().unwrap().contains("/7/doc/"));
    let other = lke_call(&sandbox, new, "SaveDoc", "{}").await;
    assert_eq!(code(&other), "InvalidAction");
}

#[tokio::test]
async fn lke_doc_parse() {
    let sandbox = Sandbox::start().await.unwrap();
    let parse = async |(object, path): &(Object, String), name: &str, value: Value| {
        let mut body = json!({
            "session_id": "session-1", "request_id": "r1", "bot_app_key": "k", "cos_bucket": object.bucket,
            "file_type": "pdf", "file_name": "a.pdf", "cos_url": path, "cos_hash": object.crc64.to_string(),
            "e_tag": object.etag, "size": object.size.to_string(),
        });
        body[name] = value;
        let call = Call::new(&sandbox.url(Service::Lke), "POST", "/v1/qbot/chat/docParse");
        let text = call.header("content-type", "application/json").body(body.to_string()).send().await.text();
        let (_, data) = text.split_once("data:").unwrap();
        serde_json::from_str::<Value>(data).unwrap()["payload"].clone()
    };
    let chat = uploaded(&sandbox, "realtime").await;
    assert_eq!(parse(&chat, "request_id", json!("r2")).await["status"], "SUCCESS");
    for (name, value) in [
        ("session_id", json!("a session")),
        ("session_id", Value::Null),
        ("cos_url", json!("https://elsewhere/a.pdf")),
        ("size", json!("1")),
        ("mode", json!("fast")),
    ] {
        assert_eq!(parse(&chat, name, value).await["status"], "FAILED", "{name}");
    }
    let document = uploaded(&sandbox, "offline").await;
    assert_eq!(parse(&document, "request_id", json!("r")).await["error_message"], "Invalid-URL");
}

#[tokio::test]
async fn cams_templates_and_messages() {
    let sandbox = Sandbox::start().await.unwrap();
    let grant = cams(&sandbox).await;
    let key = format!("{}/a.png", grant["Dir"].as_str().unwrap());
    assert_eq!(oss_put(&sandbox, &grant, &key, b"png", now()).send().await.status, 200);
    let call = async |action: &str, pairs: &[(&str, &str)]| {
        let call = Call::new(&sandbox.url(Service::Cams), "POST", &format!("/?{}", query(pairs)));
        signed(call, action, "2020-06-06").send().await.json()
    };
    let hosted = format!("https://cams-sandbox.oss-ap-southeast-1.aliyuncs.com/{key}");
    let loopback = format!("{}/cams-sandbox/{key}", sandbox.url(Service::Oss));
    let template = |url: &str| {
        json!([{ "Type": "HEADER", "Format": "IMAGE", "Url": url }, { "Type": "BODY", "Text": "Hello" }])
            .to_string()
    };
    let create = async |components: &str| {
        let rest = [("Category", "UTILITY"), ("Language", "en"), ("Name", "n"), ("TemplateType", "WHATSAPP")];
        call("CreateChatappTemplate", &[&rest[..], &[("Components", components)]].concat()).await
    };
    assert_eq!(create(&template("https://elsewhere/a.png")).await["Code"], "InvalidParameter.FileUrlError");
    assert_eq!(create(r#"[{"Type":"HEADER"}]"#).await["Code"], "InvalidParameter.Components");
    assert_eq!(create(r#"[{"Type":"BODY","Link":"x"}]"#).await["Code"], "InvalidParameter.Components");
    let created = create(&template(&loopback)).await;
    let code = created["Data"]["TemplateCode"].as_str().unwrap();
    let detail = [("TemplateCode", code), ("Language", "en"), ("TemplateType", "WHATSAPP")];
    assert_eq!(call("GetChatappTemplateDetail", &detail).await["Data"]["AuditStatus"], "auditing");
    sandbox.settings(json!({ "cams_audit": "pass" }));
    assert_eq!(call("GetChatappTemplateDetail", &detail).await["Data"]["AuditStatus"], "pass");

    let send = async |content: &Value, extra: &[(&str, &str)]| {
        let text = content.to_string();
        let rest = [
            ("ChannelType", "whatsapp"),
            ("From", "1"),
            ("To", "2"),
            ("Type", "message"),
            ("Content", &text),
        ];
        call("SendChatappMessage", &[&rest[..], extra].concat()).await
    };
    let image = json!({ "link": hosted, "caption": "a" });
    assert_eq!(send(&image, &[("MessageType", "image")]).await["Code"], "OK");
    let document = send(&image, &[("MessageType", "document")]).await;
    assert_eq!(document["Code"], "InvalidParameter.Content", "a document has a name");
    let wrong = send(&json!({ "link": "https://x/y" }), &[("MessageType", "image")]).await;
    assert_eq!(wrong["Code"], "InvalidParameter.FileUrlError");
    assert_eq!(send(&image, &[]).await["Code"], "MissingMessageType");
    let unknown = send(&image, &[("MessageType", "image"), ("Url", "x")]).await;
    assert_eq!(unknown["Code"], "InvalidParameter.Url");
}

#[tokio::test]
async fn tickets_with_attachments() {
    let sandbox = Sandbox::start().await.unwrap();
    let call = async |action: &str, version: &str, in_query: &[(&str, &str)], in_form: &[(&str, &str)]| {
        let call = Call::new(&sandbox.url(Service::Workorder), "POST", &format!("/?{}", query(in_query)));
        let call = call.header("content-type", "application/x-www-form-urlencoded").body(query(in_form));
        signed(call, action, version).send().await.json()
    };
    let urls =
        call("GetAttachmentUploadUrl", "2021-06-10", &[], &[("FileName", "a.txt")]).await["Data"].clone();
    let key = urls["ObjectKey"].as_str().unwrap();
    let at = |name: &str| {
        let target = urls[name].as_str().unwrap().split_once(".com/").unwrap().1;
        format!("/workorder-sandbox/{target}")
    };
    let oss = sandbox.url(Service::Oss);
    let put = Call::new(&oss, "PUT", &at("PutSignedUrl")).header("content-type", "application/octet-stream");
    assert_eq!(put.body("note").send().await.status, 200);
    sandbox.settings(json!({ "store_private": true }));
    assert_eq!(Call::new(&oss, "GET", &at("GetSignedUrl")).send().await.text(), "note");
    assert_eq!(Call::new(&oss, "GET", &format!("/workorder-sandbox/{key}")).send().await.status, 403);

    let ticket = [("CategoryId", "1"), ("Description", "d"), ("Severity", "1"), ("FileNameList", key)];
    let new = "2021-06-10";
    assert_eq!(call("CreateTicket", new, &[], &ticket).await["Success"], true);
    let in_query = call("CreateTicket", new, &ticket[3..], &ticket[..3]).await;
    assert_eq!(in_query["Code"], "InvalidParameter.FileNameList", "it belongs into the form");
    let missing = call("CreateTicket", new, &[], &ticket[1..]).await;
    assert_eq!(missing["Code"], "MissingCategoryId");
    let reply = [("Content", "c"), ("Encrypt", "false"), ("TicketId", "1")];
    assert_eq!(call("ReplyTicket", new, &[("FileNameList", key)], &reply).await["Success"], true);
    let nothing = call("ReplyTicket", new, &[("FileNameList", "ticket/nothing")], &reply).await;
    assert_eq!(nothing["Code"], "param.illegal");
    let four = [key; 4].join(",");
    assert_eq!(call("ReplyTicket", new, &[("FileNameList", &four)], &reply).await["Code"], "param.illegal");

    let old = "2016-08-30";
    let add = [("Content", "c"), ("AliUid", "1"), ("Attachments", key)];
    assert_eq!(call("Add", old, &[], &add).await["success"], true, "as pop-core spells it");
    let add = [("content", "c"), ("aliUid", "1"), ("attachments", key)];
    assert_eq!(call("add", old, &[], &add).await["success"], true, "as the documents spell it");
    assert_eq!(call("add", old, &[], &add[1..]).await["Code"], "Missingcontent");
    let answer = [("questionId", "1"), ("questionContent", "c"), ("attachments", key)];
    assert_eq!(call("QuestionReply", old, &[], &answer).await["success"], true);
    let unknown = [&answer[..], &[("file", "x")]].concat();
    assert_eq!(call("QuestionReply", old, &[], &unknown).await["Code"], "InvalidParameter.file");
}

#[tokio::test]
async fn ticket_forms_in_the_shapes_of_their_siblings() {
    let sandbox = Sandbox::start().await.unwrap();
    for (policy, own_key) in
        [("starts-with", true), ("starts-with-empty", true), ("eq", false), ("none", true)]
    {
        sandbox.settings(json!({
            "workorder_policy": policy, "workorder_scheme": "//", "workorder_dir_slash": false,
        }));
        let call = Call::new(&sandbox.url(Service::Workorder), "POST", "/?Format=JSON");
        let reply = signed(call, "GetOSSTempAuthor", "2016-08-30").send().await.json()["data"].clone();
        let data = |name: &str| reply[name].as_str().unwrap().to_owned();
        assert!(data("host").starts_with("//workorder-sandbox.") && !data("dir").ends_with('/'));
        let document: Value = serde_json::from_slice(&STANDARD.decode(data("policy")).unwrap()).unwrap();
        let named = document["conditions"][1][2].as_str().unwrap_or_default().to_owned();
        for (key, accepted) in [(format!("{}/a.txt", data("dir")), own_key), (named, policy == "eq")] {
            let fields = [
                ("key", key.clone()),
                ("OSSAccessKeyId", data("accessId")),
                ("policy", data("policy")),
                ("Signature", data("signature")),
            ]
            .map(|(name, value)| (name.to_owned(), value));
            if key.ends_with('/') || key.is_empty() || key == data("dir") {
                continue;
            }
            let oss = sandbox.url(Service::Oss);
            let answer =
                form(&oss, "/workorder-sandbox/", &fields, ("file", "text/plain"), b"x").send().await;
            assert_eq!(answer.status == 204, accepted, "{policy} {key}: {}", answer.text());
        }
    }
}

#[tokio::test]
async fn aicc_messages() {
    let sandbox = Sandbox::start().await.unwrap();
    let post = async |path: &str, headers: &[(&str, &str)], body: &Value| {
        let call = Call::new(&sandbox.url(Service::Aicc), "POST", path).body(body.to_string());
        let call = call.header("content-type", "application/json");
        let call = headers.iter().fold(call, |call, (name, value)| call.header(name, value));
        call.send().await.json()
    };
    let keys = json!({ "app_key": facts::AICC_APP_KEY, "app_secret": facts::AICC_APP_SECRET });
    let access = post("/apigovernance/api/oauth/tokenByAkSk", &[], &keys).await;
    let bearer = format!("Bearer {}", access["AccessToken"].as_str().unwrap());
    let app = [("x-app-key", facts::AICC_APP_KEY), ("authorization", &bearer)];
    let user = json!({ "userId": "u", "userName": "n", "channelId": facts::AICC_CHANNEL_ID, "locale": "en" });
    let token = post("/apiaccess/ccmessaging/applyToken", &app, &user).await;
    let session = [&app[..], &[("ccmessaging-token", token["token"].as_str().unwrap())]].concat();
    let file = json!({ "fileType": "txt", "channel": "WEB", "fileStream": STANDARD.encode("file") });
    let key = post("/apiaccess/ccmessaging/uploadFileStream", &session, &file).await["objectKey"].clone();
    let key = key.as_str().unwrap();

    let send = async |name: &str, value: Value| {
        let mut message = json!({
            "channel": "WEB", "controlType": "CHAT", "sourceType": "CUSTOMER", "from": "u",
            "to": facts::AICC_CHANNEL_ID, "mediaType": "FILE", "content": format!("a.txt,4,{key},txt"),
        });
        message[name] = value;
        post("/apiaccess/ccmessaging/send", &session, &message).await["resultCode"].clone()
    };
    assert_eq!(send("senderNickname", json!("n")).await, "0");
    for (name, value, wanted) in [
        ("content", json!(format!("a,b.txt,4,{key},txt")), "3"),
        ("content", json!(format!("a.txt,5,{key},txt")), "3"),
        ("content", json!("a.txt,4,nothing,txt"), "3"),
        ("from", json!("v"), "3"),
        ("to", json!("1"), "3"),
        ("mediaType", Value::Null, "2"),
        ("file", json!("x"), "3"),
    ] {
        assert_eq!(send(name, value.clone()).await, wanted, "{name} {value}");
    }
    let refused = post("/apiaccess/ccmessaging/send", &app, &json!({})).await;
    assert_eq!(refused["errorCode"], "0", "without a conversation");
}
