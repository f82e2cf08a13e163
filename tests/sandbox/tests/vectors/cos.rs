//! `cos.json` and `cos-lke.json`: presigned URLs, headers and forms, and the published answers.

use serde_json::Value;
use upload_grant_sandbox::Arrived;
use upload_grant_sandbox::verify::cos;
use upload_grant_sandbox::verify::policy::{Dialect, Fields, Policy};

use crate::{Report, file, headers, keys, list, members, text, unix};

fn percent(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte);
    let one = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(one).collect()
}

fn query(pairs: &[(String, String)]) -> String {
    pairs.iter().map(|(n, v)| format!("{}={}", percent(n), percent(v))).collect::<Vec<_>>().join("&")
}

#[test]
fn vectors() {
    let mut report = Report::default();
    for vector in list(&file("cos.json"), "vectors") {
        match text(vector, "mode") {
            "put_presign" => presigned(&mut report, vector),
            "put_header" => header(&mut report, vector),
            "post_policy" => form(&mut report, vector),
            other => panic!("mode {other}"),
        }
        report.covered += 1;
    }
    report.finish("cos.json");
}

fn stages(report: &mut Report, id: &str, vector: &Value, arrived: &Arrived, claim: &cos::Presented) {
    let (input, expected) = (&vector["input"], &vector["expected"]);
    let http = cos::http_string(arrived, claim).unwrap_or_default();
    report.stage(id, "http string", text(expected, "http_string"), &http);
    let string = cos::string_to_sign(&claim.sign_time, &http);
    report.stage(id, "string to sign", text(expected, "string_to_sign"), &string);
    let key = cos::sign_key(text(input, "secret_key"), &claim.key_time);
    report.stage(id, "sign key", text(expected, "sign_key"), &key);
    report.stage(id, "signature", text(expected, "signature"), &cos::signature(&key, &string));
    report.stage(id, "presented signature", text(expected, "signature"), &claim.signature);
}

