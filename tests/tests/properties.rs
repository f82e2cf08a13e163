//! What holds for any input: signatures are those the sandbox's own verifiers compute, keys are safe, ends are
//! never too late, paths match on their tail alone, and a ticket with any byte changed is no ticket.

use std::collections::BTreeSet;

use alibaba_aicontent::Aicontent;
use alibaba_chatapp::Chatapp;
use alibaba_workorder::Workorder;
use http::HeaderMap;
use huawei_aicc::Aicc;
use proptest::prelude::*;
use serde_json::json;
use tencent_lke::Lke;
use upload_grant::model::media;
use upload_grant::model::request::GrantRequest;
use upload_grant::sign::{acs3, cos, oss4, rpc_v1, tc3};
use upload_grant::wire::encode;
use upload_grant::wire::secret::Secret;
use upload_grant::wire::time::Timestamp;
use upload_grant_runtime::flow::Flow;
use upload_grant_sandbox::Arrived;
use upload_grant_sandbox::verify::keys::{Key, Keys, Scope};
use upload_grant_sandbox::verify::nonces::Nonces;
use upload_grant_sandbox::verify::policy::Fields;
use upload_grant_sandbox::verify::{self, Place};
use upload_grant_tests::{Answer, Function, sandbox};

const ID: &str = "AnAccessKeyId0001";

fn vault(secret: &str, token: Option<&str>) -> Keys {
    let keys = Keys::default();
    let key = Key::long_term(ID, secret, Scope::Nothing);
    keys.add(Key { token: token.map(str::to_owned), ..key });
    keys
}

/// A request as it arrives: what was signed, and the host the client adds.
fn arrived(path_and_query: &str, headers: &[(&str, String)], host: &str) -> Arrived {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(http::HeaderName::try_from(*name).expect("a name"), value.parse().expect("a value"));
    }
    map.insert("host", host.parse().expect("a host"));
    Arrived::new("POST", path_and_query, map)
}

fn put(url: &str, headers: &[(&str, &str)]) -> Arrived {
    let (host, target) = split(url);
    let owned: Vec<_> = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Arrived { method: "PUT".into(), ..arrived(&target, &owned, &host) }
}

fn split(url: &str) -> (String, String) {
    let rest = url.split_once("://").expect("a URL").1;
    let at = rest.find('/').expect("a path");
    (rest[..at].to_owned(), rest[at..].to_owned())
}

fn secret() -> impl Strategy<Value = String> {
    "[!-~]{1,60}"
}

fn token() -> impl Strategy<Value = Option<String>> {
    proptest::option::of("[A-Za-z0-9+/=]{1,900}")
}

/// Seconds of this century.
fn at() -> impl Strategy<Value = i64> {
    946_684_800_i64..4_102_444_800
}

