//! Opening a job's source.

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt as _};
use rusty_s3::{Bucket, Credentials, S3Action as _, UrlStyle};
use url::Url;

use crate::event::length_differs;
use crate::net::aws;
use crate::net::guard::{Hosts, NotPublic, Reach};
use crate::platform::{Env, Keys};
use upload_grant::model::problem::{Code, Problem};

/// How many redirects of a source are followed; every hop is checked.
const MAX_REDIRECTS: usize = 3;
/// How long the signature on a read of our own bucket lasts.
const S3_EXPIRY: std::time::Duration = std::time::Duration::from_secs(900);

/// Where a job's bytes are.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// Behind a URL.
    Url(Url),
    /// In the message.
    Bytes(Bytes),
    /// In a bucket of the function's own account.
    S3 {
        /// Bucket name.
        bucket: String,
        /// Object key, decoded.
        key: String,
        /// Version, where the bucket keeps them.
        version_id: Option<String>,
    },
}

/// Where jobs may take their bytes from.
pub struct Sources {
    hosts: Hosts,
    buckets: Vec<String>,
    /// Resolves no private address.
    public: reqwest::Client,
    /// For what the operator listed to the port, and for S3.
    listed: reqwest::Client,
    s3: Option<S3>,
}

struct S3 {
    endpoint: Url,
    style: UrlStyle,
    region: String,
    keys: Keys,
}

/// An open source.
pub(crate) struct Opened {
    /// Number of bytes.
    pub(crate) length: u64,
    /// The bytes.
    pub(crate) stream: BoxStream<'static, Result<Bytes, Problem>>,
    /// The source's content type, where it has one.
    pub(crate) content_type: Option<String>,
}

impl Sources {
    /// Reads `GRANT_SOURCE_HOSTS`, `GRANT_SOURCE_BUCKETS` and, with buckets, the role's own keys.
    pub fn from_env(env: &mut Env, listed: reqwest::Client, public: reqwest::Client) -> Self {
        let buckets = env.list("GRANT_SOURCE_BUCKETS").unwrap_or_default();
        Self {
            hosts: Hosts::new(&env.list("GRANT_SOURCE_HOSTS").unwrap_or_default()),
            s3: if buckets.is_empty() { None } else { S3::from_env(env) },
            buckets,
            public,
            listed,
        }
    }

    /// Opens `source`, whose length must be known: from the answer, else as `declared`.
    pub(crate) async fn open(&self, source: &Source, declared: Option<u64>) -> Result<Opened, Problem> {
        match source {
            Source::Bytes(bytes) => {
                let bytes = bytes.clone();
                let length = bytes.len() as u64;
                Ok(Opened {
                    length,
                    stream: stream::once(async move { Ok(bytes) }).boxed(),
                    content_type: None,
                })
            }
            Source::Url(url) => opened(self.get(url.clone()).await?, declared),
            Source::S3 { bucket, key, version_id } => {
                let url = self.sign(bucket, key, version_id.as_deref())?;
                opened(self.listed.get(url).send().await.map_err(|error| failed(&error))?, declared)
            }
        }
    }

    async fn get(&self, mut url: Url) -> Result<reqwest::Response, Problem> {
        for _ in 0..=MAX_REDIRECTS {
            let client = match self.hosts.reach(&url) {
                Some(Reach::Public) => &self.public,
                Some(Reach::Listed) => &self.listed,
                None => return Err(refused("the source's address is not in GRANT_SOURCE_HOSTS")),
            };
            let response = client.get(url.clone()).send().await.map_err(|error| failed(&error))?;
            if !response.status().is_redirection() {
                return Ok(response);
            }
            let location = response.headers().get("location").and_then(|value| value.to_str().ok());
            url = location
                .and_then(|location| url.join(location).ok())
                .ok_or_else(|| refused("the source redirects to no address"))?;
        }
        Err(refused("the source redirects too often"))
    }

