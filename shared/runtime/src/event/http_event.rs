//! HTTP as gateways hand it to functions, and the answers they expect.

use std::net::IpAddr;

use axum::body::Body;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Uri};
use http_body_util::BodyExt as _;
use serde_json::{Map, Value, json};

use super::changed::{BINARY_MEDIA_TYPES, Mangled, length_differs};
use super::members::Members;
use super::messages::foreign;
use upload_grant::model::problem::{Code, Problem};
use upload_grant::wire::encode;

/// U+FFFD in UTF-8.
const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();

/// A request, and how its answer must look.
pub struct HttpEvent {
    /// The request.
    pub request: Request<Body>,
    /// The shape of the answer.
    pub shape: Shape,
    /// What the gateway cut off the path: the stage of a REST API, or nothing.
    pub mount: String,
    /// The client's address, where the gateway tells it.
    pub source: Option<IpAddr>,
    /// The gateway's id of the request.
    pub request_id: Option<String>,
    /// Claims of the gateway's authorizer.
    pub identity: Option<Map<String, Value>>,
}

/// How a gateway wants its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `{statusCode, headers, body, isBase64Encoded}`: everywhere but behind a load balancer.
    Plain,
    /// The same with `cookies`, for payload 2.0: `cargo lambda watch` takes no answer without.
    Version2,
    /// The same with `statusDescription`, for a load balancer.
    LoadBalancer,
    /// `multiValueHeaders` instead of `headers`: a load balancer with that switched on takes nothing else.
    LoadBalancerMulti,
}

/// Which gateway's request an event is.
#[derive(Clone, Copy)]
enum Payload {
    Version1,
    Version2,
    Lattice,
}

/// The request in `event`, if it holds one.
pub fn read(event: &str) -> Option<Result<HttpEvent, Problem>> {
    let payload = payload(&Members::of(event)?)?;
    let Ok(event) = serde_json::from_str::<Value>(event) else {
        return Some(Err(Problem::invalid("", "the event's request cannot be read")));
    };
    Some(match payload {
        Payload::Version1 => version_1(&event),
        Payload::Version2 => version_2(&event, &event["requestContext"]["http"]),
        Payload::Lattice => lattice(&event),
    })
}

/// WebSocket events, agents and authorizers have much of a request, and are none.
fn payload(event: &Members<'_>) -> Option<Payload> {
    if foreign(event).is_some() {
        return None;
    }
    let context = event.object("requestContext").unwrap_or_default();
    // First, because the local emulator sets `httpMethod` too, always to GET.
    if context.get("http").is_some() {
        return Some(Payload::Version2);
    }
    if event.text("httpMethod").is_some() {
        return Some(Payload::Version1);
    }
    event.text("method")?;
    let is_lattice = event.text("raw_path").is_some()
        || (event.text("path").is_some() && context.text("serviceNetworkArn").is_some());
    is_lattice.then_some(Payload::Lattice)
}

/// Function URL and HTTP API, payload 2.0.
fn version_2(event: &Value, http: &Value) -> Result<HttpEvent, Problem> {
    let method = text(http, "method").unwrap_or("GET");
    let path = text(event, "rawPath").or_else(|| text(http, "path")).unwrap_or("/");
    let query = text(event, "rawQueryString").unwrap_or_default();
    let context = &event["requestContext"];
    Ok(HttpEvent {
        request: request(method, path, query, headers(event), body(event, "isBase64Encoded"))?,
        shape: Shape::Version2,
        mount: String::new(),
        source: text(http, "sourceIp").and_then(|address| address.parse().ok()),
        request_id: text(context, "requestId").map(str::to_owned),
        identity: identity(context),
    })
}

