//! What the tests share: a function and the sandbox on loopback, in this process.

pub mod leaks;
pub mod pages;
pub mod platform;
pub mod process;
pub mod s3;
pub mod schema;
pub mod shared_store;
pub mod stub;
pub mod tokens;
pub mod wire;

use std::sync::Arc;

use reqwest::{Client, RequestBuilder, Response};
use serde_json::Value;
use tokio::net::TcpListener;
use upload_grant_runtime::api::router;
use upload_grant_runtime::app::App;
use upload_grant_runtime::flow::Flow;
use upload_grant_runtime::platform::Env;
use upload_grant_runtime::serve::{Connections, serve};
pub use upload_grant_sandbox::{FLOWS, Object, Sandbox, Service};

/// A secret for tickets and tokens.
pub const SECRET: &str = "a-grant-secret-of-at-least-32-bytes!";

/// A function, served on loopback as its binary would serve itself.
pub struct Function {
    /// Where it listens.
    pub url: String,
    /// A client without proxies or redirects.
    pub client: Client,
}

impl Function {
    /// Starts `F` against `sandbox` with `GRANT_AUTH=none`, a secret, and `extra` settings on top (an empty
    /// value unsets).
    ///
    /// # Panics
    /// If it cannot start.
    pub async fn start<F: Flow>(sandbox: &Sandbox, extra: &[(&str, &str)]) -> Self {
        let mut vars = sandbox.env(F::SPEC.name);
        vars.push(("GRANT_AUTH".into(), "none".into()));
        vars.push(("GRANT_SECRET".into(), SECRET.into()));
        vars.extend(extra.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Self::start_with::<F>(vars).await
    }

    /// Starts the function of that name; otherwise as [`Function::start`].
    ///
    /// # Panics
    /// If there is none, or it cannot start.
    pub async fn of(flow: &str, sandbox: &Sandbox, extra: &[(&str, &str)]) -> Self {
        macro_rules! started {
            ($($vendor:ident: $function:ty,)*) => {
                $(if flow == <$function as Flow>::SPEC.name {
                    return Self::start::<$function>(sandbox, extra).await;
                })*
            };
        }
        upload_grant_sandbox::flows!(started);
        panic!("there is no function {flow}")
    }

    /// Starts `F` with exactly these settings.
    ///
    /// # Panics
    /// If it cannot start.
    pub async fn start_with<F: Flow>(vars: Vec<(String, String)>) -> Self {
        let app: Arc<App<F>> = App::new(&mut Env::new(vars)).expect("the function starts");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(serve(listener, router(&app), Connections::default(), std::future::pending()));
        Self { url, client: client() }
    }

    /// `POST /grants`.
    ///
    /// # Panics
    /// If the function does not answer.
    pub async fn ask(&self, request: &Value) -> Answer {
        Answer::of(self.post("/grants").body(request.to_string())).await
    }

    /// A POST to `path`.
    pub fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.url)).header("content-type", "application/json")
    }

    /// A GET of `path`.
    pub fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.url))
    }
}

/// A sandbox of this test's own.
///
/// # Panics
/// If it cannot start.
pub async fn sandbox() -> Sandbox {
    Sandbox::start().await.expect("a sandbox")
}

/// The service a flow asks for its grants.
///
/// # Panics
/// If there is no such flow.
pub fn service(flow: &str) -> Service {
    let listed = FLOWS.iter().find(|one| one.name == flow);
    listed.expect("there is no such flow").service
}

/// A plain client.
///
/// # Panics
/// If it cannot be built.
pub fn client() -> Client {
    upload_grant_runtime::net::client(None).expect("a client")
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: reqwest::header::HeaderMap,
    /// Body, as text.
    pub text: String,
    /// Body, as JSON, or null.
    pub json: Value,
}

impl Answer {
    /// Sends `request` and reads the answer.
    ///
    /// # Panics
    /// If there is none.
    pub async fn of(request: RequestBuilder) -> Self {
        Self::read(request.send().await.expect("an answer")).await
    }

    /// Reads `response`.
    ///
    /// # Panics
    /// If its body breaks off.
    pub async fn read(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("a body");
        let json = serde_json::from_str(&text).unwrap_or_default();
        Self { status, headers, text, json }
    }

    /// The JSON of a 200.
    ///
    /// # Panics
    /// If it is not one.
    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text);
        self.json
    }

    /// Status and code of a problem, which is checked to be one.
    ///
    /// # Panics
    /// If it is none.
    pub fn problem(&self) -> (u16, &str) {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{}", self.text);
        let code = self.json["code"].as_str().expect("a code");
        assert_eq!(self.json["type"], format!("urn:upload-grant:problem:{code}"));
        assert_eq!(self.json["status"], self.status);
        assert_eq!(self.json["detail"], self.json["error"]);
        let retryable = self.json["retryable"].as_bool().expect("retryable");
        assert_eq!(retryable, self.json.get("retry_after").is_some(), "{}", self.text);
        assert_eq!(retryable, self.headers.contains_key("retry-after"), "{}", self.text);
        (self.status, code)
    }

    /// A header as text, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// Uploads `bytes` under `grant` as any client would.
///
/// # Panics
/// If the receiver does not answer.
pub async fn upload(grant: &Value, bytes: &[u8]) -> Answer {
    Answer::of(upload_request(grant, bytes)).await
}

/// The request that `grant` describes.
///
/// # Panics
/// If the grant is not one.
pub fn upload_request(grant: &Value, bytes: &[u8]) -> RequestBuilder {
    let method = grant["method"].as_str().and_then(|name| name.parse().ok()).expect("a method");
    let mut request = client().request(method, grant["url"].as_str().expect("a URL"));
    for (name, value) in grant["headers"].as_object().expect("headers") {
        request = request.header(name, value.as_str().expect("text"));
    }
    let Some(fields) = grant.get("fields") else { return request.body(bytes.to_vec()) };
    let mut form = reqwest::multipart::Form::new();
    for (name, value) in fields.as_object().expect("fields") {
        form = form.text(name.clone(), value.as_str().expect("text").to_owned());
    }
    let content_type = grant["limits"]["content_types"][0].as_str().expect("a type");
    let file = reqwest::multipart::Part::bytes(bytes.to_vec()).file_name("file").mime_str(content_type);
    let field = grant["file_field"].as_str().expect("a field").to_owned();
    request.multipart(form.part(field, file.expect("a media type")))
}
