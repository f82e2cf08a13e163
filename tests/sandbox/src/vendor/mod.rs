//! The vendors, a file or folder each, which says all about it: what answers, what the flow is, its keys, buckets,
//! switches and secrets.

pub(crate) mod aicc;
pub(crate) mod aicontent;
pub(crate) mod bailian;
pub(crate) mod cams;
pub(crate) mod dashscope;
pub(crate) mod lke;
mod pop;
mod presigned;
pub(crate) mod workorder;

use bytes::Bytes;

use crate::arrived::Arrived;
use crate::encode::pairs;
use crate::flow::Flow;
use crate::reply::Reply;
use crate::service::Service;
use crate::settings::Switches;
use crate::verify::keys::Key;
use crate::world::Ctx;

/// What a vendor file says about a service.
pub(crate) struct Vendor {
    /// The flow that asks here for its grants.
    pub(crate) flow: Option<&'static Flow>,
    /// Answers a request.
    pub(crate) handle: fn(&Ctx<'_>, &Bytes) -> Reply,
    /// The action that a request asks for, as counted and shown.
    pub(crate) action: fn(&Arrived, &[u8]) -> String,
    /// Whether pages talk to it.
    pub(crate) is_browser_facing: bool,
    /// Its buckets: the store, the name, the region.
    pub(crate) buckets: &'static [(Service, &'static str, &'static str)],
    /// Keys of its own at Alibaba Cloud's stores.
    pub(crate) keys: fn() -> Vec<Key>,
    /// Switches of its behaviour.
    pub(crate) switches: Switches,
    /// Names of members, parameters and headers whose values are secrets, in lower case.
    pub(crate) secrets: &'static [&'static str],
}

impl Vendor {
    /// What most of them have in common.
    pub(crate) const PLAIN: Vendor = Vendor {
        flow: None,
        handle: |_, _| Reply::empty(404),
        action: |arrived, _| last_segment(arrived),
        is_browser_facing: false,
        buckets: &[],
        keys: Vec::new,
        switches: Switches::NONE,
        secrets: &[],
    };
}

/// The action that a request asks a service for; a store's are its methods.
pub(crate) fn action(service: Service, arrived: &Arrived, body: &[u8]) -> String {
    service.vendor().map_or_else(|| arrived.method.clone(), |vendor| (vendor.action)(arrived, body))
}

pub(crate) fn last_segment(arrived: &Arrived) -> String {
    arrived.path.rsplit('/').next().unwrap_or_default().to_owned()
}

/// Query and form parameters together, as RPC calls mix them.
pub(crate) fn parameters(arrived: &Arrived, body: &[u8]) -> Vec<(String, String)> {
    let mut all = arrived.pairs();
    let kind = arrived.header("content-type").unwrap_or_default();
    if kind.starts_with("application/x-www-form-urlencoded") {
        all.extend(pairs(&String::from_utf8_lossy(body)));
    }
    all
}
