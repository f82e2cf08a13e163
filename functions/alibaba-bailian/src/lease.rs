//! `ApplyFileUploadLease`: request and answer, as the vendor's page has them.

use http::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::time::Instant;
use upload_grant::model::grant::OrderedMap;
use upload_grant::model::problem::Problem;
use upload_grant::wire::encode;
use upload_grant_runtime::flow::{Context, UploadRequest};
use upload_grant_runtime::platform::{Env, KeyRing};
use upload_grant_runtime::vendor::alibaba::{self, member, text};
use upload_grant_runtime::vendor::{self, Attempt, Refusal, RefusalKind, Reply, bad_answer};

use crate::file_name;
use crate::signed_url::SignedUrl;

const ACTION: &str = "ApplyFileUploadLease";
const VERSION: &str = "2023-12-29";

/// A client of Bailian.
pub(crate) struct Leases {
    pub(crate) keys: KeyRing,
    pub(crate) endpoint: String,
    oss_endpoint: Option<String>,
}

/// The right to upload one file.
pub(crate) struct Lease {
    pub(crate) id: String,
    pub(crate) method: &'static str,
    pub(crate) url: SignedUrl,
    pub(crate) headers: OrderedMap,
    pub(crate) request_id: Option<String>,
}

/// `Data` of a success. Its `Type` says nothing that `Param` does not.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Data {
    file_upload_lease_id: String,
    param: Param,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Param {
    method: String,
    url: String,
    headers: Map<String, Value>,
}

impl Leases {
    pub(crate) fn from_env(env: &mut Env) -> Self {
        Self {
            keys: alibaba::keys(env),
            endpoint: env.endpoint("BAILIAN_ENDPOINT", "https://bailian.cn-beijing.aliyuncs.com"),
            oss_endpoint: env.optional_endpoint("OSS_ENDPOINT"),
        }
    }

    /// A lease for the file that `upload` describes with its size and MD5.
    pub(crate) async fn apply(&self, cx: &Context, upload: &UploadRequest) -> Result<Lease, Problem> {
        let size = upload.size.ok_or_else(|| Problem::invalid("/size", "the vendor wants it"))?;
        let md5 = upload.checksums.md5.as_deref().and_then(encode::base64_decode);
        let md5 = md5.ok_or_else(|| Problem::invalid("/checksums/md5", "the vendor wants it"))?;
        let mut hex = String::with_capacity(32);
        encode::hex(&mut hex, &md5);
        let path = path(&[
            upload.required("workspace_id"),
            "datacenter",
            "category",
            upload.required("category_id"),
        ]);
        let body = encode::query(&[
            ("CategoryType", upload.required("category_type")),
            ("FileName", &file_name::of(&upload.filename, &upload.extension)),
            ("Md5", &hex),
            ("SizeInBytes", &size.to_string()),
        ]);
        let action = (Method::POST, ACTION, &*path);
        let (data, request_id) = self.call(cx, action, Some(&body), upload.deadline, success::<Data>).await?;
        self.read(cx, upload, data, request_id.as_deref())
    }

    /// One signed call: method, action and path, with a form as its body.
    pub(crate) async fn call<T>(
        &self,
        cx: &Context,
        (method, action, path): (Method, &str, &str),
        form: Option<&str>,
        deadline: Instant,
        read: impl Fn(&Reply) -> Result<T, Refusal>,
    ) -> Result<T, Problem> {
        let call = alibaba::Call {
            method,
            path,
            body: form.map(|form| (alibaba::FORM, form.as_bytes())),
            ..alibaba::Call::post(&self.endpoint, action, VERSION)
        };
        let sign = |attempt: &Attempt| call.sign(&self.keys.get(), attempt);
        cx.vendor.call(deadline, sign, read).await
    }

    fn read(
        &self,
        cx: &Context,
        upload: &UploadRequest,
        data: Data,
        request_id: Option<&str>,
    ) -> Result<Lease, Problem> {
        let mut url = SignedUrl::read(&data.param.url, self.oss_endpoint.as_deref())?;
        url.expires_at = cx.vendor.to_local_time(url.expires_at);
        if url.expires_at <= upload.now {
            return Err(bad_answer("an expired URL"));
        }
        let method = match &*data.param.method.to_ascii_uppercase() {
            "PUT" => "PUT",
            "POST" => "POST",
            _ => return Err(bad_answer("no usable method")),
        };
        let id = data.file_upload_lease_id;
        let request_id = vendor::request_id(request_id);
        if id.is_empty() || id.len() > 256 || id.chars().any(char::is_control) {
            return Err(bad_answer("no usable lease"));
        }
        Ok(Lease { id, method, url, headers: headers(&data.param.headers)?, request_id })
    }
}

/// The headers exactly as given, empty ones included, without those that every HTTP client sets by itself.
fn headers(given: &Map<String, Value>) -> Result<OrderedMap, Problem> {
    let mut headers = OrderedMap::default();
    for (name, value) in given {
        let value = value.as_str().filter(|value| value.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        let is_name = (1..=64).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        let Some(value) = value.filter(|_| is_name) else { return Err(bad_answer("no usable headers")) };
        if !["host", "content-length", "date"].contains(&&*name.to_ascii_lowercase()) {
            headers.push(name, value);
        }
    }
    Ok(headers)
}

/// A path of these segments, each percent-encoded.
pub(crate) fn path(segments: &[&str]) -> String {
    segments.iter().fold(String::new(), |mut path, segment| {
        path.push('/');
        encode::percent(&mut path, segment);
        path
    })
}

/// `Data` and request id of a success; a failure can come with HTTP 200.
pub(crate) fn success<T: DeserializeOwned>(reply: &Reply) -> Result<(T, Option<String>), Refusal> {
    let document = alibaba::document(reply).map_err(auth_if_not_member)?;
    let request_id = text(&document, "RequestId");
    if text(&document, "Success").is_some_and(|success| !success.eq_ignore_ascii_case("true")) {
        let code = text(&document, "Code").unwrap_or_default();
        return Err(auth_if_not_member(alibaba::refusal(reply, &code, request_id.as_deref())));
    }
    let data = member(&document, "Data").and_then(|data| T::deserialize(data).ok());
    let unusable = || Refusal::new(RefusalKind::BadResponse, reply, None, request_id.as_deref());
    data.map(|data| (data, request_id.clone())).ok_or_else(unusable)
}

/// That the key is no member of the workspace is a missing permission, whatever the HTTP status.
fn auth_if_not_member(refusal: Refusal) -> Refusal {
    let is_about_it =
        refusal.vendor.code.as_deref().is_some_and(|code| code.contains("NoWorkspacePermission"));
    if is_about_it { Refusal { kind: RefusalKind::Auth, ..refusal } } else { refusal }
}
