//! The settings that point a function at this sandbox.

use crate::facts;
use crate::service::Service;
use crate::world::World;

/// Vendor settings of a flow; empty for an unknown one.
pub(crate) fn of(world: &World, flow: &str) -> Vec<(String, String)> {
    let alibaba = [
        ("ALIBABA_CLOUD_ACCESS_KEY_ID", facts::ALIBABA_KEY_ID.to_owned()),
        ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", facts::ALIBABA_KEY_SECRET.to_owned()),
    ];
    let url = |service| world.url(service);
    let mut lines: Vec<(&str, String)> = Vec::new();
    match flow {
        "alibaba-chatapp" => {
            lines.extend(alibaba);
            lines.extend([
                ("CAMS_ENDPOINT", url(Service::Cams)),
                ("CAMS_CUST_SPACE_ID", facts::CUST_SPACE_ID.to_owned()),
                ("OSS_ENDPOINT", url(Service::Oss)),
            ]);
        }
        "alibaba-workorder" => {
            lines.extend(alibaba);
            lines.extend([
                ("WORKORDER_ENDPOINT", url(Service::Workorder)),
                ("OSS_ENDPOINT", url(Service::Oss)),
            ]);
        }
        "tencent-lke" => lines.extend([
            ("TENCENTCLOUD_SECRET_ID", facts::TENCENT_SECRET_ID.to_owned()),
            ("TENCENTCLOUD_SECRET_KEY", facts::TENCENT_SECRET_KEY.to_owned()),
            ("LKE_ENDPOINT", url(Service::Lke)),
            ("LKE_BOT_BIZ_ID", facts::BOT_BIZ_ID.to_owned()),
            ("COS_ENDPOINT", url(Service::Cos)),
        ]),
        "alibaba-aicontent" => {
            lines.extend(alibaba);
            lines.extend([
                ("AICONTENT_ENDPOINT", url(Service::Aicontent)),
                ("AICONTENT_APP_ID", facts::AICONTENT_APP_ID.to_owned()),
                ("AICONTENT_APP_SECRET", facts::AICONTENT_APP_SECRET.to_owned()),
                ("SSAPI_ENDPOINT", url(Service::Ssapi)),
            ]);
        }
        "huawei-aicc" => lines.extend([
            ("HUAWEI_AICC_BASE_URL", url(Service::Aicc)),
            ("HUAWEI_AICC_APP_KEY", facts::AICC_APP_KEY.to_owned()),
            ("HUAWEI_AICC_APP_SECRET", facts::AICC_APP_SECRET.to_owned()),
            ("HUAWEI_AICC_CHANNEL_ID", facts::AICC_CHANNEL_ID.to_owned()),
            ("HUAWEI_AICC_LOCALE", "en_US".to_owned()),
        ]),
        _ => {}
    }
    lines.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
