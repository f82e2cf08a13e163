//! Where bytes come from, and where they may not come from.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use upload_grant_tests::s3;
use upload_grant_tests::stub::{Stub, redirect, status};

use crate::{Queue, job};

const HELLO_SHA256: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

fn from_url(url: &str) -> Value {
    json!({ "filename": "a.pdf", "source": { "url": url } })
}

#[tokio::test]
async fn a_url_is_streamed_to_the_store() {
    let source = Stub::file(b"hello").await;
    let queue = Queue::reading("tencent-lke", &source).await;
    let mut job = from_url(&source.url("/file"));
    job["size"] = 5.into();
    job["checksums"] = json!({ "sha256": HELLO_SHA256, "md5": "XUFAKrxLKna5cZ2REBfFkg==" });
    queue.send(&job).await.ok();
    assert_eq!(queue.sandbox.objects()[0].sha256, HELLO_SHA256);
    assert_eq!(source.seen().len(), 1);
    // Nothing of ours goes to the source.
    assert!(source.seen()[0].headers.get("authorization").is_none());
}

#[tokio::test]
async fn at_most_three_redirects_and_each_is_checked() {
    let elsewhere = Stub::file(b"stolen").await;
    let out = elsewhere.url("/");
    let source = Stub::start(move |seen| match seen.target.as_str() {
        "/3" => redirect("/2"),
        "/2" => redirect("/1"),
        "/1" => redirect("file"),
        "/4" => redirect("/3"),
        "/out" => redirect(&out),
        "/metadata" => redirect("http://169.254.169.254/latest/meta-data/"),
        "/nowhere" => status(302),
        "/file" => Response::new(Body::from("hello")),
        _ => status(404),
    })
    .await;
    let queue = Queue::reading("tencent-lke", &source).await;
    for refused in ["/4", "/out", "/metadata", "/nowhere"] {
        let answer = queue.send(&from_url(&source.url(refused))).await;
        assert_eq!(answer.problem(), (422, "source_refused"), "{refused}");
    }
    assert_eq!((elsewhere.seen().len(), queue.sandbox.objects().len()), (0, 0));
    queue.send(&from_url(&source.url("/3"))).await.ok();
    assert_eq!(queue.sandbox.objects().len(), 1);
}

#[tokio::test]
async fn only_listed_hosts_and_no_private_address_behind_a_name() {
    let source = Stub::file(b"hello").await;
    let queue = Queue::of("tencent-lke", &[("GRANT_SOURCE_HOSTS", "localhost,files.example.com")]).await;
    let port = source.host.rsplit(':').next().unwrap();
    for url in [
        source.url("/"),                        // not listed
        format!("http://localhost:{port}/"),    // listed without its port
        "https://localhost/".to_owned(),        // listed, but private
        "http://files.example.com/".to_owned(), // not https
        "https://user@files.example.com/".to_owned(),
        "ftp://files.example.com/".to_owned(),
        "https://169.254.169.254/latest/meta-data/".to_owned(),
        "https://[::ffff:127.0.0.1]/".to_owned(),
    ] {
        assert_eq!(queue.send(&from_url(&url)).await.problem(), (422, "source_refused"), "{url}");
    }
    assert!(source.seen().is_empty());
}

#[tokio::test]
async fn a_source_that_fails_is_told_apart_from_one_that_has_nothing() {
    let source = Stub::start(|seen| match seen.target.as_str() {
        "/gone" => status(404),
        "/down" => status(503),
        "/busy" => status(429),
        "/empty" => status(200),
        "/unsized" => {
            let chunks = stream::iter(["hel", "lo"]).map(|text| Ok::<_, std::io::Error>(Bytes::from(text)));
            Response::new(Body::from_stream(chunks))
        }
        "/gzip" => Response::builder().header("content-encoding", "gzip").body(Body::from("hello")).unwrap(),
        "/breaks" => {
            let chunks = [Ok(Bytes::from_static(b"hel")), Err(std::io::Error::other("broke"))];
            let body = Body::from_stream(stream::iter(chunks));
            Response::builder().header("content-length", "5").body(body).unwrap()
        }
        _ => Response::new(Body::from_stream(stream::pending::<std::io::Result<Bytes>>())),
    })
    .await;
    let queue = Queue::reading("tencent-lke", &source).await;
    for (path, code, retryable) in [
        ("/gone", (502, "source_failed"), false),
        ("/down", (502, "source_failed"), true),
        ("/busy", (502, "source_failed"), true),
        ("/empty", (400, "invalid_request"), false),
        ("/unsized", (502, "source_failed"), false),
        ("/breaks", (502, "source_failed"), true),
        ("/gzip", (422, "source_refused"), false),
    ] {
        let answer = queue.send(&from_url(&source.url(path))).await;
        assert_eq!(answer.problem(), code, "{path}: {}", answer.text);
        assert_eq!(answer.json["retryable"], retryable, "{path}");
    }
    assert!(queue.sandbox.objects().is_empty());
    // Without a length of its own the job's counts.
    let mut job = from_url(&source.url("/unsized"));
    (job["id"], job["size"]) = ("sized".into(), 5.into());
    queue.send(&job).await.ok();
    assert_eq!(queue.sandbox.objects()[0].size, 5);
}

