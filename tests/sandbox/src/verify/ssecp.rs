//! `request_sign` of the evaluation platform (SSECP): an MD5 over sorted, raw pairs.

use crate::encode::md5_hex;

/// The fields under the sign.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// `appid`.
    pub app_id: &'a str,
    /// `timestamp`, 10 digits.
    pub timestamp: &'a str,
    /// `user_client_ip`.
    pub user_client_ip: &'a str,
    /// `user_id`.
    pub user_id: &'a str,
}

/// The text the MD5 runs over; values are not encoded.
pub fn sign_string(app_secret: &str, claim: Claim<'_>) -> String {
    let Claim { app_id, timestamp, user_client_ip, user_id } = claim;
    format!(
        "app_secret={app_secret}&appid={app_id}&timestamp={timestamp}&user_client_ip={user_client_ip}&user_id={user_id}"
    )
}

/// `request_sign`.
pub fn request_sign(sign_string: &str) -> String {
    md5_hex(sign_string.as_bytes())
}
