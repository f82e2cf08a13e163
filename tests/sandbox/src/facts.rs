//! The made-up accounts, applications and buckets this sandbox knows.

pub use crate::vendor::aicc::{AICC_APP_KEY, AICC_APP_SECRET, AICC_CHANNEL_ID};
pub use crate::vendor::aicontent::{AICONTENT_APP_ID, AICONTENT_APP_SECRET};
pub use crate::vendor::bailian::{BAILIAN_BUCKET, BAILIAN_CATEGORY_ID, BAILIAN_WORKSPACE_ID};
pub use crate::vendor::cams::{CAMS_BUCKET, CAMS_REGION, CUST_SPACE_ID};
pub use crate::vendor::dashscope::{DASHSCOPE_API_KEY, DASHSCOPE_BUCKET, DASHSCOPE_MODEL};
pub use crate::vendor::lke::{BOT_BIZ_ID, LKE_BUCKET, LKE_REALTIME_BUCKET, LKE_REGION};
pub use crate::vendor::workorder::{WORKORDER_BUCKET, WORKORDER_KEY_ID};

use crate::service::Service;

/// Alibaba Cloud demo key id.
pub const ALIBABA_KEY_ID: &str = "LTAI5tSandboxDemoKey0001";
/// Alibaba Cloud demo secret.
pub const ALIBABA_KEY_SECRET: &str = "SandboxDemoSecretAlibaba000001";
/// Alibaba Cloud demo key id of a role (temporary).
pub const ALIBABA_STS_ID: &str = "STS.NSandboxDemoRole0001";
/// Its secret.
pub const ALIBABA_STS_SECRET: &str = "SandboxDemoRoleSecretAlibaba01";
/// Its security token.
pub const ALIBABA_STS_TOKEN: &str = "CAISsandbox/demo+role+token/alibaba==";

/// Tencent Cloud demo secret id.
pub const TENCENT_SECRET_ID: &str = "AKIDsandboxDemoSecretId0000000000001";
/// Tencent Cloud demo secret key.
pub const TENCENT_SECRET_KEY: &str = "SandboxDemoSecretKeyTencent00001";
/// Tencent Cloud demo secret id of a role (temporary).
pub const TENCENT_ROLE_ID: &str = "AKIDsandboxDemoRoleId000000000000001";
/// Its secret key.
pub const TENCENT_ROLE_KEY: &str = "SandboxDemoRoleKeyTencent0000001";
/// Its token.
pub const TENCENT_ROLE_TOKEN: &str = "sandbox/demo+role+token/tencent==";

/// An OSS bucket the demo key may do anything in (`cn-hangzhou`).
pub const OWN_OSS_BUCKET: &str = "own-sandbox";
/// A COS bucket the demo key may do anything in (`ap-guangzhou`).
pub const OWN_COS_BUCKET: &str = "own-sandbox-1250000000";

/// The variables with the Alibaba Cloud demo key.
pub(crate) fn alibaba_env() -> Vec<(&'static str, String)> {
    vec![
        ("ALIBABA_CLOUD_ACCESS_KEY_ID", ALIBABA_KEY_ID.to_owned()),
        ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", ALIBABA_KEY_SECRET.to_owned()),
    ]
}

/// Region of a store's bucket, if there is such a bucket.
pub(crate) fn region(store: Service, bucket: &str) -> Option<&'static str> {
    let own = [(Service::Oss, OWN_OSS_BUCKET, "cn-hangzhou"), (Service::Cos, OWN_COS_BUCKET, LKE_REGION)];
    let mut all = Service::vendors().flat_map(|vendor| vendor.buckets).chain(&own).copied();
    all.find(|(at, name, _)| *at == store && *name == bucket).map(|(_, _, region)| region)
}
