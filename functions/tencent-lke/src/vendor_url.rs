//! The vendor's own presigned URL, for where it sends no usable credentials.

use upload_grant::model::grant::{Enforced, Grant, Pairs};
use upload_grant::model::problem::Problem;
use upload_grant::wire::encode;
use upload_grant::wire::time::Timestamp;
use upload_grant_runtime::flow::{Ask, Context};
use upload_grant_runtime::vendor::store_bucket;

use crate::Lke;
use crate::credential::{Place, bad};

/// The vendor's own presigned URL: it says itself what it binds.
pub(crate) fn grant(
    cx: &Context,
    ask: &Ask,
    place: &Place,
    signed: &str,
    cos_endpoint: Option<&str>,
) -> Result<Grant, Problem> {
    let (address, query) = signed.split_once('?').ok_or_else(|| bad("no signature in its URL"))?;
    let parameter = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs
            .find(|(other, _)| *other == name)
            .map(|(_, value)| value.replace("%3B", ";").replace("%3b", ";"))
    };
    let expires_at = parameter("q-sign-time")
        .and_then(|time| time.split_once(';')?.1.parse().ok())
        .map(|end| cx.vendor.by_our_clock(Timestamp::from_unix(end)))
        .filter(|end| *end > ask.now)
        .ok_or_else(|| bad("no expiry in its URL"))?;
    let host = store_bucket::authority(address);
    let path = address.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map(|(_, path)| path);
    let mut named = String::new();
    encode::percent_path(&mut named, &place.key);
    let bucket = &place.bucket;
    let (url, names_key) = if cos_endpoint.map(store_bucket::authority) == Some(host) {
        (signed.to_owned(), path.is_some_and(|path| format!("/{path}") == format!("{}/{named}", bucket.root)))
    } else if store_bucket::is_under(host, "myqcloud.com") || store_bucket::is_under(host, "tencentcos.cn") {
        let base = if bucket.root.is_empty() { format!("https://{host}") } else { bucket.base() };
        (format!("{base}/{named}?{query}"), path == Some(&*named))
    } else {
        return Err(bad("a URL that is not the vendor's"));
    };
    if !names_key {
        return Err(bad("a URL for another path"));
    }
    let limits = ask.limits(&[Enforced::Key, Enforced::Expiry]);
    let mut grant = ask.grant::<Lke>(url, place.key.clone(), expires_at, limits);
    grant.headers = Pairs::new([("Content-Type", &*ask.content_type)]);
    Ok(grant)
}
