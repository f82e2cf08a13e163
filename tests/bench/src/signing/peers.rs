//! The same presigned PUT by the crates that others would take.

use std::hint::black_box;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4;
use futures_util::FutureExt as _;
use reqsign_aliyun_oss::{Credential, RequestSigner, SigningVersion};
use reqsign_core::{Context, SignRequest as _};
use rusty_s3::{S3Action as _, UrlStyle};

use super::{BUCKET, CONTENT_TYPE, EXPIRES, HOST, KEY_ID, OBJECT, Operation, REGION, SECRET, token};

/// All of them.
pub fn all() -> Vec<Operation> {
    let mut reqsign = reqsign();
    vec![
        Operation::new("reqsign 3 (OSS V4)", move || reqsign().len()),
        Operation::new("aws-sigv4 1 (S3)", aws_sigv4()),
        Operation::new("rusty-s3 0.11 (S3)", rusty_s3()),
    ]
}

fn lifetime() -> Duration {
    Duration::from_secs(EXPIRES.into())
}

/// reqsign's own OSS V4 signer, which signs the very same request. It reads the clock itself.
pub fn reqsign() -> impl FnMut() -> String {
    let context = Context::new();
    let signer = RequestSigner::new(BUCKET).with_region(REGION).with_signing_version(SigningVersion::V4);
    let credential = Credential {
        access_key_id: KEY_ID.to_owned(),
        access_key_secret: SECRET.to_owned(),
        security_token: Some(token()),
        expires_in: None,
    };
    let request = http::Request::put(format!("https://{HOST}/{OBJECT}"))
        .header("content-type", CONTENT_TYPE)
        .header("host", HOST)
        .body(())
        .expect("a request");
    let (parts, ()) = request.into_parts();
    move || {
        let mut parts = black_box(&parts).clone();
        let signed = signer.sign_request(&context, &mut parts, Some(&credential), Some(lifetime()));
        signed.now_or_never().expect("no I/O").expect("a signature");
        parts.uri.to_string()
    }
}

/// AWS's signer with the instructions applied, so that there is a URL at the end.
fn aws_sigv4() -> impl FnMut() -> usize {
    let identity = Credentials::from_keys(KEY_ID, SECRET, Some(token())).into();
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(lifetime());
    let url = format!("https://{BUCKET}.s3.{REGION}.amazonaws.com/{OBJECT}");
    let request = http::Request::put(&url).header("content-type", CONTENT_TYPE).body(()).expect("a request");
    move || {
        let mut request = black_box(&request).clone();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(REGION)
            .name("s3")
            .time(black_box(SystemTime::UNIX_EPOCH + Duration::from_secs(1_774_605_600)))
            .settings(settings.clone())
            .build()
            .expect("parameters")
            .into();
        let headers = std::iter::once(("content-type", CONTENT_TYPE));
        let signable =
            SignableRequest::new("PUT", &url, headers, SignableBody::UnsignedPayload).expect("a request");
        let (instructions, _) = sign(signable, &params).expect("a signature").into_parts();
        instructions.apply_to_request_http1x(&mut request);
        request.uri().to_string().len()
    }
}

fn rusty_s3() -> impl FnMut() -> usize {
    let endpoint = format!("https://s3.{REGION}.amazonaws.com").parse().expect("a URL");
    let bucket = rusty_s3::Bucket::new(endpoint, UrlStyle::VirtualHost, BUCKET, REGION).expect("a bucket");
    let credentials = rusty_s3::Credentials::new_with_token(KEY_ID, SECRET, token());
    move || {
        let mut action = bucket.put_object(Some(&credentials), black_box(OBJECT));
        action.headers_mut().insert("content-type", CONTENT_TYPE);
        action.sign(lifetime()).as_str().len()
    }
}
