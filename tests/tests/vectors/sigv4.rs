//! AWS Signature Version 4.

use std::collections::BTreeMap;

use serde_json::Value;
use upload_grant::sign::sigv4;

use super::{Vector, collect, sha256, vectors};

#[test]
fn sigv4() {
    let (mut headers, all) = (0, vectors("sigv4", "vectors", None));
    for vector in &all {
        let v = Vector::of(vector);
        let (at, secret) = (v.time("/input/at"), v.secret("/input/secret"));
        let key = sigv4::key(&secret, v.text("/input/region"), v.text("/input/service"), at);
        let pairs = vector["input"]["headers"].as_array().expect("headers");
        let text = |value: &'_ Value| value.as_str().expect("a text").to_owned();
        let pairs: Vec<_> = pairs.iter().map(|pair| (text(&pair[0]), text(&pair[1]))).collect();
        let signed: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let (method, body) = (v.text("/input/method"), v.text("/input/body"));
        let (path, query) = (v.text("/input/path"), v.text("/input/query"));
        let request = sigv4::Request { method, path, query, headers: &signed, payload: body.as_bytes() };
        let canonical = collect(|mut put| request.canonical_request(&mut put));
        v.same("canonical request", &canonical, v.text("/expected/canonical_request"));
        let hash = sha256(&canonical);
        let string_to_sign = collect(|mut put| sigv4::string_to_sign(&key, &hash, at, &mut put));
        v.same("string to sign", &string_to_sign, v.text("/expected/string_to_sign"));
        v.same("signature", &sigv4::signature(&key, &hash, at), v.text("/expected/signature"));
        let key_id = v.text("/input/key_id");
        let authorization = v.text("/expected/authorization");
        v.same("authorization", &sigv4::sign(&key, &request, key_id, at), authorization);

        // A call as the function makes it.
        let header = |name| signed.iter().find(|(found, _)| *found == name).map(|(_, value)| *value);
        let Some(target) = header("x-amz-target") else { continue };
        headers += 1;
        let [json_0, json_1] = ["application/x-amz-json-1.0", "application/x-amz-json-1.1"];
        let call = sigv4::Call {
            host: header("host").expect("a host"),
            content_type: if header("content-type") == Some(json_0) { json_0 } else { json_1 },
            target,
            body: body.as_bytes(),
            key_id,
            token: v.get("/input/token"),
        };
        let ours: BTreeMap<_, _> = sigv4::headers(&key, &call, at).into_iter().collect();
        v.same("headers, authorization", &ours["authorization"], authorization);
        for (name, value) in signed.iter().filter(|(name, _)| *name != "host") {
            v.same(&format!("headers, {name}"), &ours[name], value);
        }
    }
    println!("sigv4: {} vectors, {headers} of them through headers()", all.len());
    assert!(headers > 0);
}
