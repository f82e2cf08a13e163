//! `acs3.json`, `rpc_v1.json`, `ssecp_request_sign.json`.

use upload_grant_sandbox::Arrived;
use upload_grant_sandbox::verify::nonces::Nonces;
use upload_grant_sandbox::verify::{acs3, rpc_v1, ssecp};

use crate::{Report, file, headers, keys, list, members, text, unix};

#[test]
fn acs3() {
    let mut report = Report::default();
    for vector in list(&file("acs3.json"), "vectors") {
        let id = text(vector, "name");
        let sent = members(&vector["headers"]);
        let mut map = headers(sent.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        map.insert("authorization", text(vector, "authorization").parse().unwrap());
        let url = text(vector, "sdk_url");
        let target = &url[url.find(text(vector, "host")).unwrap() + text(vector, "host").len()..];
        let arrived = Arrived::new(text(vector, "method"), target, map);
        let body = text(vector, "body").as_bytes();

        report.stage(
            id,
            "canonical query",
            text(vector, "canonical_query"),
            &acs3::canonical_query(&arrived.pairs()),
        );
        let claim = acs3::presented(text(vector, "authorization")).unwrap();
        let canonical = acs3::canonical_request(&arrived, &claim.signed_headers, body).unwrap();
        report.stage(id, "canonical request", text(vector, "canonical_request"), &canonical);
        let string = acs3::string_to_sign(&canonical);
        report.stage(id, "string to sign", text(vector, "string_to_sign"), &string);
        let secret = text(vector, "access_key_secret");
        report.stage(id, "signature", text(vector, "signature"), &acs3::signature(secret, &string));
        report.stage(id, "presented signature", text(vector, "signature"), &claim.signature);

        let keys = keys(text(vector, "access_key_id"), secret, text(vector, "security_token"));
        let now = unix(&arrived.header("x-acs-date").unwrap());
        report.accepted(id, acs3::verify(&arrived, body, &keys, &Nonces::default(), now));
        report.covered += 1;
    }
    report.finish("acs3.json");
}

#[test]
fn rpc_v1() {
    let mut report = Report::default();
    for vector in list(&file("rpc_v1.json"), "vectors") {
        let id = text(vector, "name");
        // As they arrived where the wire form is known, shuffled otherwise.
        let url = text(vector, "wire_url");
        let query = url.split_once('?').map_or(text(vector, "wire_body"), |(_, query)| query);
        let wire = Arrived::new("GET", &format!("/?{query}"), headers([])).pairs();
        let mut parameters: Vec<_> = members(&vector["params"]).into_iter().rev().collect();
        parameters.push(("Signature".to_owned(), text(vector, "signature").to_owned()));
        let parameters = if wire.is_empty() { parameters } else { wire };

        let query = rpc_v1::canonicalized_query(&parameters);
        report.stage(id, "canonicalized query", text(vector, "canonicalized_query"), &query);
        let string = rpc_v1::string_to_sign(text(vector, "method"), &query);
        report.stage(id, "string to sign", text(vector, "string_to_sign"), &string);
        let secret = text(vector, "access_key_secret");
        report.stage(id, "signature", text(vector, "signature"), &rpc_v1::signature(secret, &string));

        let token = text(&vector["params"], "SecurityToken");
        let keys = keys(text(&vector["params"], "AccessKeyId"), secret, token);
        let now = unix(text(&vector["params"], "Timestamp"));
        report.accepted(
            id,
            rpc_v1::verify(text(vector, "method"), &parameters, &keys, &Nonces::default(), now),
        );
        report.covered += 1;
    }
    report.finish("rpc_v1.json");
}

#[test]
fn ssecp_request_sign() {
    let mut report = Report::default();
    for vector in list(&file("ssecp_request_sign.json"), "vectors") {
        let id = text(vector, "name");
        let claim = ssecp::Claim {
            app_id: text(vector, "appid"),
            timestamp: text(vector, "timestamp"),
            user_client_ip: text(vector, "user_client_ip"),
            user_id: text(vector, "user_id"),
        };
        let string = ssecp::sign_string(text(vector, "app_secret"), claim);
        report.stage(id, "sign string", text(vector, "sign_string"), &string);
        report.stage(id, "request_sign", text(vector, "request_sign"), &ssecp::request_sign(&string));
        report.covered += 1;
    }
    report.finish("ssecp_request_sign.json");
}