    fn sign(&self, bucket: &str, key: &str, version_id: Option<&str>) -> Result<Url, Problem> {
        let s3 = self.s3.as_ref().filter(|_| self.buckets.iter().any(|listed| listed == bucket));
        let s3 = s3.ok_or_else(|| refused("the source's bucket is not in GRANT_SOURCE_BUCKETS"))?;
        // A URL has no way to say these: `..` and a slash in front would lead into another bucket.
        if key.starts_with('/') || key.split('/').any(|segment| matches!(segment, "." | "..")) {
            return Err(refused("the source's key is no path inside of its bucket"));
        }
        let bucket = Bucket::new(s3.endpoint.clone(), s3.style, bucket.to_owned(), s3.region.clone())
            .map_err(|_| refused("the source's bucket has no address"))?;
        let (id, secret) = (s3.keys.id.as_str(), s3.keys.secret.expose());
        let credentials = match &s3.keys.token {
            Some(token) => Credentials::new_with_token(id, secret, token.expose()),
            None => Credentials::new(id, secret),
        };
        let mut action = bucket.get_object(Some(&credentials), key);
        if let Some(version_id) = version_id {
            action.query_mut().insert("versionId", version_id);
        }
        Ok(action.sign(S3_EXPIRY))
    }
}

impl S3 {
    fn from_env(env: &mut Env) -> Option<Self> {
        let keys = env.keys([aws::KEYS]);
        let region = env
            .get("AWS_REGION")
            .or_else(|| env.get("AWS_DEFAULT_REGION"))
            .unwrap_or_else(|| "us-east-1".into());
        let custom = env.optional_endpoint("AWS_ENDPOINT_URL_S3");
        let style = if custom.is_some() { UrlStyle::Path } else { UrlStyle::VirtualHost };
        let endpoint = custom.unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"));
        Some(Self { endpoint: Url::parse(&endpoint).ok()?, style, region, keys })
    }
}

fn opened(response: reqwest::Response, declared: Option<u64>) -> Result<Opened, Problem> {
    let status = response.status().as_u16();
    if status != 200 {
        let retryable = status >= 500 || status == 429;
        let detail = format!("the source answered with status {status}");
        return Err(Problem::new(Code::SourceFailed, detail).retryable(retryable));
    }
    if response.headers().get("content-encoding").is_some_and(|coding| coding != "identity") {
        return Err(refused("the source sends the file in a content encoding"));
    }
    let text = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    let content_type = text("content-type").map(str::to_owned);
    let announced = text("content-length").and_then(|value| value.parse().ok());
    let length = announced.or(declared).ok_or_else(|| {
        Problem::new(Code::SourceFailed, "the source does not tell its length, nor does the job")
    })?;
    let stream = response.bytes_stream().map(|chunk| chunk.map_err(|error| failed(&error)));
    // HTTP enforces the length that the source announces; nothing enforces the job's.
    let stream = if announced.is_some() { stream.boxed() } else { exactly(stream.boxed(), length).boxed() };
    Ok(Opened { length, stream, content_type })
}

/// `stream`, whose last chunk is let through only if it ends after `length` bytes.
fn exactly(
    stream: BoxStream<'static, Result<Bytes, Problem>>,
    length: u64,
) -> impl Stream<Item = Result<Bytes, Problem>> + Send {
    stream::unfold(Some((stream, 0, None)), move |state| async move {
        let (mut stream, mut arrived, mut held) = state?;
        loop {
            match stream.next().await {
                Some(Ok(chunk)) if chunk.is_empty() => {}
                Some(Ok(chunk)) => {
                    arrived += chunk.len() as u64;
                    if arrived > length {
                        return Some((Err(length_differs(Code::ChecksumMismatch, length, arrived)), None));
                    }
                    if let Some(ready) = held.replace(chunk) {
                        return Some((Ok(ready), Some((stream, arrived, held))));
                    }
                }
                Some(Err(problem)) => return Some((Err(problem), None)),
                None if arrived < length => {
                    return Some((Err(length_differs(Code::ChecksumMismatch, length, arrived)), None));
                }
                None => return held.take().map(|last| (Ok(last), None)),
            }
        }
    })
}

fn refused(detail: &str) -> Problem {
    Problem::new(Code::SourceRefused, detail)
}

fn failed(error: &reqwest::Error) -> Problem {
    use std::error::Error as _;
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.is::<NotPublic>() {
            return refused("the source's name leads into a private network");
        }
        cause = error.source();
    }
    Problem::new(Code::SourceFailed, "the source could not be read").retryable(true)
}
