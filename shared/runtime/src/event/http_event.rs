//! HTTP as gateways hand it to functions, and the answers they expect.

use std::net::IpAddr;

use axum::body::Body;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Uri};
use http_body_util::BodyExt as _;
use serde_json::{Map, Value, json};

use upload_grant::model::problem::Problem;
use upload_grant::wire::encode;

/// A request, and how its answer must look.
pub struct HttpEvent {
    /// The request.
    pub request: Request<Body>,
    /// The shape of the answer.
    pub shape: Shape,
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

/// The request in `event`, if it holds one.
pub(super) fn read(event: &Value) -> Option<Result<HttpEvent, Problem>> {
    let context = event.get("requestContext");
    // First, because the local emulator sets `httpMethod` too, always to GET.
    if let Some(http) = context.and_then(|context| context.get("http")) {
        return Some(version_2(event, http));
    }
    let method = event.get("httpMethod").and_then(Value::as_str)?;
    let shape = match context.and_then(|context| context.get("elb")) {
        Some(_) if event.get("multiValueHeaders").is_some_and(Value::is_object) => Shape::LoadBalancerMulti,
        Some(_) => Shape::LoadBalancer,
        None => Shape::Plain,
    };
    Some(version_1(event, method, shape))
}

/// Function URL and HTTP API, payload 2.0.
fn version_2(event: &Value, http: &Value) -> Result<HttpEvent, Problem> {
    let method = text(http, "method").unwrap_or("GET");
    let path = text(event, "rawPath").or_else(|| text(http, "path")).unwrap_or("/");
    let query = text(event, "rawQueryString").unwrap_or_default();
    let context = &event["requestContext"];
    Ok(HttpEvent {
        request: request(method, path, query, headers(event), body(event))?,
        shape: Shape::Version2,
        source: text(http, "sourceIp").and_then(|address| address.parse().ok()),
        request_id: text(context, "requestId").map(str::to_owned),
        identity: identity(context),
    })
}

/// REST API, load balancer, and the gateways of the other clouds, which look alike.
fn version_1(event: &Value, method: &str, shape: Shape) -> Result<HttpEvent, Problem> {
    let path = text(event, "path").unwrap_or("/");
    let headers = headers(event);
    let query = query(event, shape != Shape::Plain);
    let context = event.get("requestContext").cloned().unwrap_or_default();
    let source = match shape {
        Shape::Plain => {
            context.pointer("/identity/sourceIp").or_else(|| context.get("sourceIp")).and_then(Value::as_str)
        }
        // The balancer appends the address it saw; what stands before it is the client's claim.
        _ => headers
            .get("x-forwarded-for")
            .and_then(|value| value.to_str().ok()?.rsplit(',').next())
            .map(str::trim),
    };
    let source = source
        .or_else(|| headers.get("x-scf-remote-addr").and_then(|value| value.to_str().ok()))
        .and_then(|address| address.parse().ok());
    let request_id = text(&context, "requestId").map(str::to_owned);
    let identity = identity(&context);
    let request = request(method, path, &query, headers, body(event))?;
    Ok(HttpEvent { request, shape, source, request_id, identity })
}

fn request(
    method: &str,
    path: &str,
    query: &str,
    headers: HeaderMap,
    body: Bytes,
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
    let length = body.len();
    let mut request = Request::builder().method(method).uri(target).body(Body::from(body)).map_err(bad)?;
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
    for (name, value) in single.into_iter().flatten().chain(listed) {
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
    let map = |name: &str| event.get(name).and_then(Value::as_object);
    if let Some(multi) = map("multiValueQueryStringParameters") {
        for (name, values) in multi {
            for value in values.as_array().into_iter().flatten().filter_map(Value::as_str) {
                push(name, value);
            }
        }
    } else if let Some(single) = map("queryStringParameters").or_else(|| map("queryString")) {
        for (name, value) in single {
            push(name, value.as_str().unwrap_or_default());
        }
    }
    query
}

/// The body's bytes. One cloud says base64 and sends text: what does not decode is taken as it is.
fn body(event: &Value) -> Bytes {
    let Some(text) = event.get("body").and_then(Value::as_str) else { return Bytes::new() };
    let encoded = event.get("isBase64Encoded").and_then(Value::as_bool).unwrap_or(false);
    if encoded && let Ok(bytes) = STANDARD.decode(text) {
        return Bytes::from(bytes);
    }
    Bytes::copy_from_slice(text.as_bytes())
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
            assert_eq!(super::body(&event), body, "{text}");
        }
    }
}
