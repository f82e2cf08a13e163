//! No key or secret prints itself.

use upload_grant::sign::{acs3, cos, oss4, rpc_v1, tc3};
use upload_grant::wire::secret::Secret;
use upload_grant::wire::time::Timestamp;

use super::hex;

/// Keys and secrets say nothing about themselves.
#[test]
fn nothing_prints() {
    let (secret, at) = (Secret::from("TopSecretValue"), Timestamp::from_unix(0));
    let text = format!(
        "{secret:?} {:?} {:?} {:?} {:?} {:?}",
        acs3::key(&secret),
        rpc_v1::key(&secret),
        tc3::key(&secret, "lke", at),
        oss4::key(&secret, "cn-hangzhou", at),
        cos::key(&secret, at, at),
    );
    let (sign_key, raw) = (cos::sign_key(&secret, "0;0"), oss4::signing_key(&secret, "cn-hangzhou", at));
    for private in ["TopSecret", sign_key.expose(), &hex(&*raw), &format!("{:?}", &raw[..4])] {
        assert!(!text.contains(private.trim_matches(['[', ']'])), "{text}");
    }
    println!("{text}");
}
