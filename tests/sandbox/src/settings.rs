//! Switches of the vendors' behaviour.

use serde::{Deserialize, Serialize};

use crate::facts::CAMS_REGION;

/// CORS of the stores and of ssapi.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum StoreCors {
    #[default]
    On,
    Off,
    HiddenEtag,
}

/// Whether LKE answers with ready URLs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LkeUploadUrl {
    #[default]
    None,
    WithCredentials,
    Only,
}

/// Spelling of CreateAccessWarrant's `data`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AicontentShape {
    #[default]
    Pascal,
    Camel,
}

/// What CAMS's `Expire` is; its documents say a duration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum CamsExpire {
    #[default]
    Duration,
    Seconds,
    Milliseconds,
}

/// All switches. `POST /settings` changes the ones it names.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(crate) struct Settings {
    pub(crate) store_cors: StoreCors,
    /// Objects are read with a signature only.
    pub(crate) store_private: bool,
    /// The buckets keep versions, and so ignore forbid-overwrite.
    pub(crate) store_versioned: bool,
    /// `EndPoint` as CAMS writes it.
    pub(crate) cams_endpoint: String,
    pub(crate) cams_expire: CamsExpire,
    pub(crate) quota: bool,
    pub(crate) quota_rps: u32,
    pub(crate) lke_upload_url: LkeUploadUrl,
    /// Upload keys may PostObject too.
    pub(crate) lke_post_object: bool,
    pub(crate) aicontent_shape: AicontentShape,
    /// CreateAccessWarrant looks at `requestSign`.
    pub(crate) aicontent_signed: bool,
    pub(crate) aicc_old_types: bool,
    pub(crate) aicc_rotate: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            store_cors: StoreCors::default(),
            store_private: false,
            store_versioned: false,
            cams_endpoint: format!("https://oss-{CAMS_REGION}.aliyuncs.com"),
            cams_expire: CamsExpire::default(),
            quota: false,
            quota_rps: 5,
            lke_upload_url: LkeUploadUrl::default(),
            lke_post_object: false,
            aicontent_shape: AicontentShape::default(),
            aicontent_signed: true,
            aicc_old_types: false,
            aicc_rotate: false,
        }
    }
}

impl Settings {
    /// These settings with the named ones replaced.
    pub(crate) fn merged(&self, change: &serde_json::Value) -> Result<Self, serde_json::Error> {
        let mut json = serde_json::to_value(self)?;
        let change: serde_json::Map<String, serde_json::Value> = serde_json::from_value(change.clone())?;
        if let Some(object) = json.as_object_mut() {
            object.extend(change);
        }
        serde_json::from_value(json)
    }
}