#[tokio::test]
async fn a_source_that_says_nothing_does_not_hold_the_job_forever() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap(); // takes connections, never answers
    let host = listener.local_addr().unwrap().to_string();
    let settings = [("GRANT_SOURCE_HOSTS", &*host), ("GRANT_TIMEOUT_SECONDS", "1")];
    let queue = Queue::of("tencent-lke", &settings).await;
    let job = from_url(&format!("http://{host}/"));
    let answer = tokio::time::timeout(Duration::from_secs(20), queue.send(&job)).await.expect("in time");
    assert_eq!((answer.problem(), &answer.json["retryable"]), ((502, "source_failed"), &json!(true)));
}

#[tokio::test]
async fn a_source_that_stops_in_the_middle_is_to_blame_and_not_the_store() {
    let source = Stub::start(|_| {
        let begins = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"h"))]);
        let body = Body::from_stream(begins.chain(stream::pending()));
        Response::builder().header("content-length", "5").body(body).unwrap()
    })
    .await;
    let settings = [("GRANT_SOURCE_HOSTS", &*source.host), ("GRANT_TIMEOUT_SECONDS", "1")];
    let queue = Queue::of("tencent-lke", &settings).await;
    let answer = queue.send(&from_url(&source.url("/"))).await;
    assert_eq!((answer.problem(), &answer.json["retryable"]), ((502, "source_failed"), &json!(true)));
    assert!(queue.sandbox.objects().is_empty());
}

#[tokio::test]
async fn the_size_of_a_job_counts_whatever_its_source() {
    let queue = Queue::of("tencent-lke", &[]).await;
    for size in [4, 6] {
        let mut job = job(&format!("job-{size}"));
        job["size"] = size.into();
        assert_eq!(queue.send(&job).await.problem(), (422, "checksum_mismatch"), "{size}");
    }
    assert_eq!(queue.sandbox.calls(upload_grant_tests::Service::Lke), 0);
}

#[tokio::test]
async fn a_wrong_file_never_becomes_an_object() {
    // Long enough to come in many chunks: the last of them is what is held back.
    static LONG: [u8; 1 << 20] = [7; 1 << 20];
    let source = Stub::file(&LONG).await;
    for flow in ["alibaba-chatapp", "tencent-lke"] {
        let queue = Queue::reading(flow, &source).await;
        for (id, checksums) in [
            ("sha256", json!({ "sha256": HELLO_SHA256 })),
            ("md5", json!({ "md5": "XUFAKrxLKna5cZ2REBfFkg==" })),
            ("crc64", json!({ "crc64": "11051210869376104954" })),
        ] {
            let mut job = from_url(&source.url("/"));
            (job["id"], job["checksums"]) = (id.into(), checksums);
            let answer = queue.send(&job).await;
            assert_eq!(answer.problem(), (422, "checksum_mismatch"), "{flow} {id}: {}", answer.text);
        }
        let mut job = from_url(&source.url("/"));
        job["size"] = 5.into();
        assert_eq!(queue.send(&job).await.problem(), (422, "checksum_mismatch"), "another size");
        assert!(queue.sandbox.objects().is_empty(), "{flow}");
    }
}

#[tokio::test]
async fn what_is_too_large_or_of_no_good_type_costs_no_vendor_call() {
    let source = Stub::file(b"hello world").await;
    let settings = [("GRANT_SOURCE_HOSTS", &*source.host), ("GRANT_MAX_BYTES", "8")];
    let queue = Queue::of("tencent-lke", &settings).await;
    assert_eq!(queue.send(&from_url(&source.url("/"))).await.problem(), (413, "too_large"));
    let mut told = from_url(&source.url("/"));
    (told["id"], told["size"]) = ("told".into(), 11.into());
    assert_eq!(queue.send(&told).await.problem(), (413, "too_large"));
    let wrong = json!({ "id": "t", "filename": "a.exe", "source": { "url": source.url("/") } });
    assert_eq!(queue.send(&wrong).await.problem(), (415, "unsupported_type"));
    // Where the job told it, nobody was asked for the file either.
    assert_eq!((source.seen().len(), queue.sandbox.calls(upload_grant_tests::Service::Lke)), (1, 0));
}

