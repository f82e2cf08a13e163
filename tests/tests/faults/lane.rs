//! Lanes: which service answers wrongly, on the way of which request.

use serde_json::{Value, json};
use upload_grant_tests::{Sandbox, Service};

/// One flow's way to one service.
pub struct Lane {
    pub name: &'static str,
    pub flow: &'static str,
    pub service: Service,
    /// The action, where the service has several.
    pub action: Option<&'static str>,
    /// The setting that says where the service is.
    pub endpoint: &'static str,
    pub env: &'static [(&'static str, &'static str)],
    pub filename: &'static str,
    /// Shown by uploading through the relay instead of by asking.
    pub relay: bool,
    /// Whether the vendor wants size and MD5 when asked.
    pub checksums: bool,
}

const fn lane(name: &'static str, flow: &'static str, service: Service, endpoint: &'static str) -> Lane {
    Lane {
        name,
        flow,
        service,
        action: None,
        endpoint,
        env: &[],
        filename: "a.pdf",
        relay: false,
        checksums: false,
    }
}

const SUCCESSOR: &[(&str, &str)] = &[("WORKORDER_API", "2021-06-10")];
const DIRECT: &[(&str, &str)] = &[("AICONTENT_TRANSPORT", "ssapi")];

pub const LANES: &[Lane] = &[
    Lane {
        filename: "a.md",
        checksums: true,
        ..lane("bailian", "alibaba-bailian", Service::Bailian, "BAILIAN_ENDPOINT")
    },
    Lane {
        relay: true,
        filename: "a.md",
        ..lane("oss-bailian", "alibaba-bailian", Service::Oss, "OSS_ENDPOINT")
    },
    lane("dashscope", "alibaba-dashscope", Service::Dashscope, "DASHSCOPE_ENDPOINT"),
    Lane { relay: true, ..lane("oss-dashscope", "alibaba-dashscope", Service::Oss, "OSS_ENDPOINT") },
    lane("chatapp", "alibaba-chatapp", Service::Cams, "CAMS_ENDPOINT"),
    lane("workorder", "alibaba-workorder", Service::Workorder, "WORKORDER_ENDPOINT"),
    Lane {
        env: SUCCESSOR,
        ..lane("workorder-2021", "alibaba-workorder", Service::Workorder, "WORKORDER_ENDPOINT")
    },
    lane("lke", "tencent-lke", Service::Lke, "LKE_ENDPOINT"),
    Lane {
        filename: "a.wav",
        ..lane("aicontent", "alibaba-aicontent", Service::Aicontent, "AICONTENT_ENDPOINT")
    },
    Lane {
        filename: "a.wav",
        env: DIRECT,
        action: Some("authorize"),
        ..lane("ssapi", "alibaba-aicontent", Service::Ssapi, "SSAPI_ENDPOINT")
    },
    aicc("aicc-token", "tokenByAkSk", "HUAWEI_AICC_AUTH_BASE_URL"),
    aicc("aicc-apply", "applyToken", "HUAWEI_AICC_BASE_URL"),
    aicc("aicc-upload", "uploadFileStream", "HUAWEI_AICC_BASE_URL"),
    Lane { relay: true, ..lane("oss-form", "alibaba-chatapp", Service::Oss, "OSS_ENDPOINT") },
    Lane { relay: true, ..lane("oss-workorder", "alibaba-workorder", Service::Oss, "OSS_ENDPOINT") },
    Lane {
        relay: true,
        env: SUCCESSOR,
        ..lane("oss-url", "alibaba-workorder", Service::Oss, "OSS_ENDPOINT")
    },
    Lane { relay: true, ..lane("cos", "tencent-lke", Service::Cos, "COS_ENDPOINT") },
    Lane {
        relay: true,
        filename: "a.wav",
        action: Some("evaluate"),
        ..lane("evaluation", "alibaba-aicontent", Service::Ssapi, "SSAPI_ENDPOINT")
    },
];

const fn aicc(name: &'static str, action: &'static str, endpoint: &'static str) -> Lane {
    let bare = lane(name, "huawei-aicc", Service::Aicc, endpoint);
    Lane { relay: true, action: Some(action), filename: "a.jpg", ..bare }
}

impl Lane {
    /// The lane of that name.
    pub fn of(name: &str) -> &'static Lane {
        LANES.iter().find(|lane| lane.name == name).unwrap_or_else(|| panic!("there is no lane {name}"))
    }

    /// Calls that reached the service.
    pub fn calls(&self, sandbox: &Sandbox) -> u64 {
        match self.action {
            Some(action) => sandbox.action_calls(self.service, action),
            None => sandbox.calls(self.service),
        }
    }

    /// `fault`, aimed at this lane.
    pub fn aim(&self, fault: &Value) -> Value {
        let mut fault = fault.clone();
        fault["target"] = json!(self.service);
        match self.action {
            // Evaluations have the core type as their path.
            Some("evaluate") => fault["path_contains"] = "/en.".into(),
            Some(action) => fault["path_contains"] = action.into(),
            None => {}
        }
        fault
    }

    /// An address of the service at which nobody answers.
    pub fn nowhere(&self, sandbox: &Sandbox, how: &str) -> String {
        match how {
            "refused" => "http://127.0.0.1:1".to_owned(),
            "dns" => "https://nowhere.invalid".to_owned(),
            // It speaks, but no TLS.
            _ => sandbox.url(self.service).replace("http://", "https://"),
        }
    }
}
