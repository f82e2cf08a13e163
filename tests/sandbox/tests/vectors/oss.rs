//! `oss.json`: presigned URLs, headers and forms of V4 and V1, and the published answers.

use serde_json::Value;
use upload_grant_sandbox::Arrived;
use upload_grant_sandbox::verify::policy::{Dialect, Fields, Policy, policy_text};
use upload_grant_sandbox::verify::{Place, oss1, oss4};

use crate::{Report, file, headers, keys, list, members, text, unix};

fn place(json: &Value) -> Place {
    let get = |name| text(json, name).to_owned();
    Place { bucket: get("bucket"), key: get("key"), region: get("region") }
}

/// `/path?query` of a URL, whatever its host.
fn target(url: &str) -> &str {
    let rest = url.split_once("://").unwrap().1;
    &rest[rest.find('/').unwrap()..]
}

#[test]
fn vectors() {
    let mut report = Report::default();
    for vector in list(&file("oss.json"), "vectors") {
        match text(vector, "mode") {
            "put_presign_v4" | "multipart_presign_v4" => presigned(&mut report, vector),
            "put_header_v4" => header(&mut report, vector),
            "post_policy_v4" | "post_policy_v1" => form(&mut report, vector),
            other => panic!("mode {other}"),
        }
        report.covered += 1;
    }
    report.finish("oss.json");
}

/// The stages common to the query and the header form.
fn stages(report: &mut Report, id: &str, vector: &Value, arrived: &Arrived, claim: &oss4::Presented) {
    let (input, expected) = (&vector["input"], &vector["expected"]);
    let place = place(input);
    let canonical = oss4::canonical_request(arrived, &place, &claim.additional);
    report.stage(id, "canonical request", text(expected, "canonical_request"), &canonical);
    let string = oss4::string_to_sign(claim, &canonical);
    report.stage(id, "string to sign", text(expected, "string_to_sign"), &string);
    let secret = text(input, "access_key_secret");
    let key = oss4::signing_key(secret, &claim.day, &claim.region);
    report.stage(id, "signature", text(expected, "signature"), &oss4::signature(&key, &string));
    report.stage(id, "presented signature", text(expected, "signature"), &claim.signature);
    let keys = keys(text(input, "access_key_id"), secret, text(input, "security_token"));
    report.accepted(id, oss4::verify(arrived, claim, &place, &keys, unix(text(input, "now"))));
}

