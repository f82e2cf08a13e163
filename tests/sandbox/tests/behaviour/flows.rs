//! The one list of flows.

use std::collections::BTreeSet;
use std::path::Path;

use upload_grant_sandbox::{FLOWS, Sandbox, Service};

use crate::client::Call;

#[tokio::test]
async fn the_list_has_every_function_and_all_that_is_asked_of_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../functions");
    let folders = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let functions: BTreeSet<String> = folders.map(|name| name.into_string().unwrap()).collect();
    let listed: BTreeSet<String> = FLOWS.iter().map(|flow| flow.name.to_owned()).collect();
    assert_eq!(listed, functions);

    let sandbox = Sandbox::start().await.unwrap();
    let shown = Call::new(&sandbox.url(Service::Control), "GET", "/flows").send().await.json();
    for (flow, shown) in FLOWS.iter().zip(shown.as_array().unwrap()) {
        assert_eq!((shown["name"].as_str(), shown["file"].as_str()), (Some(flow.name), Some(flow.file)));
        assert_eq!(shown["service"].as_str(), Some(flow.service.name()));
        let service = sandbox.url(flow.service);
        assert!(sandbox.env(flow.name).iter().any(|(_, value)| *value == service), "{}", flow.name);
        assert!(!flow.bytes.is_empty() && flow.request().contains(flow.file));
    }
}
