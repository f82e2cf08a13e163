//! Every flow's hand-off, sent as it is in the receipt: with what it says it needs besides, and nothing more, the
//! sandbox takes it as the vendor's own SDK would send it.

use serde_json::{Map, Value, json};
use upload_grant::sign::{acs3, tc3};
use upload_grant::wire::encode;
use upload_grant::wire::secret::Secret;
use upload_grant::wire::time::Timestamp;
use upload_grant_runtime::platform::clock;
use upload_grant_sandbox::facts;
use upload_grant_tests::{Answer, Function, Sandbox, Service, client, sandbox, upload};

/// The hand-off of a file that was uploaded over the relay.
async fn handed_off(function: &Function, mut request: Value) -> Value {
    request["mode"] = "relay".into();
    let grant = function.ask(&request).await.ok();
    let receipt = upload(&grant, b"hello").await.ok();
    receipt["handoff"].clone()
}

/// Its parameters, with what only the application knows: of `known`, exactly what is needed.
fn filled(handoff: &Value, known: Value) -> Map<String, Value> {
    let mut params = handoff["params"].as_object().expect("parameters").clone();
    let needs = handoff["needs"].as_array().into_iter().flatten();
    for name in needs.map(|name| name.as_str().expect("a name")) {
        let value = known.get(name).unwrap_or_else(|| panic!("{name} is needed, and nobody knows it"));
        assert_eq!(params.insert(name.to_owned(), value.clone()), None, "{name}");
    }
    params
}

/// Only these, as texts.
fn texts(params: &Map<String, Value>, names: &[&str]) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    names.iter().map(|name| ((*name).to_owned(), text(&params[*name]))).collect()
}

fn encoded(pairs: &[(String, String)]) -> String {
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (&**name, &**value)).collect();
    encode::query(&pairs)
}

/// A call of Alibaba Cloud's gateway, its parameters in query and form.
async fn alibaba(
    base: &str,
    action: &str,
    version: &str,
    query: &[(String, String)],
    form: &[(String, String)],
) -> Value {
    let (query, body) = (encoded(query), encoded(form));
    let nonce = format!("{:?}", std::time::Instant::now());
    let call = acs3::Call {
        method: "POST",
        host: base.trim_start_matches("http://"),
        path: "/",
        query: &query,
        action,
        version,
        content_type: (!body.is_empty()).then_some("application/x-www-form-urlencoded"),
        body: body.as_bytes(),
        access_key_id: facts::ALIBABA_KEY_ID,
        token: None,
        nonce: &nonce,
    };
    let key = acs3::key(&Secret::from(facts::ALIBABA_KEY_SECRET));
    let headers = acs3::headers(&key, &call, clock::now());
    let mut request = client().post(format!("{base}/?{query}")).body(body.clone());
    for (name, value) in headers {
        request = request.header(name, value);
    }
    Answer::of(request).await.json
}

#[tokio::test]
async fn save_doc() {
    for (scope, seen) in [("", 2), ("4", 4)] {
        let sandbox = sandbox().await;
        let function = Function::of("tencent-lke", &sandbox, &[("LKE_ENABLE_SCOPE", scope)]).await;
        let handoff = handed_off(&function, json!({ "filename": "a.pdf" })).await;
        assert_eq!((&handoff["actions"], handoff.get("needs")), (&json!(["SaveDoc"]), None));
        let saved = lke(&sandbox, "SaveDoc", &handoff["params"]).await;
        let ask = json!({ "BotBizId": facts::BOT_BIZ_ID, "DocBizId": saved["DocBizId"] });
        assert_eq!(lke(&sandbox, "DescribeDoc", &ask).await["EnableScope"], seen);
    }
    // An agent has no application: whose knowledge base it is, only the application knows.
    let sandbox = sandbox().await;
    let agent = [("LKE_API", "2026-05-20"), ("LKE_BOT_BIZ_ID", "0")];
    let handoff =
        handed_off(&Function::of("tencent-lke", &sandbox, &agent).await, json!({ "filename": "a.pdf" }))
            .await;
    assert_eq!(handoff["needs"], json!(["BotBizId"]));
    let params = filled(&handoff, json!({ "BotBizId": facts::BOT_BIZ_ID }));
    assert!(lke(&sandbox, "SaveDoc", &params.into()).await["DocBizId"].is_string());
}

