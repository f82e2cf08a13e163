//! The three calls, as they go out.

use bytes::Bytes;
use serde_json::{Value, json};
use upload_grant::wire::secret::Secret;
use upload_grant_runtime::platform::{Env, KeyRing};
use upload_grant_runtime::vendor::Outgoing;

const JSON: &str = "application/json; charset=UTF-8";

/// A client of AICC.
pub struct Api {
    pub(crate) base: String,
    pub(crate) auth_base: String,
    /// `app_key` and `app_secret`.
    pub(crate) app: KeyRing,
    tenant_space_id: Option<String>,
}

impl Api {
    pub(crate) fn from_env(env: &mut Env) -> Self {
        let base = env.endpoint("HUAWEI_AICC_BASE_URL", "");
        Self {
            auth_base: env.endpoint("HUAWEI_AICC_AUTH_BASE_URL", &base),
            base,
            app: env.key_pair("HUAWEI_AICC_APP_KEY", "HUAWEI_AICC_APP_SECRET"),
            tenant_space_id: env.get("HUAWEI_AICC_TENANT_SPACE_ID"),
        }
    }

    /// `tokenByAkSk`: the app's bearer, for that long.
    pub(crate) fn token_by_ak_sk(&self, lifetime_secs: i64) -> Outgoing {
        let app = self.app.get();
        let body = json!({ "app_key": app.id, "app_secret": app.secret.expose() });
        Outgoing {
            method: http::Method::POST,
            url: format!("{}/apigovernance/api/oauth/tokenByAkSk", self.auth_base),
            headers: vec![
                ("content-type", "application/json".into()),
                ("x-token-expire", lifetime_secs.to_string()),
            ],
            body: Bytes::from(body.to_string()),
        }
    }

    /// `applyToken`: a user's session.
    pub(crate) fn apply_token(&self, bearer: &Secret, body: &Value) -> Outgoing {
        self.call("applyToken", bearer, Bytes::from(body.to_string()))
    }

    /// `uploadFileStream`: the file.
    pub(crate) fn upload(&self, bearer: &Secret, session: &Secret, document: &Bytes) -> Outgoing {
        let mut call = self.call("uploadFileStream", bearer, document.clone());
        call.headers.push(("ccmessaging-token", session.expose().to_owned()));
        call
    }

    fn call(&self, action: &str, bearer: &Secret, body: Bytes) -> Outgoing {
        let mut headers = vec![
            ("x-app-key", self.app.get().id.clone()),
            ("authorization", format!("Bearer {}", bearer.expose())),
            ("content-type", JSON.to_owned()),
        ];
        headers.extend(self.tenant_space_id.iter().map(|id| ("x-tenantspaceid", id.clone())));
        Outgoing {
            method: http::Method::POST,
            url: format!("{}/apiaccess/ccmessaging/{action}", self.base),
            headers,
            body,
        }
    }
}
