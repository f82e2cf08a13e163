//! OSS V4: presigned URLs and forms.

use std::collections::BTreeMap;

use serde_json::Value;
use upload_grant::sign::oss4;
use upload_grant::wire::encode;
use upload_grant::wire::secret::Secret;
use upload_grant::wire::time::Timestamp;

use super::{Vector, collect, parts, refs, sha256, vectors};

#[test]
fn oss4_presign() {
    let all = vectors("oss", "vectors", Some("put_presign_v4"));
    for vector in &all {
        let v = Vector::of(vector);
        let at = v.time("/input/now");
        let key = oss4::key(&v.secret("/input/access_key_secret"), v.text("/input/region"), at);
        let token = v.get("/input/security_token").map(|token| {
            let mut encoded = String::new();
            encode::percent(&mut encoded, token);
            encoded
        });
        let theirs = v.text("/expected/url");
        let scheme = theirs.split("://").next().expect("a scheme");
        let headers = v.sorted("/input/headers");
        let additional = v.1["input"]["additional_headers"].as_array().expect("a list");
        let request = oss4::Presign {
            method: v.text("/input/method"),
            base: &format!("{scheme}://{}", v.text("/expected/host")),
            bucket: v.text("/input/bucket"),
            object: v.text("/input/key"),
            access_key_id: v.text("/input/access_key_id"),
            encoded_token: token.as_deref(),
            headers: &refs(&headers),
            additional: &additional.iter().filter_map(Value::as_str).collect::<Vec<_>>(),
            expires: v.number("/input/expires").try_into().expect("seconds"),
        };
        let (mut path, mut query) = (String::from("/"), String::new());
        encode::percent_path(&mut path, request.object);
        v.same("path", &path, v.text("/expected/path"));
        request.canonical_query(&key, at, &mut query);
        let canonical = collect(|mut put| request.canonical_request(&path, &query, &mut put));
        v.same("canonical request", &canonical, v.text("/expected/canonical_request"));
        let hash = sha256(&canonical);
        let string_to_sign = collect(|mut put| oss4::string_to_sign(&key, &hash, at, &mut put));
        v.same("string to sign", &string_to_sign, v.text("/expected/string_to_sign"));
        v.same("signature", &oss4::signature(&key, &hash, at), v.text("/expected/signature"));

        let ours = oss4::presign(&key, &request, at);
        v.same(
            "url, path",
            ours.split('?').next().expect("a path"),
            theirs.split('?').next().expect("a path"),
        );
        v.same("url, query", &format!("{:?}", parts(&ours).1), &format!("{:?}", parts(theirs).1));
    }
    println!("oss4 presign: {} vectors", all.len());
}

/// The published answers: the stages, with the extra query parameters of the vendor's own tests.
#[test]
fn oss4_known_answers() {
    let all = vectors("oss", "known_answers", None);
    let all: Vec<_> = all.iter().map(Vector::of).filter(|v| v.text("/scheme") == "v4 query").collect();
    for v in &all {
        let at = Timestamp::from_unix(v.number("/unix_time"));
        let key = oss4::key(&v.secret("/access_key_secret"), v.text("/region"), at);
        let additional: Vec<_> = v.1["additional_headers"].as_array().expect("a list").iter().collect();
        let additional: Vec<_> = additional.into_iter().filter_map(Value::as_str).collect();
        let mut headers = v.sorted("/headers");
        let signed = |name: &str| name == "content-type" || name.starts_with("x-oss-");
        headers.retain(|(name, _)| signed(name) || additional.contains(&name.as_str()));
        let request = oss4::Presign {
            method: v.text("/method"),
            base: "",
            bucket: v.text("/bucket"),
            object: v.text("/key"),
            access_key_id: v.text("/access_key_id"),
            encoded_token: v.get("/security_token"),
            headers: &refs(&headers),
            additional: &additional,
            expires: v.number("/expires").try_into().expect("seconds"),
        };
        let (mut path, mut query) = (String::from("/"), encode::query(&v.pairs("/query")));
        encode::percent_path(&mut path, request.object);
        // By encoded name, and a bare name where there is no value.
        let mut pairs: Vec<_> = query.split('&').map(|pair| pair.trim_end_matches('=')).collect();
        pairs.sort_unstable();
        query = pairs.join("&") + "&";
        request.canonical_query(&key, at, &mut query);
        let canonical = collect(|mut put| request.canonical_request(&path, &query, &mut put));
        v.same("canonical request", &canonical, v.text("/canonical_request"));
        v.same("signature", &oss4::signature(&key, &sha256(&canonical), at), v.text("/expected/signature"));
    }
    println!("oss4 known answers: {}", all.len());
    assert!(!all.is_empty());
}