async fn lke(sandbox: &Sandbox, action: &str, body: &Value) -> Value {
    let (base, body, at) = (sandbox.url(Service::Lke), body.to_string(), clock::now());
    let call = tc3::Call {
        host: base.trim_start_matches("http://"),
        action,
        version: "2023-11-30",
        region: Some("ap-guangzhou"),
        language: None,
        body: body.as_bytes(),
        secret_id: facts::TENCENT_SECRET_ID,
        token: None,
    };
    let key = tc3::key(&Secret::from(facts::TENCENT_SECRET_KEY), "lke", Timestamp::from_unix(at.unix()));
    let mut request = client().post(format!("{base}/")).body(body.clone());
    for (name, value) in tc3::headers(&key, &call, at) {
        request = request.header(name, value);
    }
    let response = Answer::of(request).await.ok()["Response"].clone();
    assert!(response.get("Error").is_none(), "{action}: {response}");
    response
}

#[tokio::test]
async fn doc_parse() {
    let sandbox = sandbox().await;
    let function = Function::of("tencent-lke", &sandbox, &[]).await;
    let known = json!({ "session_id": "session-1", "request_id": "r", "bot_app_key": "k" });
    for (params, needs) in [
        (json!({ "type_key": "realtime" }), json!(["session_id", "request_id", "bot_app_key"])),
        (json!({ "type_key": "realtime", "session_id": "s-2" }), json!(["request_id", "bot_app_key"])),
    ] {
        let handoff = handed_off(&function, json!({ "filename": "a.pdf", "params": params })).await;
        assert_eq!((&handoff["actions"], &handoff["needs"]), (&json!(["docParse"]), &needs));
        let body = Value::Object(filled(&handoff, known.clone())).to_string();
        let url = format!("{}/v1/qbot/chat/docParse", sandbox.url(Service::Lke));
        let answer =
            Answer::of(client().post(url).header("content-type", "application/json").body(body)).await;
        assert!(answer.text.contains("\"SUCCESS\""), "{}", answer.text);
    }
}

#[tokio::test]
async fn a_picture_in_the_chat_can_be_seen_by_everyone() {
    let sandbox = sandbox().await;
    sandbox.settings(json!({ "store_private": false }));
    let function = Function::of("tencent-lke", &sandbox, &[]).await;
    for (filename, is_public, shown) in [
        ("a.png", None, true),
        ("a.JPEG", None, true),
        ("a.bmp", None, true),
        ("a.gif", None, false),
        ("a.png", Some(false), false),
    ] {
        let params = json!({ "type_key": "realtime", "is_public": is_public });
        let handoff = handed_off(&function, json!({ "filename": filename, "params": params })).await;
        if !shown {
            assert!(handoff.is_null(), "{filename} {handoff}");
            continue;
        }
        let params = &handoff["params"];
        let url = params["contents"][0]["Image"]["Url"].as_str().expect("an address");
        assert_eq!(params["contents"], json!([{ "Type": "image", "Image": { "Url": url } }]));
        assert_eq!((&params["content"], handoff.get("needs")), (&json!(format!("![]({url})")), None));
        assert!(url.contains("/public/"), "{url}");
        assert_eq!(Answer::of(client().get(url)).await.text, "hello", "{filename}");
    }
    // Of the knowledge base nothing is public by itself.
    let grant = function.ask(&json!({ "filename": "a.png" })).await.ok();
    assert!(grant["key"].as_str().expect("a key").starts_with("corp/"), "{grant}");
}

#[tokio::test]
async fn templates_and_messages() {
    let sandbox = sandbox().await;
    let function = Function::of("alibaba-chatapp", &sandbox, &[]).await;
    let handoff = handed_off(&function, json!({ "filename": "a.png" })).await;
    let url = &handoff["params"]["url"];
    let components =
        json!([{ "Type": "HEADER", "Format": "IMAGE", "Url": url }, { "Type": "BODY", "Text": "Hello" }]);
    let params = filled(
        &handoff,
        json!({
            "Category": "UTILITY", "Components": components.to_string(), "Language": "en", "Name": "n",
            "TemplateType": "WHATSAPP", "ChannelType": "whatsapp", "From": "1", "To": "2", "Type": "message",
            "MessageType": "image", "Content": json!({ "link": url }).to_string(),
        }),
    );
    let cams = sandbox.url(Service::Cams);
    let template = ["CustSpaceId", "Category", "Components", "Language", "Name", "TemplateType"];
    let created =
        alibaba(&cams, "CreateChatappTemplate", "2020-06-06", &texts(&params, &template), &[]).await;
    assert_eq!(created["Code"], "OK", "{created}");
    let message = ["CustSpaceId", "ChannelType", "Content", "From", "MessageType", "To", "Type"];
    let sent = alibaba(&cams, "SendChatappMessage", "2020-06-06", &texts(&params, &message), &[]).await;
    assert_eq!(sent["Code"], "OK", "{sent}");
    assert_eq!(params.len(), 1 + template.len() + message.len() - 1, "nothing else is named: {params:?}");
}

