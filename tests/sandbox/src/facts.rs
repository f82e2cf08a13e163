//! The made-up accounts, applications and buckets this sandbox knows.

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
/// The key the ticket service signs its forms and URLs with.
pub const WORKORDER_KEY_ID: &str = "LTAI5tSandboxTickets0001";
pub(crate) const WORKORDER_KEY_SECRET: &str = "SandboxTicketsOwnSecret0000001";

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

/// Application id of the evaluation platform.
pub const AICONTENT_APP_ID: &str = "a0001";
/// Its secret.
pub const AICONTENT_APP_SECRET: &str = "sandbox-app-secret-aicontent-01";

/// AICC `app_key`.
pub const AICC_APP_KEY: &str = "5b3a7c52-0000-4a0e-9000-5a4db0c00001";
/// AICC `app_secret`.
pub const AICC_APP_SECRET: &str = "sandbox-app-secret-aicc-0000001";
/// AICC channel ("Configuration ID").
pub const AICC_CHANNEL_ID: &str = "202611210001";

/// A customer space CAMS knows; `unknown` is the one it does not.
pub const CUST_SPACE_ID: &str = "cams-8c8e4c0d";
/// An LKE application.
pub const BOT_BIZ_ID: &str = "1779863007508561920";

/// Region of the CAMS bucket.
pub const CAMS_REGION: &str = "ap-southeast-1";
/// CAMS's bucket.
pub const CAMS_BUCKET: &str = "cams-sandbox";
/// The ticket service's bucket, in `cn-hangzhou`.
pub const WORKORDER_BUCKET: &str = "workorder-sandbox";
/// LKE's bucket for knowledge-base documents.
pub const LKE_BUCKET: &str = "lke-sandbox-1250000000";
/// LKE's bucket for chat files.
pub const LKE_REALTIME_BUCKET: &str = "lke-realtime-1250000000";
/// Region of both.
pub const LKE_REGION: &str = "ap-guangzhou";
/// An OSS bucket the demo key may do anything in (`cn-hangzhou`).
pub const OWN_OSS_BUCKET: &str = "own-sandbox";
/// A COS bucket the demo key may do anything in.
pub const OWN_COS_BUCKET: &str = "own-sandbox-1250000000";

/// Region of an OSS bucket, if there is such a bucket.
pub(crate) fn oss_region(bucket: &str) -> Option<&'static str> {
    match bucket {
        CAMS_BUCKET => Some(CAMS_REGION),
        WORKORDER_BUCKET | OWN_OSS_BUCKET => Some("cn-hangzhou"),
        _ => None,
    }
}

/// Region of a COS bucket, if there is such a bucket.
pub(crate) fn cos_region(bucket: &str) -> Option<&'static str> {
    [LKE_BUCKET, LKE_REALTIME_BUCKET, OWN_COS_BUCKET].contains(&bucket).then_some(LKE_REGION)
}
