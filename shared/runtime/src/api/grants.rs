//! `POST /grants` and its Uppy Companion facade.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use upload_grant::model::batch::Asked;
use upload_grant::model::problem::{Code, Problem};
use upload_grant::model::request::{GrantRequest, MAX_BODY};

use super::address::{public_base, source};
use super::path::Prefix;
use super::{DOCUMENT_TIME, Rejection, json_response, read_document};
use crate::app::{App, RequestOrigin};
use crate::flow::{Flow, Param};

pub(super) async fn grants<F: Flow>(
    State(app): State<Arc<App<F>>>,
    Extension(prefix): Extension<Prefix>,
    mut origin: RequestOrigin,
    request: Request<Body>,
) -> Result<Response, Rejection> {
    origin.is_page = request.headers().contains_key(header::ORIGIN);
    let caller = app.caller(request.headers(), origin.identity.take()).await?;
    let _place = app.capacity.place()?;
    let granted = app.granted(&caller)?;
    let (head, body) = request.into_parts();
    let room = app.capacity.body(caller.share())?;
    let body = read_document(&head.headers, body, MAX_BODY, DOCUMENT_TIME).await?;
    drop(room);
    let base = || public_base(&app, &origin, &head.headers, &head.uri, &prefix);
    let source = source(&app, &origin, &head.headers);
    Ok(no_store(match Asked::parse(&body)? {
        Asked::One(asked) => json_response(&app.grant(&asked, &granted, source, &origin, base).await?),
        Asked::Files(files) => json_response(&app.grants(files, &granted, source, &origin, base).await),
    }))
}

/// `GET /s3/params` as Uppy Companion answers it, for flows with forms.
pub(super) async fn s3_params<F: Flow>(
    State(app): State<Arc<App<F>>>,
    mut origin: RequestOrigin,
    request: Request<Body>,
) -> Result<Response, Rejection> {
    let caller = app.caller(request.headers(), origin.identity.take()).await?;
    let _place = app.capacity.place()?;
    let granted = app.granted(&caller)?;
    if !app.has_companion() {
        return Err(Rejection::new(
            Code::InvalidRequest,
            "this flow has no forms for Uppy: use POST /grants",
        ));
    }
    let asked = companion_request(request.uri().query().unwrap_or_default(), F::SPEC.params)?;
    let source = source(&app, &origin, request.headers());
    let grant = app.grant(&asked, &granted, source, &origin, || Ok(String::new())).await?;
    Ok(no_store(json_response(&json!({
        "method": grant.method, "url": grant.url, "fields": grant.fields, "headers": grant.headers,
        "expires": grant.expires, "key": grant.key,
    }))))
}

/// `?filename=&type=&metadata[k]=` as a request in form mode; metadata that is no parameter is Uppy's own.
fn companion_request(query: &str, flow_params: &[Param]) -> Result<GrantRequest, Problem> {
    let pairs: HashMap<_, _> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let mut document = json!({ "mode": "form", "params": {} });
    for (from, to) in [("filename", "filename"), ("type", "content_type")] {
        if let Some(value) = pairs.get(from) {
            document[to] = value.as_str().into();
        }
    }
    for name in flow_params.iter().map(|param| param.name) {
        if let Some(value) = pairs.get(&format!("metadata[{name}]")) {
            document["params"][name] = match value.as_str() {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                text => text.into(),
            };
        }
    }
    GrantRequest::from_value(&document)
}

pub(super) fn no_store(response: Response) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], response).into_response()
}