#[tokio::test]
async fn tickets() {
    let sandbox = sandbox().await;
    let known = json!({
        "content": "c", "aliUid": "1", "questionId": "2", "questionContent": "c",
        "CategoryId": "1", "Description": "d", "Severity": "1", "TicketId": "2", "Content": "c", "Encrypt": "false",
    });
    let base = sandbox.url(Service::Workorder);
    type Call = (&'static str, &'static [&'static str], &'static [&'static str]);
    let old: [Call; 2] = [
        ("Add", &[], &["attachments", "content", "aliUid"]),
        ("QuestionReply", &[], &["attachments", "questionId", "questionContent"]),
    ];
    let new: [Call; 2] = [
        ("CreateTicket", &[], &["FileNameList", "CategoryId", "Description", "Severity"]),
        ("ReplyTicket", &["FileNameList"], &["TicketId", "Content", "Encrypt"]),
    ];
    for (version, calls) in [("2016-08-30", old), ("2021-06-10", new)] {
        let function = Function::of("alibaba-workorder", &sandbox, &[("WORKORDER_API", version)]).await;
        let handoff = handed_off(&function, json!({ "filename": "a.txt" })).await;
        let params = filled(&handoff, known.clone());
        let mut named: Vec<&str> = Vec::new();
        for (action, query, form) in calls {
            assert!(
                handoff["actions"].as_array().is_some_and(|all| all.contains(&json!(action))),
                "{handoff}"
            );
            let answer = alibaba(&base, action, version, &texts(&params, query), &texts(&params, form)).await;
            let success = answer.get("Success").or_else(|| answer.get("success"));
            assert_eq!(success, Some(&json!(true)), "{action}: {answer}");
            named.extend(query.iter().chain(form));
        }
        assert!(params.keys().all(|name| named.contains(&name.as_str())), "{params:?}");
    }
}

#[tokio::test]
async fn a_message_to_the_agent() {
    let sandbox = sandbox().await;
    let function = Function::of("huawei-aicc", &sandbox, &[("HUAWEI_AICC_USER_ID", "u-7")]).await;
    let post = async |path: &str, headers: &[(&str, &str)], body: Value| {
        let mut request = client().post(format!("{}{path}", sandbox.url(Service::Aicc)));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::of(request.header("content-type", "application/json").body(body.to_string())).await.ok()
    };
    let keys = json!({ "app_key": facts::AICC_APP_KEY, "app_secret": facts::AICC_APP_SECRET });
    let access = post("/apigovernance/api/oauth/tokenByAkSk", &[], keys).await;
    let bearer = format!("Bearer {}", access["AccessToken"].as_str().expect("a token"));
    let app = [("x-app-key", facts::AICC_APP_KEY), ("authorization", &bearer)];
    let user =
        json!({ "userId": "u-7", "userName": "n", "channelId": facts::AICC_CHANNEL_ID, "locale": "en" });
    let token = post("/apiaccess/ccmessaging/applyToken", &app, user).await;
    let session = [&app[..], &[("ccmessaging-token", token["token"].as_str().expect("a token"))]].concat();
    for filename in ["a.jpg", "a.mp3", "a.mp4", "a, b.txt", "a.CSV"] {
        let handoff = handed_off(&function, json!({ "filename": filename })).await;
        assert_eq!((&handoff["actions"], handoff.get("needs")), (&json!(["send"]), None));
        let sent = post("/apiaccess/ccmessaging/send", &session, handoff["params"].clone()).await;
        assert_eq!(sent["resultCode"], "0", "{filename} {handoff}");
    }
}

#[tokio::test]
async fn a_review_of_the_recording() {
    let sandbox = sandbox().await;
    let function = Function::of("alibaba-aicontent", &sandbox, &[]).await;
    let handoff = handed_off(&function, json!({ "filename": "a.wav" })).await;
    assert_eq!(handoff["needs"], json!(["warrant_id"]));
    // The user's warrant is in every grant for them, and in no receipt.
    let warrant = function.ask(&json!({ "filename": "b.wav" })).await.ok()["vendor"]["warrant_id"].clone();
    let mut params = filled(&handoff, json!({ "warrant_id": warrant }));
    let record = params.remove("record_id").expect("a recording");
    params.insert("record_ids".to_owned(), record);
    let form = encoded(&texts(&params, &["app_id", "user_id", "warrant_id", "record_ids"]));
    let url = format!("{}/api/v1/oralEvaluation/classTaskSubmit", sandbox.url(Service::Ssapi));
    let request = client().post(url).header("content-type", "application/x-www-form-urlencoded").body(form);
    let answer = Answer::of(request).await.ok();
    assert_eq!((&answer["code"], params.len()), (&json!(0), 4), "{answer}");
}
