//! Which bucket and key a request addresses: by host name, or by path on loopback.

use crate::arrived::Arrived;
use crate::encode::unpercent;
use crate::facts;
use crate::service::Service;
use crate::verify::{Place, Refused};

pub(crate) fn place(service: Service, arrived: &Arrived) -> Result<Place, Refused> {
    let host = arrived.host();
    let name = host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name);
    let path = arrived.path.strip_prefix('/').unwrap_or(&arrived.path);
    let is_address =
        name == "localhost" || name.starts_with('[') || name.parse::<std::net::Ipv4Addr>().is_ok();
    let by_path = path.split_once('/').unwrap_or((path, ""));
    let (bucket, key) = match name.split_once('.') {
        _ if is_address => by_path,
        // To an address in path style, ali-oss under Node names the bucket in the Host header all the same.
        Some((bucket, _)) if bucket == by_path.0 => by_path,
        Some((bucket, _)) => (bucket, path),
        None => (name, path),
    };
    let bucket = unpercent(bucket);
    let region = facts::region(service, &bucket).ok_or_else(|| {
        Refused::new(404, "NoSuchBucket", "The specified bucket does not exist.")
            .with("BucketName", bucket.clone())
    })?;
    Ok(Place { bucket, key: unpercent(key), region: region.to_owned() })
}

/// The limits of an object key.
pub(crate) fn check_key(service: Service, key: &str) -> Result<(), Refused> {
    let longest = if service == Service::Oss { 1023 } else { 850 };
    let forbidden = |byte: u8| byte < 0x20 || byte == 0x7f;
    let legal = !key.is_empty() && !key.starts_with(['/', '\\']) && !key.bytes().any(forbidden);
    if service == Service::Cos && key.len() > longest {
        return Err(Refused::new(400, "KeyTooLong", "Your key is too long."));
    }
    if !legal || key.len() > longest {
        let message = "The specified object is not valid.";
        return Err(Refused::new(400, "InvalidObjectName", message)
            .ec("0016-00000002")
            .with("ObjectName", key));
    }
    Ok(())
}
