//! Alibaba Cloud's ACS3-HMAC-SHA256.

use std::collections::BTreeMap;

use upload_grant::sign::acs3;
use upload_grant::wire::encode;
use upload_grant::wire::time::Timestamp;

use super::{Vector, collect, refs, sha256, vectors};

#[test]
fn acs3() {
    let (mut headers, all) = (0, vectors("acs3", "vectors", None));
    for vector in &all {
        let v = Vector::of(vector);
        let key = acs3::key(&v.secret("/access_key_secret"));
        let query = encode::query(&v.pairs("/query"));
        v.same("canonical query", &query, v.text("/canonical_query"));

        let signed = v.sorted("/headers");
        let (method, path) = (v.text("/method"), v.text("/path"));
        let body_sha256 = sha256(v.text("/body"));
        let request =
            acs3::Request { method, path, query: &query, headers: &refs(&signed), body_sha256: &body_sha256 };
        let canonical = collect(|mut put| request.canonical_request(&mut put));
        v.same("canonical request", &canonical, v.text("/canonical_request"));
        let hash = sha256(&canonical);
        v.same("hash", &hash, v.text("/canonical_request_sha256"));
        let string_to_sign = collect(|mut put| acs3::string_to_sign(&hash, &mut put));
        v.same("string to sign", &string_to_sign, v.text("/string_to_sign"));
        v.same("signature", &acs3::signature(&key, &hash), v.text("/signature"));
        let id = v.text("/access_key_id");
        v.same("authorization", &acs3::sign(&key, &request, id), v.text("/authorization"));

        // Our own set of headers, where the vector signs no others.
        if signed.iter().any(|(n, _)| ["accept", "user-agent"].contains(&&**n) || n.starts_with("x-custom")) {
            continue;
        }
        headers += 1;
        let get = |name: &str| signed.iter().find(|(n, _)| n == name).map(|(_, value)| *value);
        let call = acs3::Call {
            method,
            host: get("host").expect("host"),
            path,
            query: &query,
            action: get("x-acs-action").expect("action"),
            version: get("x-acs-version").expect("version"),
            content_type: get("content-type"),
            body: v.text("/body").as_bytes(),
            access_key_id: id,
            token: v.get("/security_token"),
            nonce: get("x-acs-signature-nonce").expect("nonce"),
        };
        let at = Timestamp::parse_rfc3339(get("x-acs-date").expect("date")).expect("a time");
        let ours: BTreeMap<_, _> = acs3::headers(&key, &call, at).into_iter().collect();
        v.same("headers, authorization", &ours["authorization"], v.text("/authorization"));
        for (name, value) in signed.iter().filter(|(name, _)| name != "host") {
            v.same(&format!("headers, {name}"), ours.get(&**name).map_or("", |v| v), value.trim());
        }
    }
    println!("acs3: {} vectors, {headers} of them through headers()", all.len());
    assert!(headers > 0);
}
