//! The evaluation service's `requestSign`.

use upload_grant::sign::ssecp;
use upload_grant::wire::time::Timestamp;

use super::{Vector, collect, vectors};

#[test]
fn ssecp() {
    let all = vectors("ssecp_request_sign", "vectors", None);
    for vector in &all {
        let v = Vector::of(vector);
        let (secret, at) = (v.secret("/app_secret"), v.text("/timestamp").parse().expect("seconds"));
        let at = Timestamp::from_unix(at);
        let request = ssecp::Request {
            app_id: v.text("/appid"),
            user_id: v.text("/user_id"),
            user_client_ip: v.text("/user_client_ip"),
        };
        let text = collect(|mut put| ssecp::sign_string(&secret, &request, at, &mut put));
        v.same("sign string", &text, v.text("/sign_string"));
        v.same("signature", &ssecp::sign(&secret, &request, at), v.text("/request_sign"));
    }
    println!("ssecp: {} vectors", all.len());
}