/// REST API, load balancer, and the gateways of the other clouds, which look alike.
fn version_1(event: &Value) -> Result<HttpEvent, Problem> {
    let method = text(event, "httpMethod").unwrap_or("GET");
    let shape = match event.pointer("/requestContext/elb") {
        Some(_) if event.get("multiValueHeaders").is_some_and(Value::is_object) => Shape::LoadBalancerMulti,
        Some(_) => Shape::LoadBalancer,
        None => Shape::Plain,
    };
    let path = text(event, "path").unwrap_or("/");
    let headers = headers(event);
    let query = query(event, shape != Shape::Plain);
    let context = event.get("requestContext").cloned().unwrap_or_default();
    let source = match shape {
        Shape::Plain => {
            context.pointer("/identity/sourceIp").or_else(|| context.get("sourceIp")).and_then(Value::as_str)
        }
        // The balancer appends the address it saw; what stands before it is the client's claim.
        _ => last_forwarded(&headers),
    };
    let source = source
        .or_else(|| headers.get("x-scf-remote-addr").and_then(|value| value.to_str().ok()))
        .and_then(|address| address.parse().ok());
    let request_id = text(&context, "requestId").map(str::to_owned);
    let identity = identity(&context);
    let mount = mount(path, text(&context, "path").unwrap_or_default());
    let request = request(method, path, &query, headers, body(event, "isBase64Encoded"))?;
    Ok(HttpEvent { request, shape, mount, source, request_id, identity })
}

/// What stands before `path` in the `whole` path, which keeps the stage, or the base path of a custom domain.
fn mount(path: &str, whole: &str) -> String {
    let rest = whole.trim_end_matches('/').strip_suffix(path.trim_end_matches('/')).unwrap_or_default();
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-._~".contains(&b);
    let is_mount = rest.starts_with('/') && !rest.ends_with('/') && rest.bytes().all(plain);
    if is_mount { rest.to_owned() } else { String::new() }
}

/// VPC Lattice: version 2.0, whose headers are lists, and the first one, whose names have underscores.
///
/// <https://docs.aws.amazon.com/vpc-lattice/latest/ug/lambda-functions.html>
fn lattice(event: &Value) -> Result<HttpEvent, Problem> {
    let first = event.get("raw_path").is_some();
    let (path, encoded) = if first { ("raw_path", "is_base64_encoded") } else { ("path", "isBase64Encoded") };
    // What the client sent, still encoded: in the path of the first version, in a map of both.
    let (path, in_path) = split_query(text(event, path).unwrap_or("/"));
    let in_map = query(event, true);
    let query = if in_path.is_empty() { &in_map } else { in_path };
    let headers = headers(event);
    let context = event.get("requestContext").unwrap_or(&Value::Null);
    let identity = context.get("identity").filter(|identity| text(identity, "principal").is_some());
    let identity = identity.and_then(Value::as_object).map(|identity| {
        let mut identity = identity.clone();
        let arn = identity["principal"].clone();
        identity.entry("userArn").or_insert(arn);
        identity
    });
    let method = text(event, "method").unwrap_or("GET");
    let source = last_forwarded(&headers).and_then(|address| address.parse().ok());
    let request = request(method, path, query, headers, body(event, encoded))?;
    Ok(HttpEvent { request, shape: Shape::Plain, mount: String::new(), source, request_id: None, identity })
}

fn split_query(path: &str) -> (&str, &str) {
    path.split_once('?').unwrap_or((path, ""))
}

/// The address that the gateway itself saw: it is the last one.
fn last_forwarded(headers: &HeaderMap) -> Option<&str> {
    headers.get("x-forwarded-for").and_then(|value| value.to_str().ok()?.rsplit(',').next()).map(str::trim)
}

fn request(
    method: &str,
    path: &str,
    query: &str,
    headers: HeaderMap,
    body: Received,
) -> Result<Request<Body>, Problem> {
    let bad = |_| Problem::invalid("", "the event's request cannot be read");
    let mut target = String::new();
    if path.parse::<Uri>().is_ok_and(|uri| uri.path() == path) {
        target.push_str(path);
    } else {
        encode::percent_path(&mut target, path); // some gateways decode the path
    }
    if !query.is_empty() {
        target.push('?');
        target.push_str(query);
    }
    let method = Method::from_bytes(method.as_bytes())
        .map_err(|_| Problem::invalid("", "the event's method is not one"))?;
    let length = body.bytes.len();
    let mangled = mangled(&headers, &body);
    let bytes = Body::from(body.bytes);
    let mut request = Request::builder().method(method).uri(target).body(bytes).map_err(bad)?;
    if let Some(mangled) = mangled {
        request.extensions_mut().insert(mangled);
    }
    *request.headers_mut() = headers;
    request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    Ok(request)
}