#[tokio::test]
async fn s3_is_read_with_the_roles_keys_and_only_from_listed_buckets() {
    static OBJECTS: &[s3::Object] = &[
        s3::FIXTURE,
        s3::Object { bucket: "source-bucket", key: "ünï/a+b & c=d.pdf", version: None, bytes: b"unicode" },
        s3::Object { bucket: "other-bucket", key: "a.pdf", version: None, bytes: b"other" },
    ];
    let store = s3::start(OBJECTS).await;
    let vars = s3::env(&store);
    let vars: Vec<(&str, &str)> = vars.iter().map(|(name, value)| (&**name, &**value)).collect();
    let queue = Queue::of("alibaba-chatapp", &vars).await;
    let from = |id: &str, object: &s3::Object| {
        let s3 = json!({ "bucket": object.bucket, "key": object.key, "version_id": object.version });
        json!({ "id": id, "filename": "a.pdf", "source": { "s3": s3 } })
    };
    queue.send(&from("1", &OBJECTS[0])).await.ok();
    queue.send(&from("2", &OBJECTS[1])).await.ok();
    let stored: Vec<_> = queue.sandbox.objects().into_iter().filter_map(|object| object.data).collect();
    assert_eq!(stored, ["hello", "unicode"]);
    let seen = store.seen().len();
    assert_eq!(queue.send(&from("3", &OBJECTS[2])).await.problem(), (422, "source_refused"));
    assert_eq!(store.seen().len(), seen);
    // Nor by a way around: each of these would be a signed read of another object.
    for key in [
        "../other-bucket/a.pdf",
        "x/../../other-bucket/a.pdf",
        "/other-bucket/a.pdf",
        "//localhost/a.pdf",
        "./a.pdf",
        "..",
    ] {
        let named = json!({ "bucket": OBJECTS[0].bucket, "key": key });
        let job = json!({ "id": key, "filename": "a.pdf", "source": { "s3": named } });
        assert_eq!(queue.send(&job).await.problem(), (422, "source_refused"), "{key}");
    }
    assert_eq!(store.seen().len(), seen);
    let gone = s3::Object { key: "gone.pdf", ..OBJECTS[1] };
    assert_eq!(queue.send(&from("4", &gone)).await.problem(), (502, "source_failed"));
    // The verifier refuses another key's signature.
    let forged = [&vars[..], &[("AWS_SECRET_ACCESS_KEY", "another")]].concat();
    let forged = Queue::of("alibaba-chatapp", &forged).await;
    let answer = forged.send(&from("1", &OBJECTS[0])).await;
    assert_eq!((answer.problem(), forged.sandbox.objects().len()), ((502, "source_failed"), 0));
}

#[tokio::test]
async fn a_job_that_cannot_be_read_says_where() {
    let queue = Queue::of("tencent-lke", &[]).await;
    for (pointer, change) in [
        ("/source", json!({ "source": {} })),
        ("/source", json!({ "source": { "url": "https://a/", "base64": "aGVsbG8=" } })),
        ("/source", json!({ "source": null })),
        ("/source/url", json!({ "source": { "url": "no url" } })),
        ("/source/base64", json!({ "source": { "base64": "!" } })),
        ("/source/s3/key", json!({ "source": { "s3": { "bucket": "b" } } })),
        ("/id", json!({ "id": 7 })),
        ("/id", json!({ "id": "" })),
        ("/id", json!({ "id": "x".repeat(513) })),
        ("/notify/url", json!({ "notify": { "url": 1 } })),
        ("/filename", json!({ "filename": "a/b.pdf" })),
    ] {
        let mut job = job("job-1");
        job.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let answer = queue.send(&job).await;
        assert_eq!(answer.json["errors"][0]["pointer"], pointer, "{}", answer.text);
        assert_eq!(answer.status, 400);
    }
    assert!(queue.sandbox.objects().is_empty());
}

#[tokio::test]
async fn a_source_without_a_length_keeps_to_the_jobs_to_the_byte() {
    let source = Stub::start(|_| {
        let chunks = stream::iter(["hel", "lo"]).map(|text| Ok::<_, std::io::Error>(Bytes::from(text)));
        Response::new(Body::from_stream(chunks))
    })
    .await;
    for flow in ["tencent-lke", "alibaba-chatapp"] {
        let queue = Queue::reading(flow, &source).await;
        // Three bytes are where a chunk ends.
        for size in [1, 3, 4, 6, 500] {
            let mut job = from_url(&source.url("/"));
            (job["id"], job["size"]) = (format!("job-{size}").into(), size.into());
            let answer = queue.send(&job).await;
            assert_eq!(answer.problem(), (422, "checksum_mismatch"), "{flow} {size}: {}", answer.text);
            assert!(answer.text.contains("binaryMediaTypes"), "{}", answer.text);
        }
        assert!(queue.sandbox.objects().is_empty(), "{flow}");
    }
}
