//! Alibaba Cloud's RPC signature, version 1.

use upload_grant::sign::rpc_v1;
use upload_grant::wire::encode;

use super::{Vector, collect, vectors};

#[test]
fn rpc_v1() {
    const OURS: [&str; 9] = [
        "AccessKeyId",
        "Action",
        "Format",
        "SecurityToken",
        "SignatureMethod",
        "SignatureNonce",
        "SignatureVersion",
        "Timestamp",
        "Version",
    ];
    let (mut forms, all) = (0, vectors("rpc_v1", "vectors", None));
    for vector in &all {
        let v = Vector::of(vector);
        let key = rpc_v1::key(&v.secret("/access_key_secret"));
        let (method, params) = (v.text("/method"), v.pairs("/params"));
        let query = encode::query(&params);
        v.same("canonical query", &query, v.text("/canonicalized_query"));
        let string_to_sign = collect(|mut put| rpc_v1::string_to_sign(method, &query, &mut put));
        v.same("string to sign", &string_to_sign, v.text("/string_to_sign"));
        v.same("signature", &rpc_v1::sign(&key, method, &query), v.text("/signature"));

        if v.text("/params/Format") != "JSON" {
            continue;
        }
        forms += 1;
        let business: Vec<_> = params.into_iter().filter(|(name, _)| !OURS.contains(name)).collect();
        let call = rpc_v1::Call {
            method,
            action: v.text("/params/Action"),
            version: v.text("/params/Version"),
            params: &business,
            access_key_id: v.text("/params/AccessKeyId"),
            token: v.get("/params/SecurityToken"),
            nonce: v.text("/params/SignatureNonce"),
        };
        let form = rpc_v1::form(&key, &call, v.time("/params/Timestamp"));
        let mut wire = format!("{query}&Signature=");
        encode::percent(&mut wire, v.text("/signature"));
        v.same("form", &form, &wire);
        let sent = v.get("/wire_url").and_then(|url| url.split_once('?')).map(|(_, query)| query);
        let sent = sent.or_else(|| v.get("/wire_body")).unwrap_or(&form);
        v.same("form on the wire", &form, sent);
    }
    println!("rpc_v1: {} vectors, {forms} of them through form()", all.len());
}
