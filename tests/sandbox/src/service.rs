//! The listeners: one per vendor service, so that an official SDK can be pointed at each as a plain endpoint.

use serde::{Deserialize, Serialize};

use crate::vendor::{self, Vendor};

/// The one list of services: variant, name, and the vendor file that answers there.
macro_rules! services {
    ($($(#[$doc:meta])* $variant:ident $name:literal $($vendor:path)?;)*) => {
        /// One listener of the sandbox.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum Service {
            $($(#[$doc])* $variant,)*
        }

        impl Service {
            /// Every service, in the order of the fixed ports.
            pub const ALL: &[Service] = &[$(Service::$variant),*];

            /// The name used in faults, calls and logs.
            pub fn name(self) -> &'static str {
                match self { $(Service::$variant => $name,)* }
            }

            /// What answers there; nothing for the stores and for control.
            pub(crate) fn vendor(self) -> Option<&'static Vendor> {
                match self { $(Service::$variant => [$(&$vendor)?].into_iter().next(),)* }
            }
        }
    };
}

services! {
    /// The sandbox's own interface: objects, calls, faults, settings.
    Control "control";
    /// Alibaba Cloud CAMS (`alibaba-chatapp`).
    Cams "cams" vendor::cams::VENDOR;
    /// Alibaba Cloud tickets (`alibaba-workorder`).
    Workorder "workorder" vendor::workorder::VENDOR;
    /// Tencent Cloud LKE (`tencent-lke`).
    Lke "lke" vendor::lke::VENDOR;
    /// Alibaba Cloud aicontent (`alibaba-aicontent`).
    Aicontent "aicontent" vendor::aicontent::VENDOR;
    /// The evaluation service the aicontent warrant is for.
    Ssapi "ssapi" vendor::aicontent::SSAPI;
    /// Huawei Cloud AICC (`huawei-aicc`).
    Aicc "aicc" vendor::aicc::VENDOR;
    /// Alibaba Cloud DashScope (`alibaba-dashscope`).
    Dashscope "dashscope" vendor::dashscope::VENDOR;
    /// Alibaba Cloud Bailian (`alibaba-bailian`).
    Bailian "bailian" vendor::bailian::VENDOR;
    /// Alibaba Cloud object storage.
    Oss "oss";
    /// Tencent Cloud object storage.
    Cos "cos";
}

impl Service {
    /// Every vendor.
    pub(crate) fn vendors() -> impl Iterator<Item = &'static Vendor> {
        Self::ALL.iter().filter_map(|service| service.vendor())
    }

    /// Bodies of a store are streamed; everything else is small enough to read first.
    pub(crate) fn is_store(self) -> bool {
        matches!(self, Service::Oss | Service::Cos)
    }

    /// Services a browser talks to directly, and whose CORS setting therefore matters.
    pub(crate) fn is_browser_facing(self) -> bool {
        self.is_store() || self.vendor().is_some_and(|vendor| vendor.is_browser_facing)
    }
}
