//! The listeners: one per vendor service, so that an official SDK can be pointed at each as a plain endpoint.

use serde::{Deserialize, Serialize};

/// One listener of the sandbox.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// The sandbox's own interface: objects, calls, faults, settings.
    Control,
    /// Alibaba Cloud CAMS (`alibaba-chatapp`).
    Cams,
    /// Alibaba Cloud tickets (`alibaba-workorder`).
    Workorder,
    /// Tencent Cloud LKE (`tencent-lke`).
    Lke,
    /// Alibaba Cloud aicontent (`alibaba-aicontent`).
    Aicontent,
    /// The evaluation service the aicontent warrant is for.
    Ssapi,
    /// Huawei Cloud AICC (`huawei-aicc`).
    Aicc,
    /// Alibaba Cloud object storage.
    Oss,
    /// Tencent Cloud object storage.
    Cos,
}

impl Service {
    /// Every service, in the order of the fixed ports.
    pub const ALL: [Service; 9] = [
        Service::Control,
        Service::Cams,
        Service::Workorder,
        Service::Lke,
        Service::Aicontent,
        Service::Ssapi,
        Service::Aicc,
        Service::Oss,
        Service::Cos,
    ];

    /// The name used in faults, calls and logs.
    pub fn name(self) -> &'static str {
        match self {
            Service::Control => "control",
            Service::Cams => "cams",
            Service::Workorder => "workorder",
            Service::Lke => "lke",
            Service::Aicontent => "aicontent",
            Service::Ssapi => "ssapi",
            Service::Aicc => "aicc",
            Service::Oss => "oss",
            Service::Cos => "cos",
        }
    }

    /// Bodies of a store are streamed; everything else is small enough to read first.
    pub(crate) fn is_store(self) -> bool {
        matches!(self, Service::Oss | Service::Cos)
    }

    /// Services a browser talks to directly, and whose CORS setting therefore matters.
    pub(crate) fn is_browser_facing(self) -> bool {
        self.is_store() || self == Service::Ssapi
    }
}
