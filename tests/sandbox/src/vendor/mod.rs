//! The control planes of the five vendors.

pub(crate) mod aicc;
mod aicontent;
pub(crate) mod cams;
mod evaluation;
mod lke;
mod pop;
pub(crate) mod ssapi;
mod workorder;

use crate::arrived::Arrived;
use crate::encode::pairs;
use crate::reply::Reply;
use crate::service::Service;
use crate::world::Ctx;

pub(crate) async fn handle(ctx: &Ctx<'_>, body: &bytes::Bytes) -> Reply {
    match ctx.service {
        Service::Cams => cams::handle(ctx, body),
        Service::Workorder => workorder::handle(ctx, body),
        Service::Lke => lke::handle(ctx, body),
        Service::Aicontent => aicontent::handle(ctx, body),
        Service::Ssapi => ssapi::handle(ctx, body).await,
        Service::Aicc => aicc::handle(ctx, body),
        Service::Control | Service::Oss | Service::Cos => Reply::empty(404),
    }
}

/// The action a request asks for, as counted and shown.
pub(crate) fn action(service: Service, arrived: &Arrived, body: &[u8]) -> String {
    let last = || arrived.path.rsplit('/').next().unwrap_or_default().to_owned();
    match service {
        Service::Cams | Service::Workorder | Service::Aicontent => arrived
            .header("x-acs-action")
            .or_else(|| parameters(arrived, body).into_iter().find(|(n, _)| n == "Action").map(|(_, v)| v))
            .unwrap_or_else(last),
        Service::Lke => arrived.header("x-tc-action").unwrap_or_default(),
        Service::Ssapi if last() != "authorize" => "evaluate".to_owned(),
        Service::Ssapi | Service::Aicc => last(),
        Service::Control | Service::Oss | Service::Cos => arrived.method.clone(),
    }
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
