//! The vendor's APIs, and one signed call to either of them.

use bytes::Bytes;
use serde_json::Value;
use tokio::time::Instant;
use upload_grant::model::problem::Problem;
use upload_grant::sign::tc3;
use upload_grant::wire::secret::Secret;
use upload_grant_runtime::flow::Context;
use upload_grant_runtime::platform::{Env, KeyNames, KeyRing};
use upload_grant_runtime::vendor::bucket;
use upload_grant_runtime::vendor::{Attempt, Outgoing, Refusal, Reply};

/// The two APIs that know `DescribeStorageCredential`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    /// Service `lke`, which also has the knowledge base.
    Lke20231130,
    /// Service `adp`, to which the vendor's own client has moved.
    Adp20260520,
}

impl Api {
    const ALL: [Self; 2] = [Self::Lke20231130, Self::Adp20260520];

    pub(crate) const fn service(self) -> &'static str {
        match self {
            Self::Lke20231130 => "lke",
            Self::Adp20260520 => "adp",
        }
    }

    pub(crate) const fn version(self) -> &'static str {
        match self {
            Self::Lke20231130 => "2023-11-30",
            Self::Adp20260520 => "2026-05-20",
        }
    }

    /// The request's member for the application.
    pub(crate) const fn application(self) -> &'static str {
        match self {
            Self::Lke20231130 => "BotBizId",
            Self::Adp20260520 => "AppId",
        }
    }

    const fn default_endpoint(self) -> &'static str {
        match self {
            Self::Lke20231130 => "https://lke.intl.tencentcloudapi.com",
            Self::Adp20260520 => "https://adp.intl.tencentcloudapi.com",
        }
    }

    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Lke20231130 => Self::Adp20260520,
            Self::Adp20260520 => Self::Lke20231130,
        }
    }

    /// Where this API is at the site of `endpoint`: both hosts differ in their first label only. An endpoint that
    /// names neither service, as on loopback, serves both.
    pub(crate) fn endpoint_at(self, endpoint: &str) -> String {
        let [from, to] = [self.other(), self].map(|api| format!("https://{}.", api.service()));
        match endpoint.strip_prefix(&from) {
            Some(site) => format!("{to}{site}"),
            // The vendor's host for one kind of account, which knows the newer API only.
            None if endpoint == "https://capi.adp.tencent.com" => format!("{to}tencentcloudapi.com"),
            None => endpoint.to_owned(),
        }
    }
}

/// A client of the vendor's gateway.
pub(crate) struct Gateway {
    pub(crate) keys: KeyRing,
    pub(crate) api: Api,
    pub(crate) endpoint: String,
    region: Option<String>,
}

/// Which call it is, and where it goes.
pub(crate) struct Action<'a> {
    pub(crate) endpoint: &'a str,
    pub(crate) api: Api,
    pub(crate) name: &'static str,
}

impl Gateway {
    pub(crate) fn from_env(env: &mut Env) -> Self {
        let version = env.choice("LKE_API", &Api::ALL.map(Api::version));
        let api = if version == Api::Adp20260520.version() { Api::Adp20260520 } else { Api::Lke20231130 };
        let region = env.get("LKE_REGION").unwrap_or_else(|| "ap-jakarta".into());
        Self {
            keys: keys(env),
            api,
            endpoint: env.endpoint("LKE_ENDPOINT", api.default_endpoint()),
            region: Some(region).filter(|region| region != "none"),
        }
    }

    /// Makes the call with this body, and reads the answer.
    pub(crate) async fn call<T>(
        &self,
        cx: &Context,
        action: &Action<'_>,
        body: &Value,
        deadline: Instant,
        read: impl Fn(&Reply) -> Result<T, Refusal>,
    ) -> Result<T, Problem> {
        let body = Bytes::from(body.to_string());
        cx.vendor.call(deadline, |attempt| self.sign(attempt, action, &body), read).await
    }

    fn sign(&self, attempt: &Attempt, action: &Action<'_>, body: &Bytes) -> Outgoing {
        let keys = self.keys.get();
        let call = tc3::Call {
            host: bucket::authority(action.endpoint),
            action: action.name,
            version: action.api.version(),
            region: self.region.as_deref(),
            language: Some("en-US"),
            body,
            secret_id: &keys.id,
            token: keys.token.as_ref().map(Secret::expose),
        };
        let key = tc3::key(&keys.secret, action.api.service(), attempt.at);
        Outgoing {
            method: http::Method::POST,
            url: format!("{}/", action.endpoint),
            headers: tc3::headers(&key, &call, attempt.at),
            body: body.clone(),
        }
    }
}

fn keys(env: &mut Env) -> KeyRing {
    let sets = [
        KeyNames {
            id: "TENCENT_SECRET_ID",
            secret: "TENCENT_SECRET_KEY",
            token: &["TENCENT_TOKEN", "TENCENT_SECRET_TOKEN"],
        },
        // What SCF injects for the function's role.
        KeyNames {
            id: "TENCENTCLOUD_SECRETID",
            secret: "TENCENTCLOUD_SECRETKEY",
            token: &["TENCENTCLOUD_SESSIONTOKEN"],
        },
        KeyNames {
            id: "TENCENTCLOUD_SECRET_ID",
            secret: "TENCENTCLOUD_SECRET_KEY",
            token: &["TENCENTCLOUD_TOKEN"],
        },
    ];
    env.key_ring(sets, "TENCENTCLOUD_RUNENV", "TENCENTCLOUD_SECRETID")
}

#[cfg(test)]
mod tests {
    use super::Api;

    #[test]
    fn the_other_api_is_at_the_same_site() {
        for (api, endpoint, there) in [
            (
                Api::Adp20260520,
                "https://lke.intl.tencentcloudapi.com",
                "https://adp.intl.tencentcloudapi.com",
            ),
            (Api::Lke20231130, "https://adp.tencentcloudapi.com", "https://lke.tencentcloudapi.com"),
            (Api::Lke20231130, "https://lke.tencentcloudapi.com", "https://lke.tencentcloudapi.com"),
            (Api::Lke20231130, "https://capi.adp.tencent.com", "https://lke.tencentcloudapi.com"),
            (Api::Adp20260520, "http://127.0.0.1:1", "http://127.0.0.1:1"),
        ] {
            assert_eq!(api.endpoint_at(endpoint), there);
        }
    }
}