fn presigned(report: &mut Report, vector: &Value) {
    let (id, expected) = (text(vector, "id"), &vector["expected"]);
    let mut sent = members(&expected["headers_client_must_send"]);
    sent.retain(|(name, _)| name != "host");
    sent.push(("host".to_owned(), text(expected, "host").to_owned()));
    for url in ["url", "canonical_url"] {
        let map = headers(sent.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let arrived = Arrived::new(text(&vector["input"], "method"), target(text(expected, url)), map);
        report.stage(id, "path", text(expected, "path"), &arrived.path);
        let claim = oss4::presented_query(&arrived).unwrap();
        stages(report, id, vector, &arrived, &claim);
    }
}

fn header(report: &mut Report, vector: &Value) {
    let (id, input, expected) = (text(vector, "id"), &vector["input"], &vector["expected"]);
    let mut sent = members(&input["headers"]);
    for (name, member) in [
        ("authorization", "authorization"),
        ("date", "date"),
        ("x-oss-date", "x_oss_date"),
        ("x-oss-content-sha256", "x_oss_content_sha256"),
        ("x-oss-security-token", "x_oss_security_token"),
    ] {
        let value = text(expected, member);
        sent.extend((!value.is_empty()).then(|| (name.to_owned(), value.to_owned())));
    }
    let query =
        members(&input["query"]).into_iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join("&");
    let map = headers(sent.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let arrived = Arrived::new(text(input, "method"), &format!("/?{query}"), map);
    let claim = oss4::presented_header(&arrived).unwrap();
    stages(report, id, vector, &arrived, &claim);
}

fn form(report: &mut Report, vector: &Value) {
    let (id, input, expected) = (text(vector, "id"), &vector["input"], &vector["expected"]);
    let mut fields = members(expected);
    fields.push(("key".to_owned(), text(input, "key").to_owned()));
    let fields = Fields(fields);
    let decoded = policy_text(text(expected, "policy")).unwrap();
    report.stage(id, "policy text", text(input, "policy_text"), &String::from_utf8_lossy(&decoded));
    let secret = text(input, "access_key_secret");
    let keys = keys(text(input, "access_key_id"), secret, text(input, "security_token"));
    let now = unix(text(input, "now"));
    if text(vector, "mode") == "post_policy_v1" {
        report.stage(
            id,
            "signature",
            text(expected, "Signature"),
            &oss1::signature(secret, text(expected, "policy")),
        );
        report.accepted(id, oss1::verify_form(&fields, &keys, now));
    } else {
        let day = &text(expected, "x-oss-date")[..8];
        let key = oss4::signing_key(secret, day, text(input, "region"));
        let signature = oss4::signature(&key, text(expected, "policy"));
        report.stage(id, "signature", text(expected, "x-oss-signature"), &signature);
        report.accepted(id, oss4::verify_form(&fields, &place(input), &keys, now));
    }
    if let Err(refused) = Policy::parse(&decoded, Dialect::Oss) {
        report.failures.push(format!("{id} / policy\n  {refused:?}"));
    }
}

#[test]
fn known_answers() {
    let mut report = Report::default();
    for answer in list(&file("oss.json"), "known_answers") {
        if text(answer, "scheme") == "v1" {
            known_v1(&mut report, answer);
        } else {
            known_v4(&mut report, answer);
        }
        report.covered += 1;
    }
    report.finish("oss.json known answers");
}

/// Rebuilds a request whose string to sign is the published one.
fn known_v1(report: &mut Report, answer: &Value) {
    let (id, published) = (text(answer, "id"), text(answer, "string_to_sign"));
    let lines: Vec<&str> = published.split('\n').collect();
    let [method, md5, kind, date, oss_headers @ .., resource] = lines.as_slice() else { panic!("{id}") };
    let mut sent = vec![("content-md5", *md5), ("content-type", *kind), ("date", *date)];
    sent.extend(oss_headers.iter().map(|line| line.split_once(':').unwrap()));
    let (path, query) = resource.split_once('?').unwrap_or((resource, ""));
    let (bucket, key) = path[1..].split_once('/').unwrap();
    let place = Place { bucket: bucket.to_owned(), key: key.to_owned(), region: String::new() };
    let url = text(&answer["expected"], "url");
    let target = if url.is_empty() { format!("/{key}?{query}") } else { target(url).to_owned() };
    let arrived = Arrived::new(method, &target, headers(sent));
    let string = oss1::string_to_sign(&arrived, &place, date);
    report.stage(id, "string to sign", published, &string);
    let signature = oss1::signature(text(answer, "access_key_secret"), &string);
    report.stage(id, "signature", text(&answer["expected"], "signature"), &signature);
}

/// The canonical request from the parts given, then the signature from the published key or secret.
fn known_v4(report: &mut Report, answer: &Value) {
    let (id, expected, canonical) =
        (text(answer, "id"), &answer["expected"], text(answer, "canonical_request"));
    let additional =
        list(answer, "additional_headers").iter().map(|name| name.as_str().unwrap().to_owned()).collect();
    let mut lines = canonical.split('\n').skip(2);
    let query = lines.next().unwrap();
    // The signer's own headers are only in the published canonical request.
    let signed: Vec<(&str, &str)> =
        lines.take_while(|line| !line.is_empty()).filter_map(|l| l.split_once(':')).collect();
    let given = members(&answer["headers"]);
    let mut map = headers(signed);
    for (name, value) in &given {
        map.insert(http::HeaderName::try_from(name.as_str()).unwrap(), value.parse().unwrap());
    }
    let arrived = Arrived::new("PUT", &format!("/?{query}"), map);
    let date = arrived.header("x-oss-date").or_else(|| arrived.parameter("x-oss-date")).unwrap();
    let claim = oss4::Presented {
        key_id: text(answer, "access_key_id").to_owned(),
        day: date[..8].to_owned(),
        region: text(answer, "region").to_owned(),
        date,
        expires: None,
        additional,
        token: None,
        signature: String::new(),
    };
    let rebuilt = oss4::canonical_request(&arrived, &place(answer), &claim.additional);
    report.stage(id, "canonical request", canonical, &rebuilt);
    let string = oss4::string_to_sign(&claim, &rebuilt);
    if let Some(hash) = expected["canonical_request_sha256"].as_str() {
        report.stage(id, "canonical request hash", hash, string.rsplit('\n').next().unwrap());
    }
    let key = match expected["signing_key_hex"].as_str() {
        Some(hex) => {
            let byte = |i: usize| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap();
            std::array::from_fn(byte)
        }
        None => oss4::signing_key(text(answer, "access_key_secret"), &claim.day, &claim.region),
    };
    report.stage(id, "signature", text(expected, "signature"), &oss4::signature(&key, &string));
}
