//! The flows: one list, which everything under `tests/` reads.

use md5::{Digest as _, Md5};
use serde::Serialize;

use crate::encode::base64;
use crate::service::Service;
use crate::vendor;

/// The one list of flows that have a function: the vendor file here, and the function's type.
///
/// `flows!(with)` expands to `with! { cams: alibaba_chatapp::Chatapp, … }`, in the order of the demo's ports.
#[macro_export]
macro_rules! flows {
    ($with:ident) => {
        $with! {
            cams: alibaba_chatapp::Chatapp,
            workorder: alibaba_workorder::Workorder,
            lke: tencent_lke::Lke,
            aicontent: alibaba_aicontent::Aicontent,
            aicc: huawei_aicc::Aicc,
            dashscope: alibaba_dashscope::Dashscope,
            bailian: alibaba_bailian::Bailian,
        }
    };
}

/// Where each service is.
pub(crate) type Urls<'a> = &'a dyn Fn(Service) -> String;

macro_rules! listed {
    ($($vendor:ident: $function:path,)*) => {
        /// Every flow that has a function.
        pub static FLOWS: &[&Flow] = &[$(&vendor::$vendor::FLOW),*];
    };
}
flows!(listed);

/// A function, the vendor that it asks, and what to try it with. In JSON (`GET /flows`) without the file's bytes.
#[derive(Serialize)]
pub struct Flow {
    /// Name of the function and of its binary.
    pub name: &'static str,
    /// What it is for, for people.
    pub title: &'static str,
    /// Whose it is, for people.
    pub vendor: &'static str,
    /// The service that it asks for its grants.
    pub service: Service,
    /// How many calls an upload takes where nothing is kept.
    pub calls: u32,
    /// The modes of its grants, the default first; form flows that the Companion facade serves among them.
    pub modes: &'static [&'static str],
    /// The parameters of its grants.
    pub params: &'static [&'static str],
    /// Those that callers may set without a policy, with an example, for people.
    pub hint: &'static str,
    /// Name of a file that its vendor takes.
    pub file: &'static str,
    /// Its content.
    #[serde(skip)]
    pub bytes: &'static [u8],
    /// The variables that point the function at this sandbox, given where its services are.
    #[serde(skip)]
    pub(crate) env: fn(Urls<'_>) -> Vec<(&'static str, String)>,
}

impl Flow {
    /// The flow of that name, also one whose function is not there yet.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        Service::vendors().filter_map(|vendor| vendor.flow).find(|flow| flow.name == name)
    }

    /// The request for a grant for its file, with the MD5 that some vendors want.
    pub fn request(&self) -> String {
        let md5 = base64(&Md5::digest(self.bytes));
        format!(r#"{{"filename":"{}","size":{},"checksums":{{"md5":"{md5}"}}}}"#, self.file, self.bytes.len())
    }
}