/// Both header maps; names in any case, values perhaps in lists.
fn headers(event: &Value) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let single = event.get("headers").and_then(Value::as_object);
    let multi = event.get("multiValueHeaders").and_then(Value::as_object);
    let listed = multi
        .into_iter()
        .flatten()
        .flat_map(|(name, values)| values.as_array().into_iter().flatten().map(move |value| (name, value)));
    // VPC Lattice has lists in the one map.
    let single = single.into_iter().flatten().flat_map(|(name, value)| match value.as_array() {
        Some(values) => values.iter().map(move |value| (name, value)).collect::<Vec<_>>(),
        None => vec![(name, value)],
    });
    for (name, value) in single.chain(listed) {
        let name = HeaderName::from_bytes(name.to_ascii_lowercase().as_bytes());
        let value = value.as_str().map(HeaderValue::from_str);
        if let (Ok(name), Some(Ok(value))) = (name, value) {
            headers.insert(name, value);
        }
    }
    headers
}

/// The query string of a payload that has it as maps; a load balancer leaves the values encoded.
fn query(event: &Value, encoded: bool) -> String {
    let mut query = String::new();
    let mut push = |name: &str, value: &str| {
        if !query.is_empty() {
            query.push('&');
        }
        if encoded {
            query.push_str(name);
            query.push('=');
            query.push_str(value);
        } else {
            encode::percent(&mut query, name);
            query.push('=');
            encode::percent(&mut query, value);
        }
    };
    let names = [
        "multiValueQueryStringParameters",
        "queryStringParameters",
        "queryString",
        "query_string_parameters",
    ];
    let map = names.iter().find_map(|name| event.get(name).and_then(Value::as_object));
    for (name, value) in map.into_iter().flatten() {
        match value.as_array() {
            Some(values) => values.iter().filter_map(Value::as_str).for_each(|value| push(name, value)),
            None => push(name, value.as_str().unwrap_or_default()),
        }
    }
    query
}

/// A body as the gateway handed it over.
struct Received {
    bytes: Bytes,
    /// Whether it came as text.
    text: bool,
}

/// The body's bytes. One cloud says base64 and sends text: what does not decode is taken as it is.
fn body(event: &Value, encoded: &str) -> Received {
    let text = event.get("body").and_then(Value::as_str).unwrap_or_default();
    let encoded = event.get(encoded).and_then(Value::as_bool).unwrap_or(false);
    if encoded && let Ok(bytes) = STANDARD.decode(text) {
        return Received { bytes: Bytes::from(bytes), text: false };
    }
    Received { bytes: Bytes::copy_from_slice(text.as_bytes()), text: true }
}

/// Whether the gateway changed the body: it has another length than its client said, or, where that said none,
/// characters that stand for bytes which are no text.
fn mangled(headers: &HeaderMap, body: &Received) -> Option<Mangled> {
    let header = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    // A gateway may take a content encoding off, and the length is that of what it took it from.
    let declared = header(CONTENT_LENGTH).filter(|_| header(CONTENT_ENCODING).is_none());
    let arrived = body.bytes.len() as u64;
    match declared.and_then(|length| length.trim().parse::<u64>().ok()) {
        Some(declared) if declared != arrived => {
            Some(Mangled(length_differs(Code::InvalidRequest, declared, arrived)))
        }
        None if body.text && body.bytes.windows(REPLACEMENT.len()).any(|bytes| bytes == REPLACEMENT) => {
            let detail = format!("the body was made text on the way: {BINARY_MEDIA_TYPES}");
            Some(Mangled(Problem::new(Code::InvalidRequest, detail)))
        }
        _ => None,
    }
}

