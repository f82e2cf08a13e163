//! The evaluation service behind aicontent: `request_sign`, an MD5 over sorted parameters.
//!
//! <https://help.aliyun.com/document_detail/2865622.html> describes it for `/auth/authorize`; that `requestSign` of
//! aicontent is the same is inferred.

use md5::{Digest, Md5};

use crate::wire::encode::{decimal, digest_hex};
use crate::wire::secret::Secret;
use crate::wire::time::Timestamp;

/// What is signed.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// `appid`
    pub app_id: &'a str,
    /// `user_id`
    pub user_id: &'a str,
    /// `user_client_ip`
    pub user_client_ip: &'a str,
}

/// Step 1: the names in order, the values raw. It begins with the secret: never show it.
pub fn sign_string(secret: &Secret, request: &Request<'_>, at: Timestamp, put: &mut impl FnMut(&str)) {
    let pairs = [
        ("app_secret=", secret.expose()),
        ("&appid=", request.app_id),
        ("&timestamp=", &*decimal(at.unix())),
        ("&user_client_ip=", request.user_client_ip),
        ("&user_id=", request.user_id),
    ];
    for (name, value) in pairs {
        put(name);
        put(value);
    }
}

/// Step 2: lower-case hex of its MD5. There is no key to keep: the secret is part of the text.
pub fn sign(secret: &Secret, request: &Request<'_>, at: Timestamp) -> String {
    let mut hash = Md5::new();
    sign_string(secret, request, at, &mut |part| hash.update(part));
    digest_hex(&hash.finalize()).to_string()
}