/// Keys of objects: anything a vendor's directory and our own names could hold.
fn object() -> impl Strategy<Value = String> {
    proptest::collection::vec("[^/\\\\\\p{Cc}$.]{1,12}", 1..5).prop_map(|parts| parts.join("/"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn acs3_is_what_the_gateway_computes(
        secret in secret(), token in token(), at in at(), nonce in "[0-9a-f]{32}",
        pairs in proptest::collection::vec(("[A-Za-z][A-Za-z0-9.]{0,8}", ".{0,20}"), 0..4),
        body in proptest::option::of(".{1,80}"),
    ) {
        let mut pairs: Vec<(&str, &str)> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        pairs.sort_unstable();
        pairs.dedup_by_key(|pair| pair.0);
        let query = encode::query(&pairs);
        let call = acs3::Call {
            method: "POST", host: "127.0.0.1:7071", path: "/", query: &query, action: "Action", version: "2020-06-06",
            content_type: body.as_ref().map(|_| "application/json; charset=utf-8"),
            body: body.as_deref().unwrap_or_default().as_bytes(),
            access_key_id: ID, token: token.as_deref(), nonce: &nonce,
        };
        let headers = acs3::headers(&acs3::key(&Secret::from(&*secret)), &call, Timestamp::from_unix(at));
        let keys = vault(&secret, token.as_deref());
        let sent = arrived(&format!("/?{query}"), &headers, call.host);
        let verified = |sent: &Arrived, body: &[u8]| verify::acs3::verify(sent, body, &keys, &Nonces::default(), at);
        prop_assert!(verified(&sent, call.body).is_ok());
        prop_assert!(verified(&sent, b"another body").is_err());
        prop_assert!(verify::acs3::verify(&sent, call.body, &keys, &Nonces::default(), at + 1000).is_err());
    }

    #[test]
    fn rpc_v1_is_what_the_gateway_computes(secret in secret(), token in token(), at in at(), nonce in "[0-9a-f]{32}", value in ".{0,30}") {
        let call = rpc_v1::Call {
            method: "POST", action: "GetOSSTempAuthor", version: "2016-08-30", params: &[("Value", &value)],
            access_key_id: ID, token: token.as_deref(), nonce: &nonce,
        };
        let form = rpc_v1::form(&rpc_v1::key(&Secret::from(&*secret)), &call, Timestamp::from_unix(at));
        let pairs: Vec<(String, String)> =
            url::form_urlencoded::parse(form.as_bytes()).map(|(n, v)| (n.into_owned(), v.into_owned())).collect();
        let keys = vault(&secret, token.as_deref());
        prop_assert!(verify::rpc_v1::verify("POST", &pairs, &keys, &Nonces::default(), at).is_ok());
        let mut changed = pairs;
        changed.push(("Another".into(), "1".into()));
        prop_assert!(verify::rpc_v1::verify("POST", &changed, &keys, &Nonces::default(), at).is_err());
    }

    #[test]
    fn tc3_is_what_the_gateway_computes(secret in secret(), token in token(), at in at(), body in ".{0,200}") {
        let call = tc3::Call {
            host: "127.0.0.1:7073", action: "DescribeStorageCredential", version: "2023-11-30",
            region: Some("ap-jakarta"), language: Some("en-US"), body: body.as_bytes(),
            secret_id: ID, token: token.as_deref(),
        };
        let now = Timestamp::from_unix(at);
        let headers = tc3::headers(&tc3::key(&Secret::from(&*secret), "lke", now), &call, now);
        let keys = vault(&secret, token.as_deref());
        let sent = arrived("/", &headers, call.host);
        prop_assert!(verify::tc3::verify(&sent, body.as_bytes(), "lke", &keys, at).is_ok());
        prop_assert!(verify::tc3::verify(&sent, b"another body", "lke", &keys, at).is_err());
        prop_assert!(verify::tc3::verify(&sent, body.as_bytes(), "lke", &keys, at + 400).is_err());
    }

    #[test]
    fn oss_urls_and_forms_are_what_the_store_computes(
        secret in secret(), token in token(), at in at(), object in object(), size in 1_u64..1 << 40, life in 1_u32..40_000,
    ) {
        let (now, region) = (Timestamp::from_unix(at), "ap-southeast-1");
        let key = oss4::key(&Secret::from(&*secret), region, now);
        let encoded = token.as_ref().map(|token| {
            let mut encoded = String::new();
            encode::percent(&mut encoded, token);
            encoded
        });
        let length = size.to_string();
        let headers = [("content-length", &*length), ("content-type", "image/png"), ("x-oss-forbid-overwrite", "true")];
        let presign = oss4::Presign {
            method: "PUT", base: "http://127.0.0.1:7077/bucket-1", bucket: "bucket-1", object: &object,
            access_key_id: ID, encoded_token: encoded.as_deref(), headers: &headers, additional: &["content-length"], expires: life,
        };
        let url = oss4::presign(&key, &presign, now);
        let place = Place { bucket: "bucket-1".into(), key: object.clone(), region: region.into() };
        let keys = vault(&secret, token.as_deref());
        let check = |sent: &Arrived, now: i64| {
            verify::oss4::presented_query(sent).and_then(|claim| verify::oss4::verify(sent, &claim, &place, &keys, now))
        };
        let sent = put(&url, &headers);
        prop_assert!(check(&sent, at).is_ok(), "{url}");
        prop_assert!(check(&sent, at + i64::from(life) + 1).is_err());
        let longer = (size + 1).to_string();
        prop_assert!(check(&put(&url, &[("content-length", &longer), headers[1], headers[2]]), at).is_err());

        let post = oss4::post::Post {
            bucket: "bucket-1", object: &object, access_key_id: ID, token: token.as_deref(), content_type: "image/png",
            min_bytes: 1, max_bytes: size, expiration: now.plus(i64::from(life)),
        };
        let mut form = oss4::post::form(&key, &post, now);
        prop_assert!(verify::oss4::verify_form(&Fields(form.clone()), &place, &keys, at).is_ok());
        let policy = form.iter_mut().find(|(name, _)| name == "policy").expect("a policy");
        policy.1.push('A');
        prop_assert!(verify::oss4::verify_form(&Fields(form), &place, &keys, at).is_err());
    }

    #[test]
    fn cos_urls_are_what_the_store_computes(secret in secret(), token in token(), at in at(), object in object(), life in 1_i64..40_000) {
        let now = Timestamp::from_unix(at);
        let base = "https://bucket-1.cos.ap-guangzhou.myqcloud.com";
        let headers = [("content-type", "text/plain"), ("host", "bucket-1.cos.ap-guangzhou.myqcloud.com")];
        let params: Vec<(&str, &str)> = token.iter().map(|token| (cos::TOKEN, token.as_str())).collect();
        let presign = cos::Presign {
            method: "put", base, path: &format!("/{object}"), params: &params, headers: &headers, secret_id: ID,
        };
        let url = cos::presign(&cos::key(&Secret::from(&*secret), now, now.plus(life)), &presign);
        let keys = vault(&secret, token.as_deref());
        let check = |sent: &Arrived, now: i64| {
            verify::cos::presented(sent).and_then(|claim| verify::cos::verify(sent, &claim, &keys, now))
        };
        prop_assert!(check(&put(&url, &headers[..1]), at).is_ok(), "{url}");
        prop_assert!(check(&put(&url, &[("content-type", "text/html")]), at).is_err());
        prop_assert!(check(&put(&url, &headers[..1]), at + life + 1).is_err());
    }

    #[test]
    fn any_accepted_name_gives_a_safe_extension(name in ".{0,40}", tail in proptest::option::of("\\.[a-zA-Z0-9]{1,12}"), kind in proptest::option::of("[a-z]{1,8}/[a-z0-9.+-]{1,12}")) {
        let filename = name + &tail.unwrap_or_default();
        let body = json!({ "filename": filename, "content_type": kind }).to_string();
        if GrantRequest::parse(body.as_bytes()).is_ok() {
            for types in [Chatapp::SPEC.types, Lke::SPEC.types, Workorder::SPEC.types] {
                let listing = media::Listing { types: &types, patterns: None };
                if let Ok(media) = media::resolve(&filename, kind.as_deref(), &listing) {
                    let safe = media.extension.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
                    prop_assert!(safe && (1..=10).contains(&media.extension.len()), "{filename}: {media:?}");
                }
            }
        }
    }

    #[test]
    fn times_add_up_and_never_leave_the_years_that_can_be_written(at in any::<i64>(), seconds in any::<i64>()) {
        let instant = Timestamp::from_unix(at);
        let later = instant.plus(seconds);
        prop_assert_eq!(later >= instant, seconds >= 0 || later == instant);
        for instant in [instant, later] {
            let text = instant.rfc3339();
            prop_assert_eq!(text.len(), 20);
            prop_assert_eq!(Timestamp::parse_rfc3339(&text), Some(instant));
        }
    }
}

/// Every extension and every type that somebody writes, and those of the flows themselves.
fn written() -> (BTreeSet<String>, BTreeSet<String>) {
    let cases = [include_str!("../cases/types.tsv"), include_str!("../cases/more-types.tsv")];
    let (mut extensions, mut types) = (BTreeSet::new(), BTreeSet::new());
    for line in cases.iter().flat_map(|cases| cases.lines()).filter(|line| !line.starts_with('#')) {
        let cells: Vec<&str> = line.split('\t').collect();
        extensions.extend(media::extension(cells[1]));
        types.insert(cells[2].split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    }
    for row in [Chatapp::SPEC.types, Lke::SPEC.types, Aicc::SPEC.types, Aicontent::SPEC.types]
        .iter()
        .flat_map(|types| types.listed)
    {
        extensions.extend(row.extensions.iter().map(|extension| (*extension).to_owned()));
        types.insert(row.content_type.to_owned());
    }
    types.retain(|kind| kind.split_once('/').is_some_and(|(a, b)| !a.is_empty() && !b.is_empty()));
    types.retain(|kind| !kind.contains([' ', ',', '*']));
    (extensions, types)
}

/// The rule of types over every pair of extension and type, against each flow's own table.
#[test]
fn every_pair_of_name_and_type_ends_in_the_flows_own_table() {
    let (extensions, types) = written();
    assert!(extensions.len() > 90 && types.len() > 150, "{} {}", extensions.len(), types.len());
    for table in
        [Chatapp::SPEC.types, Lke::SPEC.types, Aicc::SPEC.types, Aicontent::SPEC.types, Workorder::SPEC.types]
    {
        let listing = media::Listing { types: &table, patterns: None };
        let decide = |name: &str, kind: Option<&str>| media::resolve(name, kind, &listing);
        let row_of = |kind: &str| table.listed.iter().find(|row| row.content_type == kind);
        let takes_all = matches!(table.others, media::Others::Taken { .. });
        for row in table.listed {
            let found = decide("file", Some(row.content_type)).expect("a listed type");
            assert_eq!((&*found.content_type, &*found.extension), (row.content_type, row.extensions[0]));
        }
        for kind in &types {
            // The type alone is taken if it is listed, in whatever spelling.
            let by_type = decide("file", Some(kind)).ok();
            let loud = decide("file", Some(&format!(" {}; charset=UTF-8", kind.to_ascii_uppercase())));
            assert_eq!(by_type, loud.ok(), "{kind}");
            for extension in &extensions {
                let name = format!("file.{extension}");
                let by_name = decide(&name, None).ok();
                let shown = format!("{name} as {kind}");
                let found = decide(&name, Some(kind));
                match (&found, &by_name) {
                    (Ok(found), Some(named)) if takes_all => {
                        assert_eq!(found.extension, named.extension, "{shown}")
                    }
                    (Ok(found), _) => {
                        let row = row_of(&found.content_type).expect("a type of the flow");
                        assert!(row.extensions.contains(&&*found.extension), "{shown}: {found:?}");
                        assert_eq!(found.max_bytes, row.max_bytes, "{shown}");
                    }
                    (Err(problem), _) => {
                        assert_eq!(problem.code.status(), 415, "{shown}");
                        let listed = table.listed.iter().flat_map(|row| row.extensions);
                        assert!(listed.into_iter().all(|one| problem.detail.contains(one)), "{shown}");
                    }
                }
                match (&by_name, by_type.as_ref().filter(|_| !takes_all)) {
                    (Some(named), None) if takes_all && named.content_type == "application/octet-stream" => {}
                    (Some(named), None) => {
                        let found = found.as_ref().unwrap_or_else(|_| panic!("{shown} was refused"));
                        assert_eq!(found.content_type, named.content_type, "{shown}");
                    }
                    // But for spellings of another type, such as a spreadsheet's for .csv.
                    (None, Some(typed)) => {
                        let is_it =
                            found.as_ref().is_ok_and(|found| found.content_type == typed.content_type);
                        assert!(is_it || of_another(extension, kind), "{shown}: {found:?}");
                    }
                    (Some(named), Some(typed)) => {
                        let both = [&named.content_type, &typed.content_type];
                        assert!(
                            found.as_ref().is_ok_and(|found| both.contains(&&found.content_type))
                                || found.is_err(),
                            "{shown}"
                        );
                        assert!(found.is_ok() || both[0] != both[1], "{shown}");
                    }
                    (None, None) => assert!(found.is_err(), "{shown}"),
                }
                let scripts = ["html", "htm", "js", "svg", "xhtml"];
                let harmful = |found: &media::Media| {
                    found.content_type == "text/plain" && scripts.contains(&&*found.extension)
                };
                assert!(!found.is_ok_and(|found| harmful(&found)), "{shown}");
            }
        }
    }
}

/// Whether what is a listed type elsewhere is a spelling of this extension's own, unlisted type.
fn of_another(extension: &str, kind: &str) -> bool {
    match extension {
        "csv" => kind.contains("excel") || kind.contains("xls"),
        "m4a" => kind.starts_with("audio/") && kind.contains("mp"),
        "ppsx" | "ppsm" => {
            kind.contains("powerpoint") || kind.contains("ppt") || kind.contains("presentation")
        }
        "heic" => kind == "image/heif",
        _ => false,
    }
}

fn runner(cases: u32) -> proptest::test_runner::TestRunner {
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    proptest::test_runner::TestRunner::new(config)
}

/// Values to try, drawn once: the runner itself cannot wait for a function.
fn draw<T: std::fmt::Debug>(cases: u32, strategy: impl Strategy<Value = T>) -> Vec<T> {
    use proptest::strategy::ValueTree as _;
    let mut runner = runner(cases);
    (0..cases).map(|_| strategy.new_tree(&mut runner).expect("a value").current()).collect()
}

#[tokio::test]
async fn keys_are_the_directory_an_id_and_an_extension() {
    let sandbox = sandbox().await;
    let function = Function::of("alibaba-chatapp", &sandbox, &[]).await;
    let mut granted = 0;
    for name in draw(200, "\\PC{1,30}\\.(png|PNG|jpeg|pdf|mp4|x)") {
        let answer = function.ask(&json!({ "filename": name })).await;
        if answer.status == 200 {
            granted += 1;
            let key = answer.json["key"].as_str().expect("a key");
            let (dir, object) = key.rsplit_once('/').expect("a directory");
            let (id, extension) = object.split_once('.').expect("an extension");
            assert!(dir.ends_with("/upload") && id == answer.json["id"], "{name}: {key}");
            assert!(extension.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()), "{name}: {key}");
        } else {
            assert!((400..416).contains(&answer.status), "{name}: {}", answer.text);
        }
    }
    assert!(granted > 20, "{granted}");
}

#[tokio::test]
async fn a_grant_never_outlives_its_lifetime_or_its_vendor() {
    for (ttl, life) in draw(40, (1_i64..4000, 120_i64..4000)) {
        let sandbox = sandbox().await;
        sandbox.fault(json!({ "target": "cams", "expired_tokens": life }));
        let function =
            Function::of("alibaba-chatapp", &sandbox, &[("GRANT_TTL_SECONDS", &ttl.to_string())]).await;
        let grant = function.ask(&json!({ "filename": "a.png" })).await.ok();
        let at = |name: &str| {
            Timestamp::parse_rfc3339(grant[name].as_str().expect("an instant")).expect("RFC 3339").unix()
        };
        let expires = at("expires_at") - at("issued_at");
        assert_eq!(grant["expires"], expires);
        // A second may pass between the two clocks' readings.
        let latest = ttl.min(life - 30);
        assert!((latest - 1..=latest + 1).contains(&expires), "ttl {ttl}, vendor {life}: {expires}");
    }
}

#[tokio::test]
async fn only_the_tail_of_a_path_decides() {
    let function = Function::of("alibaba-chatapp", &sandbox().await, &[]).await;
    let routes = ["grants", "complete", "events", "healthz", "openapi.json", "relay", "s3"];
    for segments in draw(150, proptest::collection::vec("[A-Za-z0-9._~%-]{1,10}", 0..4)) {
        let odd = |segment: &String| segment.contains('%') || matches!(segment.as_str(), "." | "..");
        if segments.iter().any(|segment| odd(segment) || routes.contains(&segment.as_str())) {
            continue;
        }
        let prefix: String = segments.iter().map(|segment| format!("/{segment}")).collect();
        let health = Answer::of(function.get(&format!("{prefix}/healthz"))).await;
        assert_eq!(health.status, 200, "{prefix}");
        let grant =
            Answer::of(function.post(&format!("{prefix}/grants")).body(r#"{"filename":"a.png"}"#)).await;
        assert_eq!(grant.status, 200, "{prefix}");
        for route in ["grants", "relay", "healthz"] {
            let twice = Answer::of(function.get(&format!("/{route}{prefix}/healthz"))).await;
            assert_eq!(twice.problem(), (404, "not_found"), "/{route}{prefix}/healthz");
        }
        let beyond = Answer::of(function.get(&format!("/healthz{prefix}/x"))).await;
        assert_eq!(beyond.problem().0, 404, "{prefix}");
    }
}

#[tokio::test]
async fn a_ticket_or_token_with_any_byte_changed_is_refused() {
    let sandbox = sandbox().await;
    let function = Function::of("alibaba-chatapp", &sandbox, &[]).await;
    let grant = function.ask(&json!({ "filename": "a.png", "mode": "relay" })).await.ok();
    let ticket = grant["url"].as_str().and_then(|url| url.rsplit_once('/')).expect("a ticket").1.to_owned();
    let token = grant["complete"]["token"].as_str().expect("a token").to_owned();
    let changed = |text: &str, index: usize, cut: bool| {
        let mut bytes = text.as_bytes().to_vec();
        bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
        if cut {
            bytes.truncate(index);
        }
        String::from_utf8(bytes).expect("ASCII")
    };
    let (mut refused, cuts) = (0, [false, true]);
    for (index, cut) in (0..ticket.len()).flat_map(|index| cuts.map(|cut| (index, cut))) {
        let url = format!("{}/relay/{}", function.url, changed(&ticket, index, cut));
        let answer = Answer::of(function.client.put(url).body("hello")).await;
        // Nothing at all is no ticket, but no route either.
        let expected = if cut && index == 0 { 404 } else { 401 };
        assert_eq!(answer.problem().0, expected, "byte {index} of the ticket, cut: {cut}");
        refused += 1;
    }
    for (index, cut) in (0..token.len()).flat_map(|index| cuts.map(|cut| (index, cut))) {
        let body = json!({ "token": changed(&token, index, cut) }).to_string();
        let answer = Answer::of(function.post("/complete").body(body)).await;
        assert!(
            matches!(answer.problem().0, 400 | 401),
            "byte {index} of the token, cut: {cut}: {}",
            answer.text
        );
        refused += 1;
    }
    assert!(refused > 1000, "{refused}");
    assert!(sandbox.objects().is_empty());
}
