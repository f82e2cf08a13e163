//! `tc3.json`.

use upload_grant_sandbox::Arrived;
use upload_grant_sandbox::verify::tc3;

use crate::{Report, file, headers, keys, list, members, text};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn tc3() {
    let mut report = Report::default();
    for vector in list(&file("tc3.json"), "vectors") {
        let (id, input, expected) = (text(vector, "id"), &vector["input"], &vector["expected"]);
        let sent = members(&expected["headers"]);
        let map = headers(sent.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let target = format!("/?{}", text(input, "query"));
        let arrived = Arrived::new(text(input, "method"), &target, map);
        let body = text(input, "body").as_bytes();
        let (timestamp, service) = (input["timestamp"].as_i64().unwrap(), text(input, "service"));

        let claim = tc3::presented(text(expected, "authorization")).unwrap();
        report.stage(id, "signed headers", text(input, "signed_headers"), &claim.signed_headers.join(";"));
        let canonical = tc3::canonical_request(&arrived, &claim.signed_headers, body).unwrap();
        report.stage(id, "canonical request", text(expected, "canonical_request"), &canonical);
        let scope = tc3::credential_scope(timestamp, service);
        report.stage(id, "credential scope", text(expected, "credential_scope"), &scope);
        let string = tc3::string_to_sign(timestamp, &scope, &canonical);
        report.stage(id, "string to sign", text(expected, "string_to_sign"), &string);
        let derived = tc3::derived_keys(text(input, "secret_key"), timestamp, service);
        for (key, name) in derived.iter().zip(["k_date_hex", "k_service_hex", "k_signing_hex"]) {
            report.stage(id, name, text(expected, name), &hex(key));
        }
        report.stage(id, "signature", text(expected, "signature"), &tc3::signature(&derived[2], &string));

        let keys = keys(text(input, "secret_id"), text(input, "secret_key"), text(input, "token"));
        report.accepted(id, tc3::verify(&arrived, body, service, &keys, timestamp));
        report.covered += 1;
    }
    report.finish("tc3.json");
}