fn presigned(report: &mut Report, vector: &Value) {
    let (id, input, expected) = (text(vector, "id"), &vector["input"], &vector["expected"]);
    for url in ["url", "canonical_url"] {
        let mut sent = members(&expected["headers_client_must_send"]);
        sent.retain(|(name, _)| !name.eq_ignore_ascii_case("host"));
        sent.push(("host".to_owned(), text(input, "host").to_owned()));
        let map = headers(sent.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let target = text(expected, url).split_once(text(input, "host")).unwrap().1;
        let arrived = Arrived::new(text(input, "method"), target, map);
        let claim = cos::presented(&arrived).unwrap();
        report.stage(id, "header list", text(expected, "header_list"), &claim.header_list.join(";"));
        report.stage(id, "url param list", text(expected, "url_param_list"), &claim.url_param_list.join(";"));
        stages(report, id, vector, &arrived, &claim);
        // A vector whose token travels neither in the URL nor in a header is verified as a plain key.
        let token = claim.token.clone().unwrap_or_default();
        let keys = keys(text(input, "secret_id"), text(input, "secret_key"), &token);
        report.accepted(id, cos::verify(&arrived, &claim, &keys, unix(text(input, "now"))));
    }
}

fn header(report: &mut Report, vector: &Value) {
    let (id, input, expected) = (text(vector, "id"), &vector["input"], &vector["expected"]);
    let mut sent = members(&input["headers"]);
    sent.push(("host".to_owned(), text(input, "host").to_owned()));
    sent.push(("authorization".to_owned(), text(expected, "authorization").to_owned()));
    let token = text(input, "security_token");
    if !token.is_empty() && !sent.iter().any(|(name, _)| name == "x-cos-security-token") {
        sent.push(("x-cos-security-token".to_owned(), token.to_owned()));
    }
    let map = headers(sent.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let target = format!("/{}?{}", percent(text(input, "key")), query(&members(&input["query_params"])));
    let arrived = Arrived::new(text(input, "method"), &target, map);
    let claim = cos::presented(&arrived).unwrap();
    report.stage(id, "header list", text(expected, "header_list"), &claim.header_list.join(";"));
    stages(report, id, vector, &arrived, &claim);
    let keys = keys(text(input, "secret_id"), text(input, "secret_key"), token);
    report.accepted(id, cos::verify(&arrived, &claim, &keys, unix(text(input, "now"))));
}

fn form(report: &mut Report, vector: &Value) {
    let (id, input, expected) = (text(vector, "id"), &vector["input"], &vector["expected"]);
    let policy = text(input, "policy_text").as_bytes();
    let key = cos::sign_key(text(input, "secret_key"), text(input, "key_time"));
    report.stage(id, "sign key", text(expected, "sign_key"), &key);
    let string = cos::form_string_to_sign(policy);
    report.stage(id, "string to sign", text(expected, "string_to_sign"), &string);
    report.stage(id, "signature", text(expected, "q_signature"), &cos::signature(&key, &string));
    let fields = Fields(members(&expected["form_fields"]));
    let token = fields.get("x-cos-security-token").unwrap_or_default();
    let keys = keys(text(input, "secret_id"), text(input, "secret_key"), token);
    let now = text(input, "key_time").split_once(';').unwrap().0.parse().unwrap();
    report.accepted(id, cos::verify_form(&fields, policy, &keys, now));
    if let Err(refused) = Policy::parse(policy, Dialect::Cos) {
        report.failures.push(format!("{id} / policy\n  {refused:?}"));
    }
}

#[test]
fn known_answers() {
    let mut report = Report::default();
    for answer in list(&file("cos.json"), "known_answers") {
        let (id, expected) = (text(answer, "id"), &answer["expected"]);
        let sign_key = cos::sign_key(text(answer, "secret_key"), text(answer, "key_time"));
        if let Some(wanted) = expected["sign_key"].as_str() {
            report.stage(id, "sign key", wanted, &sign_key);
        }
        if let Some(policy) = answer["policy_text"].as_str() {
            let string = cos::form_string_to_sign(policy.as_bytes());
            report.stage(id, "string to sign", text(expected, "string_to_sign"), &string);
            report.stage(id, "signature", text(expected, "q_signature"), &cos::signature(&sign_key, &string));
        } else {
            let sent = members(&answer["headers"]);
            let map = headers(sent.iter().map(|(name, value)| (name.as_str(), value.as_str())));
            let parameters = query(&members(&answer["query_params"]));
            let target = format!("/{}?{parameters}", percent(text(answer, "key")));
            let arrived = Arrived::new(text(answer, "method"), &target, map);
            let claim = claim(
                text(answer, "key_time"),
                text(expected, "header_list"),
                text(expected, "url_param_list"),
            );
            let http = cos::http_string(&arrived, &claim).unwrap();
            report.stage(id, "http string", text(answer, "http_string"), &http);
            let string = cos::string_to_sign(&claim.sign_time, &http);
            if let Some(hash) = expected["http_string_sha1"].as_str() {
                report.stage(id, "http string hash", hash, string.split('\n').nth(2).unwrap());
            }
            report.stage(id, "signature", text(expected, "signature"), &cos::signature(&sign_key, &string));
        }
        report.covered += 1;
    }
    report.finish("cos.json known answers");
}

fn claim(time: &str, header_list: &str, url_param_list: &str) -> cos::Presented {
    let list = |text: &str| text.split(';').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    cos::Presented {
        key_id: String::new(),
        sign_time: time.to_owned(),
        key_time: time.to_owned(),
        header_list: list(header_list),
        url_param_list: list(url_param_list),
        signature: String::new(),
        token: None,
    }
}

#[test]
fn lke() {
    let mut report = Report::default();
    for vector in list(&file("cos-lke.json"), "vectors") {
        let (id, input, expected) = (text(vector, "id"), &vector["input"], &vector["expected"]);
        let mut sent = members(&input["headers_signed"]);
        sent.push(("authorization".to_owned(), text(expected, "authorization").to_owned()));
        if !sent.iter().any(|(name, _)| name == "x-cos-security-token") {
            sent.push(("x-cos-security-token".to_owned(), text(input, "token").to_owned()));
        }
        let map = headers(sent.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let target = format!("{}?{}", percent(text(input, "path")), query(&members(&input["params_signed"])));
        let arrived = Arrived::new(text(input, "method"), &target, map);
        let claim = cos::presented(&arrived).unwrap();
        report.stage(id, "key time", text(expected, "key_time"), &claim.key_time);
        stages(&mut report, id, vector, &arrived, &claim);
        let keys = keys(text(input, "secret_id"), text(input, "secret_key"), text(input, "token"));
        report.accepted(id, cos::verify(&arrived, &claim, &keys, input["start"].as_i64().unwrap()));
        report.covered += 1;
    }
    report.finish("cos-lke.json");
}
