//! Pure readers: no function may panic, whatever it is given, and what it accepts must be sound.

use upload_grant::model::media;
use upload_grant::model::request::GrantRequest;
use upload_grant::wire::encode;
use upload_grant::wire::time::Timestamp;
use upload_grant_runtime::event::{Event, MOST_MESSAGES, classify, read_http};
use upload_grant_runtime::flow::Flow;
use upload_grant_runtime::vendor::bucket as storage;

/// What each flow takes.
const TYPES: [media::Types; 7] = [
    alibaba_aicontent::Aicontent::SPEC.types,
    alibaba_bailian::Bailian::SPEC.types,
    alibaba_chatapp::Chatapp::SPEC.types,
    alibaba_dashscope::Dashscope::SPEC.types,
    alibaba_workorder::Workorder::SPEC.types,
    huawei_aicc::Aicc::SPEC.types,
    tencent_lke::Lke::SPEC.types,
];

/// Events of every platform.
pub fn event(data: &[u8]) {
    let Ok(event) = std::str::from_utf8(data) else { return };
    if let Some(Ok(http)) = read_http(event) {
        assert!(!http.mount.ends_with('/'));
    }
    if let Ok(Event::Messages(delivery)) = classify(event) {
        assert!(delivery.messages.len() <= MOST_MESSAGES);
    }
}

/// The same, as the first byte says in several envelopes of several kinds, one in the other.
pub fn envelopes(data: &[u8]) {
    let Some((first, inner)) = data.split_first() else { return };
    let Ok(mut event) = std::str::from_utf8(inner).map(str::to_owned) else { return };
    for depth in 0..usize::from(first >> 5) {
        let text = serde_json::Value::from(event.as_str()).to_string();
        event = match (usize::from(*first) + depth) % 5 {
            0 => format!(r#"{{"specversion":"1.0","id":"1","source":"s","type":"t","data":{event}}}"#),
            1 => format!(r#"{{"Type":"Notification","MessageId":"1","TopicArn":"t","Message":{text}}}"#),
            2 => format!(r#"{{"Records":[{{"messageId":"1","eventSource":"aws:sqs","body":{text}}}]}}"#),
            3 => format!(r#"{{"version":"0","id":"1","source":"s","detail-type":"t","detail":{event}}}"#),
            _ => format!("[{event}]"),
        };
    }
    self::event(event.as_bytes());
}

/// The type table: a file's name and its declared type, divided by a line feed. What is found is the same when it is
/// asked for by its own words.
pub fn types(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (filename, declared) = text.split_once('\n').unwrap_or((text, ""));
    let declared = Some(declared).filter(|declared| !declared.is_empty());
    for types in TYPES {
        let listing = media::Listing { types: &types, patterns: None };
        let Ok(found) = media::resolve(filename, declared, &listing) else { continue };
        assert!(media::may_be(&found.content_type, filename, &found.content_type, declared));
        // The extension of what has no usual one: it says less than the type.
        if found.extension == "bin" {
            continue;
        }
        let plain = format!("a.{}", found.extension);
        let again = media::resolve(&plain, Some(&found.content_type), &listing).expect("its own words");
        assert_eq!((again.content_type, again.extension), (found.content_type.clone(), found.extension.clone()));
    }
}

/// GrantRequests, and the types of what they accept.
pub fn request(data: &[u8]) {
    let Ok(request) = GrantRequest::parse(data) else { return };
    for types in TYPES {
        let listing = media::Listing { types: &types, patterns: None };
        let Ok(found) = media::resolve(&request.filename, request.content_type.as_deref(), &listing) else { continue };
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        assert!((1..=10).contains(&found.extension.len()) && found.extension.bytes().all(plain), "{found:?}");
        assert!(!found.content_type.contains(['\r', '\n', '\0']));
    }
}

/// Percent-encoding, base64, instants, hosts and keys.
pub fn text(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut percent = String::new();
    encode::percent(&mut percent, text);
    assert!(percent.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~%".contains(&b)));
    assert_eq!(decoded(&percent), data);
    if let Some(bytes) = encode::base64_decode(text) {
        assert_eq!(encode::base64_decode(&encode::base64(&bytes)), Some(bytes));
    }
    for instant in [Timestamp::parse_rfc3339(text), Timestamp::parse_http_date(text)].into_iter().flatten() {
        assert_eq!(Timestamp::parse_rfc3339(&instant.rfc3339()), Some(instant));
    }
    let host = storage::bare_host(text, "bucket");
    if storage::is_under(&host, "aliyuncs.com") {
        assert!(host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b)), "{host}");
    }
    if storage::check_key(text, 1023).is_ok() {
        assert!(!text.starts_with('/') && !text.split('/').any(|segment| segment == ".."));
    }
}

fn decoded(percent: &str) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), percent.as_bytes());
    while let [first, tail @ ..] = rest {
        let hex = |at: usize| char::from(tail[at]).to_digit(16).expect("a hex digit") as u8;
        (rest, _) = if *first == b'%' {
            (&tail[2..], out.push(hex(0) << 4 | hex(1)))
        } else {
            (tail, out.push(*first))
        };
    }
    out
}