/// What the gateway's authorizer established: JWT claims, an IAM identity, or a function's own context.
fn identity(context: &Value) -> Option<Map<String, Value>> {
    let filled =
        |value: Option<&Value>| value.and_then(Value::as_object).filter(|map| !map.is_empty()).cloned();
    if let Some(authorizer) = context.get("authorizer").filter(|authorizer| authorizer.is_object()) {
        for kind in ["/jwt/claims", "/iam", "/lambda", "/claims"] {
            if let Some(found) = filled(authorizer.pointer(kind)) {
                return Some(found);
            }
        }
        // What is left is a Lambda authorizer's own: `lambda` itself where that allows without saying more.
        let mut flat = authorizer.as_object().cloned()?;
        for said_nothing in ["integrationLatency", "jwt", "iam", "claims"] {
            flat.remove(said_nothing);
        }
        return Some(flat).filter(|flat| !flat.is_empty());
    }
    let identity = context.get("identity")?;
    text(identity, "userArn")?;
    filled(Some(identity))
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

impl Shape {
    /// Whether a load balancer wants the answer.
    pub fn is_load_balancer(self) -> bool {
        matches!(self, Self::LoadBalancer | Self::LoadBalancerMulti)
    }

    /// `response` as the gateway wants it.
    pub async fn answer(self, response: Response) -> Value {
        let status = response.status();
        let mut headers = Map::new();
        for (name, value) in response.headers() {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            // Two headers of one name become one, as gateways would join them.
            let joined = match headers.get(name.as_str()).and_then(Value::as_str) {
                Some(first) => format!("{first}, {value}"),
                None => value,
            };
            headers.insert(name.as_str().to_owned(), joined.into());
        }
        headers.remove(CONTENT_LENGTH.as_str());
        let bytes =
            response.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let (body, encoded) = match std::str::from_utf8(&bytes) {
            Ok(text) => (text.to_owned(), false),
            Err(_) => (STANDARD.encode(&bytes), true),
        };
        let mut answer = json!({ "statusCode": status.as_u16(), "body": body, "isBase64Encoded": encoded });
        if self == Self::LoadBalancerMulti {
            let lists = headers.into_iter().map(|(name, value)| (name, json!([value])));
            answer["multiValueHeaders"] = Value::Object(lists.collect());
        } else {
            answer["headers"] = Value::Object(headers);
        }
        if self == Self::Version2 {
            answer["cookies"] = json!([]);
        }
        if self.is_load_balancer() {
            let reason = status.canonical_reason().unwrap_or("Unknown");
            answer["statusDescription"] = format!("{} {reason}", status.as_u16()).into();
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authorizer_that_names_nobody_is_none() {
        for (authorizer, known) in [
            (json!({ "jwt": { "claims": { "sub": "ann" } } }), true),
            (json!({ "iam": { "userArn": "arn:aws:iam::1:user/a" } }), true),
            (json!({ "lambda": null }), true),
            (json!({ "principalId": "p", "integrationLatency": 7 }), true),
            (json!({}), false),
            (json!({ "integrationLatency": 7 }), false),
            (json!({ "iam": null }), false),
            (json!({ "jwt": {} }), false),
            (json!({ "jwt": { "claims": {}, "scopes": null } }), false),
            (json!({ "claims": {} }), false),
        ] {
            let context = json!({ "authorizer": authorizer });
            assert_eq!(identity(&context).is_some(), known, "{context}");
        }
    }

    #[test]
    fn a_stage_is_what_the_path_lacks() {
        for (path, whole, mount) in [
            ("/tencent-lke/grants", "/prod/tencent-lke/grants", "/prod"),
            ("/", "/prod/", "/prod"),
            ("/", "/prod", "/prod"),
            ("/grants", "/grants", ""),
            ("/base/grants", "/base/grants", ""),
            ("/base/grants", "/grants", ""),
            ("/grants", "/a/b/grants", "/a/b"),
            ("/grants", "", ""),
            ("/grants", "/prodgrants", ""),
            ("/grants", "//evil.example/grants", "//evil.example"),
            ("/grants", "/a b/grants", ""),
        ] {
            assert_eq!(super::mount(path, whole), mount, "{path} {whole}");
        }
    }

    #[tokio::test]
    async fn bodies_are_base64_exactly_when_they_are_no_text() {
        for (body, text, encoded) in [(&b"text"[..], "text", false), (b"\x00\xff", "AP8=", true)] {
            let answer = Shape::Plain.answer(Response::new(Body::from(body))).await;
            assert_eq!((&answer["body"], &answer["isBase64Encoded"]), (&json!(text), &json!(encoded)));
        }
        for (text, encoded, body) in
            [("AP8=", true, &b"\x00\xff"[..]), ("AP8=", false, b"AP8="), ("{}", true, b"{}")]
        {
            let event = json!({ "body": text, "isBase64Encoded": encoded });
            assert_eq!(super::body(&event, "isBase64Encoded").bytes, body, "{text}");
        }
    }
}
