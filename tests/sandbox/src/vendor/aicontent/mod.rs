//! aicontent: warrants from Alibaba Cloud's console API, and the evaluation platform that they are for.

mod class_task;
mod evaluation;
mod ssapi;
pub(crate) mod stream;
mod warrant;

use serde::{Deserialize, Serialize};

use super::{Vendor, last_segment, pop};
use crate::facts::alibaba_env;
use crate::flow::Flow;
use crate::service::Service;
use crate::settings::Switches;

/// Application id of the evaluation platform.
pub const AICONTENT_APP_ID: &str = "a0001";
/// Its secret.
pub const AICONTENT_APP_SECRET: &str = "sandbox-app-secret-aicontent-01";

pub(crate) static FLOW: Flow = Flow {
    name: "alibaba-aicontent",
    title: "Speech to be evaluated",
    vendor: "Alibaba Cloud aicontent",
    service: Service::Aicontent,
    calls: 1,
    modes: &["form", "relay"],
    params: &["user_id", "user_client_ip", "core_type", "text"],
    hint: r#"core_type ("en.sent.score"), text"#,
    file: "demo.wav",
    bytes: include_bytes!("demo.wav"),
    env: |url| {
        let own = [
            ("AICONTENT_ENDPOINT", url(Service::Aicontent)),
            ("AICONTENT_APP_ID", AICONTENT_APP_ID.to_owned()),
            ("AICONTENT_APP_SECRET", AICONTENT_APP_SECRET.to_owned()),
            ("SSAPI_ENDPOINT", url(Service::Ssapi)),
        ];
        alibaba_env().into_iter().chain(own).collect()
    },
};

pub(crate) static VENDOR: Vendor = Vendor {
    flow: Some(&FLOW),
    handle: warrant::handle,
    action: pop::action,
    switches: Switches::of::<AicontentSwitches>(),
    secrets: &["x-acs-security-token", "accesstoken", "accesswarrantid", "warrantid", "requestsign"],
    ..Vendor::PLAIN
};

/// The evaluation platform, which pages talk to.
pub(crate) static SSAPI: Vendor = Vendor {
    handle: ssapi::handle,
    action: |arrived, _| match last_segment(arrived).as_str() {
        last @ ("authorize" | "classTaskSubmit" | "classTaskQuery") => last.to_owned(),
        _ => "evaluate".to_owned(),
    },
    is_browser_facing: true,
    secrets: &["warrant_id", "warrantid", "request_sign"],
    ..Vendor::PLAIN
};

/// Spelling of CreateAccessWarrant's `data`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum AicontentShape {
    #[default]
    Pascal,
    Camel,
}

#[derive(Serialize, Deserialize)]
struct AicontentSwitches {
    aicontent_shape: AicontentShape,
    /// CreateAccessWarrant looks at `requestSign`.
    aicontent_signed: bool,
}

impl Default for AicontentSwitches {
    fn default() -> Self {
        Self { aicontent_shape: AicontentShape::default(), aicontent_signed: true }
    }
}
