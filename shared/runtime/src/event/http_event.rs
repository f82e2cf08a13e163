//! HTTP as gateways hand it to functions.

use std::borrow::Cow;
use std::net::IpAddr;

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Uri};
use serde_json::{Map, Value};

use super::http_answer::Shape;
use super::lazy_json::{Members, Unreadable, each_text};
use super::mangled::{BINARY_MEDIA_TYPES, Mangled, length_differs};
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

/// Which gateway's request an event is.
#[derive(Clone, Copy)]
enum Payload {
    Version1,
    Version2,
    Lattice,
}

/// The request in `event`, if it holds one.
pub fn read(event: &str) -> Option<Result<HttpEvent, Problem>> {
    let event = Members::of(event)?;
    let context = event.object("requestContext").unwrap_or_default();
    // WebSocket events, agents and authorizers have much of a request, and are none.
    if foreign(&event, &context).is_some() {
        return None;
    }
    Some(match payload(&event, &context)? {
        Payload::Version1 => version_1(&event, &context),
        Payload::Version2 => version_2(&event, &context),
        Payload::Lattice => lattice(&event, &context),
    })
}

/// Which gateway's, by what only that has.
fn payload(event: &Members<'_>, context: &Members<'_>) -> Option<Payload> {
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
fn version_2(event: &Members<'_>, context: &Members<'_>) -> Result<HttpEvent, Problem> {
    let http = context.object("http").unwrap_or_default();
    let method = text(&http, "method")?;
    let path = text(event, "rawPath")?.map_or_else(|| text(&http, "path"), |path| Ok(Some(path)))?;
    let query = text(event, "rawQueryString")?.unwrap_or_default();
    let headers = headers(event)?;
    let body = body(event, "isBase64Encoded", declared_length(&headers).is_some())?;
    let request = request(method.as_deref(), path.as_deref(), &query, headers, body)?;
    Ok(HttpEvent {
        request,
        shape: Shape::Version2,
        mount: String::new(),
        source: text(&http, "sourceIp")?.and_then(|address| address.parse().ok()),
        request_id: text(context, "requestId")?.map(Cow::into_owned),
        identity: identity(context)?,
    })
}

/// REST API, load balancer, and the gateways of the other clouds, which look alike.
fn version_1(event: &Members<'_>, context: &Members<'_>) -> Result<HttpEvent, Problem> {
    let shape = match context.get("elb") {
        Some(_) if event.get("multiValueHeaders").is_some_and(|json| json.starts_with('{')) => {
            Shape::LoadBalancerMulti
        }
        Some(_) => Shape::LoadBalancer,
        None => Shape::Plain,
    };
    let path = text(event, "path")?.unwrap_or(Cow::Borrowed("/"));
    let headers = headers(event)?;
    let query = query(event, shape != Shape::Plain)?;
    let named = match shape {
        Shape::Plain => {
            let identity = context.object("identity").unwrap_or_default();
            let named = text(&identity, "sourceIp")?;
            if named.is_some() { named } else { text(context, "sourceIp")? }
        }
        // The balancer appends the address it saw; what stands before it is the client's claim.
        _ => last_forwarded(&headers).map(Cow::Borrowed),
    };
    let source = named
        .as_deref()
        .or_else(|| headers.get("x-scf-remote-addr").and_then(|value| value.to_str().ok()))
        .and_then(|address| address.parse().ok());
    let mount = mount(&path, &text(context, "path")?.unwrap_or_default());
    // REST APIs hand over the body whole, without the header.
    let length = shape == Shape::Plain || declared_length(&headers).is_some();
    let body = body(event, "isBase64Encoded", length)?;
    let request = request(text(event, "httpMethod")?.as_deref(), Some(&path), &query, headers, body)?;
    let request_id = text(context, "requestId")?.map(Cow::into_owned);
    Ok(HttpEvent { request, shape, mount, source, request_id, identity: identity(context)? })
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
fn lattice(event: &Members<'_>, context: &Members<'_>) -> Result<HttpEvent, Problem> {
    let first = event.get("raw_path").is_some();
    let (path, encoded) = if first { ("raw_path", "is_base64_encoded") } else { ("path", "isBase64Encoded") };
    // What the client sent, still encoded: in the path of the first version, in a map of both.
    let path = text(event, path)?.unwrap_or(Cow::Borrowed("/"));
    let (path, in_path) = split_query(&path);
    let in_map = query(event, true)?;
    let query = if in_path.is_empty() { &in_map } else { in_path };
    let headers = headers(event)?;
    let named = text(&context.object("identity").unwrap_or_default(), "principal")?.is_some();
    let identity = if named { object(context, "identity")? } else { None };
    let identity = identity.map(|mut identity| {
        let arn = identity["principal"].clone();
        identity.entry("userArn").or_insert(arn);
        identity
    });
    let source = last_forwarded(&headers).and_then(|address| address.parse().ok());
    let method = text(event, "method")?;
    // Its page promises no header but its own.
    let body = body(event, encoded, true)?;
    let request = request(method.as_deref(), Some(path), query, headers, body)?;
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
    method: Option<&str>,
    path: Option<&str>,
    query: &str,
    headers: HeaderMap,
    body: Received,
) -> Result<Request<Body>, Problem> {
    let (method, path) = (method.unwrap_or("GET"), path.unwrap_or("/"));
    let mark = if query.is_empty() { "" } else { "?" };
    let uri = Uri::try_from([path, mark, query].concat()).ok().filter(|uri| uri.path() == path);
    let uri = uri.map_or_else(
        || {
            let mut target = String::new();
            encode::percent_path(&mut target, path); // some gateways decode the path
            Uri::try_from(target + mark + query).map_err(|_| unreadable(Unreadable))
        },
        Ok,
    )?;
    let method = Method::from_bytes(method.as_bytes())
        .map_err(|_| Problem::invalid("", "the event's method is not one"))?;
    // Written again where a gateway put blanks around it.
    let is_there = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok())
        == Some(body.bytes.len());
    let length = (body.length && !is_there).then(|| HeaderValue::from(body.bytes.len()));
    let mangled = mangled(&headers, &body);
    let bytes = Body::from(body.bytes);
    let mut request = Request::new(bytes);
    (*request.method_mut(), *request.uri_mut()) = (method, uri);
    if let Some(mangled) = mangled {
        request.extensions_mut().insert(mangled);
    }
    *request.headers_mut() = headers;
    if let Some(length) = length {
        request.headers_mut().insert(CONTENT_LENGTH, length);
    }
    Ok(request)
}

/// Both header maps; names in any case, values perhaps in lists (VPC Lattice has them in the one map).
fn headers(event: &Members<'_>) -> Result<HeaderMap, Problem> {
    let mut headers = HeaderMap::with_capacity(24);
    for map in ["headers", "multiValueHeaders"] {
        let Some(map) = event.get(map) else { continue };
        let insert = |name: &str, value: Option<&str>| {
            let name = HeaderName::from_bytes(name.as_bytes());
            if let (Ok(name), Some(Ok(value))) = (name, value.map(HeaderValue::from_str)) {
                headers.insert(name, value);
            }
        };
        each_text(map, insert).map_err(unreadable)?;
    }
    Ok(headers)
}

/// The query string of a payload that has it as maps; a load balancer leaves the values encoded.
fn query(event: &Members<'_>, encoded: bool) -> Result<String, Problem> {
    let mut query = String::new();
    let push = |name: &str, value: Option<&str>| {
        let value = value.unwrap_or_default();
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
    let map = names.iter().find_map(|name| event.get(name).filter(|json| json.starts_with('{')));
    each_text(map.unwrap_or_default(), push).map_err(unreadable)?;
    Ok(query)
}

/// A body as the gateway handed it over.
struct Received {
    bytes: Bytes,
    /// Whether it came as text.
    text: bool,
    /// Whether the client said how long it is, or the gateway keeps what it said to itself.
    length: bool,
}

/// The body's bytes. One cloud says base64 and sends text: what does not decode is taken as it is.
fn body(event: &Members<'_>, encoded: &str, length: bool) -> Result<Received, Problem> {
    let text = text(event, "body")?.unwrap_or_default();
    if event.is_true(encoded)
        && let Ok(bytes) = STANDARD.decode(&*text)
    {
        return Ok(Received { bytes: Bytes::from(bytes), text: false, length });
    }
    Ok(Received { bytes: Bytes::from(text.into_owned()), text: true, length })
}

/// How long the client said the body is.
pub(crate) fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

/// Whether the gateway changed the body: it has another length than its client said, or, where that said none,
/// characters that stand for bytes which are no text.
fn mangled(headers: &HeaderMap, body: &Received) -> Option<Mangled> {
    // A gateway may take a content encoding off, and the length is that of what it took it from.
    let declared = declared_length(headers).filter(|_| !headers.contains_key(CONTENT_ENCODING));
    let arrived = body.bytes.len() as u64;
    match declared {
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
fn identity(context: &Members<'_>) -> Result<Option<Map<String, Value>>, Problem> {
    if let Some(mut authorizer) = object(context, "authorizer")? {
        for path in [&["jwt", "claims"][..], &["iam"], &["lambda"], &["claims"]] {
            if let Some(found) = filled(&mut authorizer, path) {
                return Ok(Some(found));
            }
        }
        // What is left is a Lambda authorizer's own: `lambda` itself where that allows without saying more.
        for said_nothing in ["integrationLatency", "jwt", "iam", "claims"] {
            authorizer.shift_remove(said_nothing);
        }
        return Ok(Some(authorizer).filter(|flat| !flat.is_empty()));
    }
    let user = text(&context.object("identity").unwrap_or_default(), "userArn")?;
    if user.is_some() { object(context, "identity") } else { Ok(None) }
}

/// The object at the end of `path`, taken out, if it has members.
fn filled(object: &mut Map<String, Value>, path: &[&str]) -> Option<Map<String, Value>> {
    let (name, rest) = path.split_first()?;
    match object.get_mut(*name)? {
        Value::Object(inner) if rest.is_empty() => Some(std::mem::take(inner)).filter(|map| !map.is_empty()),
        Value::Object(inner) => filled(inner, rest),
        _ => None,
    }
}

/// A member that is an object, read as a whole.
fn object(members: &Members<'_>, name: &str) -> Result<Option<Map<String, Value>>, Problem> {
    let json = members.get(name).filter(|json| json.starts_with('{'));
    json.map(|json| serde_json::from_str(json).map_err(|_| unreadable(Unreadable))).transpose()
}

fn text<'a>(members: &Members<'a>, name: &str) -> Result<Option<Cow<'a, str>>, Problem> {
    members.borrowed(name).map_err(unreadable)
}

fn unreadable(_: Unreadable) -> Problem {
    Problem::invalid("", "the event's request cannot be read")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
            let context = json!({ "authorizer": authorizer }).to_string();
            let identity = identity(&Members::of(&context).unwrap()).unwrap();
            assert_eq!(identity.is_some(), known, "{context}");
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

    #[test]
    fn a_body_is_base64_where_the_event_says_so() {
        for (text, encoded, body) in
            [("AP8=", true, &b"\x00\xff"[..]), ("AP8=", false, b"AP8="), ("{}", true, b"{}")]
        {
            let event = json!({ "body": text, "isBase64Encoded": encoded }).to_string();
            let event = Members::of(&event).unwrap();
            assert_eq!(super::body(&event, "isBase64Encoded", true).unwrap().bytes, body, "{text}");
        }
    }
}
