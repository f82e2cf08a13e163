//! What callers may do, seen from outside.

use alibaba_aicontent::Aicontent;
use alibaba_chatapp::Chatapp;
use serde_json::{Value, json};
use upload_grant_sandbox::Service;
use upload_grant_tests::tokens::{self, claims, hs256};
use upload_grant_tests::{Answer, Function, Sandbox};

async fn start(sandbox: &Sandbox, policy: &Value) -> Function {
    let policy = policy.to_string();
    let mut settings = tokens::SHARED.to_vec();
    settings.push(("GRANT_POLICY", &policy));
    Function::start::<Chatapp>(sandbox, &settings).await
}

async fn ask(function: &Function, who: &Value, request: &Value) -> Answer {
    Answer::of(function.post("/grants").bearer_auth(hs256(&claims(who))).body(request.to_string())).await
}

/// Status, code and pointer of a refusal.
fn refusal(answer: &Answer) -> (u16, &str, &str) {
    let (status, code) = answer.problem();
    (status, code, answer.json["errors"][0]["pointer"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn refusals_name_what_is_missing_and_cost_no_vendor_call() {
    let sandbox = Sandbox::start().await.expect("a sandbox");
    let function = start(
        &sandbox,
        &json!({"groups": [
            {"match": {"claim": "tier", "equals": "pro"}, "params": {"cust_space_id": {"claim": "space"}},
             "max_bytes": 1000, "content_types": ["image/*"], "modes": ["put", "relay"], "rights": []},
        ]}),
    )
    .await;
    let pro = json!({"tier": "pro", "space": "s1"});
    let good = json!({"filename": "a.png", "size": 10});
    let with = |name: &str, value: Value| {
        let mut request = good.clone();
        request[name] = value;
        request
    };
    for (who, request, expected, detail) in [
        (json!({}), good.clone(), (403, "forbidden", ""), "the caller is in no group of the policy"),
        (
            json!({"tier": "pro"}),
            good.clone(),
            (403, "forbidden", "/params/cust_space_id"),
            "the caller has no claim space",
        ),
        (
            pro.clone(),
            with("params", json!({"cust_space_id": "s2"})),
            (403, "forbidden", "/params/cust_space_id"),
            "the caller may not set cust_space_id: it is the claim space",
        ),
        (
            pro.clone(),
            with("params", json!({"type_key": "offline"})),
            (403, "forbidden", "/params/type_key"),
            "the caller may not set type_key to this",
        ),
        (
            pro.clone(),
            with("mode", json!("form")),
            (403, "forbidden", "/mode"),
            "the caller may not use mode form",
        ),
        (
            pro.clone(),
            with("size", Value::Null),
            (411, "length_required", "/size"),
            "size is required: the caller lacks the right unsized",
        ),
        (
            pro.clone(),
            with("size", json!(1001)),
            (413, "too_large", "/size"),
            "files of this type are limited to 1000 bytes",
        ),
        (
            pro.clone(),
            with("filename", json!("a.pdf")),
            (415, "unsupported_type", "/content_type"),
            "the caller may not send files of type application/pdf",
        ),
    ] {
        let answer = ask(&function, &who, &request).await;
        assert_eq!(refusal(&answer), expected, "{}", answer.text);
        assert_eq!(answer.json["detail"], detail);
    }
    assert_eq!(sandbox.calls(Service::Cams), 0);
    let grant = ask(&function, &pro, &good).await.ok();
    assert_eq!(grant["mode"], "put", "the first mode the caller may use");
    assert_eq!(ask(&function, &pro, &with("params", json!({"cust_space_id": "s1"}))).await.status, 200);
}

#[tokio::test]
async fn each_caller_has_its_own_rate() {
    let sandbox = Sandbox::start().await.expect("a sandbox");
    let function = start(&sandbox, &json!({"groups": [{"per_minute": 1}]})).await;
    let request = json!({"filename": "a.png", "mode": "relay"});
    for (who, expected) in [("ann", 200), ("ann", 429), ("bob", 200), ("ann", 429)] {
        let answer = ask(&function, &json!({"sub": who}), &request).await;
        assert_eq!(answer.status, expected, "{who}");
        if expected == 429 {
            assert_eq!(answer.problem(), (429, "rate_limited"));
            let wait = answer.json["retry_after"].as_f64().expect("seconds");
            assert!(wait > 0.0 && wait <= 60.0, "{wait}");
        }
    }
}

#[tokio::test]
async fn a_bad_policy_stops_everything_and_names_the_place() {
    let sandbox = Sandbox::start().await.expect("a sandbox");
    let function = start(&sandbox, &json!({"groups": [{}, {"params": {"text": {"caller": "all"}}}]})).await;
    let answer = ask(&function, &json!({}), &json!({"filename": "a.png"})).await;
    assert_eq!(answer.problem(), (500, "config_missing"));
    let detail = "GRANT_POLICY /groups/1/params/text/caller: is neither true nor a list of values";
    assert_eq!(answer.json["detail"], detail);
}

#[tokio::test]
async fn a_name_as_long_as_it_likes_is_one_user_to_the_vendor() {
    let sandbox = Sandbox::start().await.expect("a sandbox");
    let function = Function::start::<Aicontent>(&sandbox, &tokens::SHARED).await;
    let request = json!({"filename": "a.wav", "size": 10});
    for (sub, user) in [("ann", Some("ann")), ("auth0|5f7c8ec7c33c6c004bbafe82", None)] {
        let grant = ask(&function, &json!({"sub": sub}), &request).await.ok();
        let seen = grant["vendor"]["user_id"].as_str().expect("a user");
        assert_eq!(seen.len(), user.map_or(24, str::len), "{seen}");
        assert_eq!(user.unwrap_or(seen), seen);
    }
}

#[tokio::test]
async fn events_need_the_right_and_go_to_the_callers_own_space() {
    let sandbox = Sandbox::start().await.expect("a sandbox");
    let policy = json!({"groups": [
        {"match": {"claim": "sub", "equals": "queue"}, "rights": ["events"], "params": {"cust_space_id": {"claim": "space"}}},
        {},
    ]})
    .to_string();
    let mut settings = tokens::SHARED.to_vec();
    settings.extend([("GRANT_POLICY", &*policy), ("GRANT_EVENTS", "caller")]);
    let function = Function::start::<Chatapp>(&sandbox, &settings).await;
    let send = async |who: &Value, job: Value| {
        let request = function.post("/events").bearer_auth(hs256(&claims(who)));
        Answer::of(request.body(job.to_string())).await
    };
    let job = |id: &str, params: Value| json!({"id": id, "filename": "a.png", "source": {"base64": "aGVsbG8="}, "params": params});
    let queue = json!({"sub": "queue", "space": "s1"});

    let answer = send(&json!({"sub": "ann"}), job("1", json!({}))).await;
    assert_eq!(refusal(&answer), (403, "forbidden", ""));
    assert_eq!(answer.json["detail"], "the caller lacks the right events");
    let answer = Answer::of(function.post("/events").body(job("1", json!({})).to_string())).await;
    assert_eq!(answer.problem(), (401, "unauthenticated"));
    let foreign = send(&queue, job("2", json!({"cust_space_id": "s2"}))).await;
    assert_eq!(foreign.problem(), (403, "forbidden"));
    assert_eq!(sandbox.objects().len(), 0);

    let answer = send(&queue, job("3", json!({}))).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(sandbox.objects().len(), 1);
}

/// Without its size a file is as large as it likes wherever the receiver does not keep to our limit.
#[tokio::test]
async fn a_limit_is_not_evaded_by_leaving_the_size_out() {
    let sandbox = Sandbox::start().await.expect("a sandbox");
    let group = |rights: Option<&[&str]>, limit: bool| {
        let mut group = json!({});
        if let Some(rights) = rights {
            group["rights"] = json!(rights);
        }
        if limit {
            group["max_bytes"] = 1000.into();
        }
        json!({ "groups": [group] }).to_string()
    };
    let (plain, limited) = (group(None, false), group(None, true));
    let (written, written_limited) = (group(Some(&["unsized"]), false), group(Some(&["unsized"]), true));
    let most = ("GRANT_MAX_BYTES", "1000");
    for (flow, filename, mode, bounded) in [
        ("alibaba-chatapp", "a.png", "form", true),
        ("alibaba-chatapp", "a.png", "put", false),
        ("alibaba-chatapp", "a.png", "relay", true),
        ("alibaba-chatapp", "a.png", "credentials", false),
        ("alibaba-workorder", "a.png", "form", false),
        ("alibaba-workorder", "a.png", "relay", true),
        ("tencent-lke", "a.pdf", "put", false),
        ("tencent-lke", "a.pdf", "relay", true),
        ("alibaba-aicontent", "a.wav", "form", false),
        ("huawei-aicc", "a.jpg", "relay", true),
    ] {
        for (settings, passes) in [
            (vec![], true),
            (vec![most], bounded),
            (vec![("GRANT_POLICY", &*plain)], true),
            (vec![("GRANT_POLICY", &*plain), most], bounded),
            (vec![("GRANT_POLICY", &*limited)], bounded),
            (vec![("GRANT_POLICY", &*written), most], true),
            (vec![("GRANT_POLICY", &*written_limited)], true),
        ] {
            let settings = [&settings[..], &[("GRANT_ALLOW_CREDENTIALS", "true")]].concat();
            let function = Function::of(flow, &sandbox, &settings).await;
            let asked = function.ask(&json!({"filename": filename, "mode": mode})).await;
            if passes {
                assert_eq!(asked.status, 200, "{flow} {mode} {settings:?}: {}", asked.text);
            } else {
                let refused = (asked.problem(), &asked.json["errors"][0]["pointer"]);
                assert_eq!(
                    refused,
                    ((411, "length_required"), &json!("/size")),
                    "{flow} {mode} {settings:?}"
                );
            }
            let sized = function.ask(&json!({"filename": filename, "mode": mode, "size": 1000})).await;
            assert_eq!(sized.status, 200, "{flow} {mode} {settings:?}: {}", sized.text);
        }
    }
}

#[tokio::test]
async fn choices_bind_the_default_as_well() {
    let sandbox = Sandbox::start().await.expect("a sandbox");
    for (flow, filename, name, default, other) in [
        ("alibaba-chatapp", "a.png", "cust_space_id", ("CAMS_CUST_SPACE_ID", "s1"), "s2"),
        ("tencent-lke", "a.pdf", "bot_biz_id", ("LKE_BOT_BIZ_ID", "1001"), "1002"),
        ("tencent-lke", "a.pdf", "type_key", ("", "offline"), "realtime"),
        ("huawei-aicc", "a.jpg", "locale", ("HUAWEI_AICC_LOCALE", "en"), "zh"),
        ("huawei-aicc", "a.jpg", "channel_id", ("HUAWEI_AICC_CHANNEL_ID", "c1"), "c2"),
        ("alibaba-aicontent", "a.wav", "core_type", ("", "en.sent.score"), "en.word.score"),
    ] {
        for (choices, passes) in [(json!([default.1, other]), true), (json!([other, "x.y"]), false)] {
            let policy = json!({"groups": [{"params": {name: {"caller": choices}}}]}).to_string();
            let mut settings = vec![("GRANT_POLICY", &*policy)];
            settings.extend(Some(default).filter(|(variable, _)| !variable.is_empty()));
            let function = Function::of(flow, &sandbox, &settings).await;
            let answer = function.ask(&json!({"filename": filename, "mode": "relay"})).await;
            if passes {
                assert_eq!(answer.status, 200, "{flow} {name}: {}", answer.text);
            } else {
                let pointer = format!("/params/{name}");
                assert_eq!(refusal(&answer), (403, "forbidden", &*pointer), "{flow} {name}");
            }
            let chosen =
                function.ask(&json!({"filename": filename, "mode": "relay", "params": {name: other}})).await;
            assert_eq!(chosen.status, 200, "{flow} {name}: {}", chosen.text);
        }
    }
}
