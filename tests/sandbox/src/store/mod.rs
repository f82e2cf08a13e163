//! The two object stores: addressing, reading, writing by PUT and by form, in OSS's and COS's words.

pub(crate) mod cors;
mod document;
mod fetch;
mod form;
mod locate;
mod put;
mod rights;
mod write;

use hyper::body::Incoming;
use serde::{Deserialize, Serialize};

use crate::body::drain;
use crate::reply::Reply;
use crate::service::Service;
use crate::settings;
use crate::verify::Refused;
use crate::world::Ctx;

/// CORS of the stores and of what else pages talk to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum StoreCors {
    #[default]
    On,
    Off,
    HiddenEtag,
}

#[derive(Default, Serialize, Deserialize)]
#[allow(clippy::struct_field_names, reason = "names in the one document of all switches")]
pub(crate) struct Switches {
    pub(crate) store_cors: StoreCors,
    /// Objects are read with a signature only.
    store_private: bool,
    /// The buckets keep versions, and so ignore forbid-overwrite.
    store_versioned: bool,
}

pub(crate) const SWITCHES: settings::Switches = settings::Switches::of::<Switches>();

/// Where secrets are in what the stores are sent.
pub(crate) const SECRETS: &[&str] =
    &["signature", "x-oss-signature", "x-oss-security-token", "q-signature", "x-cos-security-token"];

pub(crate) async fn handle(ctx: &Ctx<'_>, body: Incoming) -> Reply {
    let place = match locate::place(ctx.service, ctx.arrived) {
        Ok(place) => place,
        Err(refused) => {
            drain(ctx.arrived, body).await;
            return document::error(ctx, &refused);
        }
    };
    let result = match ctx.arrived.method.as_str() {
        "GET" | "HEAD" => fetch::handle(ctx, &place),
        "PUT" => put::handle(ctx, &place, body).await,
        "POST" if place.key.is_empty() => form::handle(ctx, &place, body).await,
        _ => {
            drain(ctx.arrived, body).await;
            Err(Refused::new(
                405,
                "MethodNotAllowed",
                "The specified method is not allowed against this resource.",
            ))
        }
    };
    result.unwrap_or_else(|refused| document::error(ctx, &refused))
}

/// `oss` or `cos`: the first part of the names of either store's own headers.
pub(crate) fn prefix(service: Service) -> &'static str {
    if service == Service::Oss { "x-oss-" } else { "x-cos-" }
}
