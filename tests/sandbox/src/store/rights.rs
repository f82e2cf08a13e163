//! Who may write here: picks the verifier by what was presented, then looks at the key's scope.

use crate::service::Service;
use crate::verify::keys::{Action, Key};
use crate::verify::policy::{Dialect, Fields, Policy, invalid, policy_text};
use crate::verify::{Place, Refused, cos, oss1, oss4};
use crate::world::Ctx;

/// Checks a PUT's signature and scope.
pub(crate) fn of_put(ctx: &Ctx<'_>, place: &Place) -> Result<(), Refused> {
    check_scope(ctx.service, &signed_by(ctx, place)?, Action::Put, place)
}

/// Checks the signature of a request without a form, and tells whose it is.
pub(crate) fn signed_by(ctx: &Ctx<'_>, place: &Place) -> Result<Key, Refused> {
    let (arrived, now) = (ctx.arrived, ctx.now);
    if ctx.service == Service::Cos {
        cos::verify(arrived, &cos::presented(arrived)?, &ctx.vendors.tencent, now)
    } else {
        let keys = &ctx.vendors.alibaba;
        let authorization = arrived.header("authorization").unwrap_or_default();
        if arrived.parameter("x-oss-signature-version").is_some() {
            oss4::verify(arrived, &oss4::presented_query(arrived)?, place, keys, now)
        } else if arrived.parameter("Signature").is_some() {
            oss1::verify(arrived, &oss1::presented_query(arrived)?, place, keys, now)
        } else if authorization.starts_with(oss4::ALGORITHM) {
            oss4::verify(arrived, &oss4::presented_header(arrived)?, place, keys, now)
        } else if authorization.is_empty() {
            let message = "You have no right to access this object because of bucket acl.";
            Err(Refused::new(403, "AccessDenied", message).ec("0003-00000001"))
        } else {
            oss1::verify(arrived, &oss1::presented_header(arrived)?, place, keys, now)
        }
    }
}

/// Checks a form's signature, policy and scope; gives back the size range its policy allows.
pub(crate) fn of_form(ctx: &Ctx<'_>, place: &Place, fields: &Fields) -> Result<Option<(u64, u64)>, Refused> {
    let now = ctx.now;
    let Some(encoded) = fields.get("policy") else {
        let message = "You have no right to access this object because of bucket acl.";
        return Err(Refused::new(403, "AccessDenied", message).ec("0003-00000001"));
    };
    let text = policy_text(encoded)?;
    let (key, dialect, mandatory): (_, _, &[&str]) = if ctx.service == Service::Cos {
        let key = cos::verify_form(fields, &text, &ctx.vendors.tencent, now)?;
        (key, Dialect::Cos, &["q-sign-algorithm", "q-ak", "q-sign-time"])
    } else if fields.get("x-oss-signature-version").is_some() {
        let key = oss4::verify_form(fields, place, &ctx.vendors.alibaba, now)?;
        (key, Dialect::Oss, &["bucket", "x-oss-signature-version", "x-oss-credential", "x-oss-date"])
    } else {
        (oss1::verify_form(fields, &ctx.vendors.alibaba, now)?, Dialect::Oss, &[])
    };
    let policy = Policy::parse(&text, dialect)?;
    if let Some(name) = mandatory.iter().find(|name| !policy.names(name)) {
        return Err(invalid(&format!("Invalid Policy: the condition {name} is missing."), "0006-00000222"));
    }
    policy.check(fields, &place.bucket, now)?;
    check_scope(ctx.service, &key, Action::Post, place)?;
    Ok(policy.range())
}

fn check_scope(service: Service, key: &Key, action: Action, place: &Place) -> Result<(), Refused> {
    if key.scope.allows(action, &place.bucket, &place.key) {
        return Ok(());
    }
    let message = match service {
        Service::Cos => "Access Denied.",
        _ => "You have no right to access this object because of the policy of your credentials.",
    };
    Err(Refused::new(403, "AccessDenied", message).ec("0003-00000015"))
}