#[test]
fn oss4_post() {
    let all = vectors("oss", "vectors", Some("post_policy_v4"));
    for vector in &all {
        let v = Vector::of(vector);
        let at = v.time("/input/now");
        let key = oss4::key(&v.secret("/input/access_key_secret"), v.text("/input/region"), at);
        let policy = encode::base64(v.text("/input/policy_text").as_bytes());
        v.same("policy", &policy, v.text("/expected/policy"));
        v.same("signature", &oss4::post::sign(&key, &policy), v.text("/expected/x-oss-signature"));

        // Our own form: the same fields, and a policy that holds every condition of the vector we also use.
        let theirs: Value = serde_json::from_str(v.text("/input/policy_text")).expect("JSON");
        let theirs = theirs["conditions"].as_array().expect("conditions");
        let find = |name: &str| theirs.iter().find(|c| c[1] == name).or(theirs.iter().find(|c| c[0] == name));
        let range = find("content-length-range").expect("a range");
        let content_type = find("$content-type").and_then(|c| c[2].as_str()).unwrap_or("text/plain");
        let post = oss4::post::Post {
            bucket: v.text("/input/bucket"),
            object: v.text("/input/key"),
            access_key_id: v.text("/input/access_key_id"),
            token: v.get("/input/security_token"),
            content_type,
            min_bytes: range[1].as_u64().expect("a size"),
            max_bytes: range[2].as_u64().expect("a size"),
            expiration: v.time("/input/expiration"),
        };
        let form: BTreeMap<_, _> = oss4::post::form(&key, &post, at).into_iter().collect();
        for name in ["x-oss-signature-version", "x-oss-credential", "x-oss-date", "x-oss-security-token"] {
            let theirs = v.get(&format!("/expected/{name}")).unwrap_or_default();
            v.same(&format!("form, {name}"), form.get(name).map_or("", |v| v), theirs);
        }
        let upload = [
            ("key", post.object),
            ("content-type", content_type),
            ("x-oss-content-type", content_type),
            ("x-oss-forbid-overwrite", "true"),
            ("success_action_status", "200"),
        ];
        for (name, value) in upload {
            v.same(&format!("form, {name}"), form.get(name).map_or("", |v| v), value);
        }
        v.same("form, signature", &form["x-oss-signature"], &oss4::post::sign(&key, &form["policy"]));
        let policy = encode::base64_decode(&form["policy"]).expect("base64");
        let policy: Value = serde_json::from_slice(&policy).expect("JSON");
        v.same(
            "policy, expiration",
            policy["expiration"].as_str().expect("a time"),
            v.text("/input/expiration"),
        );
        let ours = policy["conditions"].as_array().expect("conditions");
        for condition in theirs {
            let other = ["starts-with", "in"].iter().any(|kind| condition[0] == *kind)
                || condition[1] == "$x-oss-object-acl";
            assert!(other || ours.contains(condition), "vector {}, stage policy: no {condition}", v.0);
        }
        let bound = |name: &str, value: &str| {
            ours.iter()
                .any(|c| c[0] == "eq" && c[1] == format!("${name}") && c[2] == value || c[name] == value)
        };
        for (name, value) in &form {
            let itself = ["policy", "x-oss-signature"].contains(&&**name);
            assert!(itself || bound(name, value), "vector {}, stage policy: {name} is not bound", v.0);
        }
    }
    println!("oss4 post: {} vectors", all.len());
}

#[test]
fn an_empty_oss_token_is_none() {
    let at = Timestamp::from_unix(1_774_605_600);
    let key = oss4::key(&Secret::from("secret"), "cn-hangzhou", at);
    let url = |encoded_token| {
        let request = oss4::Presign {
            method: "PUT",
            base: "https://b-1.oss-cn-hangzhou.aliyuncs.com",
            bucket: "b-1",
            object: "a.png",
            access_key_id: "LTAI",
            encoded_token,
            headers: &[],
            additional: &[],
            expires: 300,
        };
        oss4::presign(&key, &request, at)
    };
    assert_eq!(url(Some("")), url(None));
    assert_ne!(url(Some("t")), url(None));
    let form = |token| {
        let post = oss4::post::Post {
            bucket: "b-1",
            object: "a.png",
            access_key_id: "LTAI",
            token,
            content_type: "image/png",
            min_bytes: 1,
            max_bytes: 2,
            expiration: at.plus(300),
        };
        oss4::post::form(&key, &post, at)
    };
    assert_eq!(form(Some("")), form(None));
    assert_ne!(form(Some("t")), form(None));
}
