//! Tencent Cloud's TC3-HMAC-SHA256.

use std::collections::BTreeMap;

use upload_grant::sign::tc3;
use upload_grant::wire::time::Timestamp;

use super::{Vector, collect, hex, sha256, vectors};

#[test]
fn tc3() {
    let (mut headers, all) = (0, vectors("tc3", "vectors", None));
    for vector in &all {
        let v = Vector::of(vector);
        let at = Timestamp::from_unix(v.number("/input/timestamp"));
        let (secret, service) = (v.secret("/input/secret_key"), v.text("/input/service"));
        v.same(
            "signing key",
            &hex(&*tc3::signing_key(&secret, service, at)),
            v.text("/expected/k_signing_hex"),
        );
        let key = tc3::key(&secret, service, at);
        v.same("credential scope", key.scope(), v.text("/expected/credential_scope"));
        assert!(key.covers(at) && !key.covers(at.plus(86_400)), "vector {}, stage covers", v.0);

        let (host, body) = (v.text("/input/host"), v.text("/input/body"));
        let (content_type, action) = (v.text("/input/content_type"), v.text("/input/action"));
        let mut signed = vec![("content-type", content_type), ("host", host)];
        if v.text("/input/signed_headers").ends_with("x-tc-action") {
            signed.push(("x-tc-action", action));
        }
        let payload = if v.1["input"]["unsigned_payload"] == true { "UNSIGNED-PAYLOAD" } else { body };
        let (method, query) = (v.text("/input/method"), v.text("/input/query"));
        let request = tc3::Request { method, query, headers: &signed, payload: payload.as_bytes() };
        let canonical = collect(|mut put| request.canonical_request(&mut put));
        v.same("canonical request", &canonical, v.text("/expected/canonical_request"));
        let hash = sha256(&canonical);
        v.same("hash", &hash, v.text("/expected/hashed_canonical_request"));
        let string_to_sign = collect(|mut put| tc3::string_to_sign(&key, &hash, at, &mut put));
        v.same("string to sign", &string_to_sign, v.text("/expected/string_to_sign"));
        v.same("signature", &tc3::signature(&key, &hash, at), v.text("/expected/signature"));
        let id = v.text("/input/secret_id");
        v.same("authorization", &tc3::sign(&key, &request, id, at), v.text("/expected/authorization"));

        // Our own set of headers, where the vector signs the same three.
        if signed.len() < 3 || method != "POST" || content_type != "application/json; charset=utf-8" {
            continue;
        }
        headers += 1;
        let call = tc3::Call {
            host,
            action,
            version: v.text("/input/version"),
            region: v.get("/input/region"),
            language: v.get("/input/language"),
            body: body.as_bytes(),
            secret_id: id,
            token: v.get("/input/token"),
        };
        let ours: BTreeMap<_, _> = tc3::headers(&key, &call, at).into_iter().collect();
        let theirs = v.sorted("/expected/headers");
        for (name, value) in theirs.iter().filter(|(name, _)| name != "host" && name != "x-tc-requestclient")
        {
            v.same(&format!("headers, {name}"), ours.get(&**name).map_or("", |v| v), value);
        }
    }
    println!("tc3: {} vectors, {headers} of them through headers()", all.len());
    assert!(headers > 0);
}
