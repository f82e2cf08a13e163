//! What the README shows is what the code takes and answers.

use std::collections::BTreeSet;

use serde_json::Value;
use upload_grant::event::{Event, classify};
use upload_grant::policy::Policy;
use upload_grant::problem::Code;
use upload_grant::request::GrantRequest;
use upload_grant_tests::schema::Schemas;
use upload_grant_tests::*;

const README: &str = include_str!("../../README.md");
const MAKEFILE: &str = include_str!("../../Makefile");

/// Info string and text of every fenced block.
fn blocks() -> Vec<(&'static str, &'static str)> {
    let parts: Vec<&str> = README.split("```").collect();
    assert_eq!(parts.len() % 2, 1, "a fence is left open");
    parts.iter().skip(1).step_by(2).map(|block| block.split_once('\n').unwrap()).collect()
}

#[tokio::test]
async fn json_blocks_are_what_they_say() {
    let sandbox = Sandbox::start().await.unwrap();
    let schemas = Schemas::of(&Function::start::<alibaba_chatapp::Chatapp>(&sandbox, &[]).await).await;
    let mut seen = BTreeSet::new();
    for (info, text) in blocks().into_iter().filter(|(info, _)| info.starts_with("json")) {
        let value: Value =
            serde_json::from_str(text).unwrap_or_else(|error| panic!("{info}: {error}\n{text}"));
        match info {
            "json request" => {
                GrantRequest::from_value(&value).unwrap();
                schemas.check("GrantRequest", &value);
            }
            "json grant" => schemas.check_strictly("Grant", &value),
            "json receipt" => schemas.check_strictly("Receipt", &value),
            "json problem" => schemas.check_strictly("Problem", &value),
            "json policy" => drop(Policy::parse(text).unwrap()),
            "json job" => {
                GrantRequest::from_value(&value).unwrap();
                assert!(matches!(classify(value), Ok(Event::Direct(job)) if job["source"].is_object()));
            }
            _ => panic!("```{info}: say whether it is a request, grant, receipt, problem, policy or job"),
        }
        seen.insert(info);
    }
    assert_eq!(seen.len(), 6);
}

/// CI runs the curl and send lines against `make run`, and the targets.
#[test]
fn commands_are_ones_that_ci_runs() {
    let mut seen = 0;
    // What a doctor says is compared by its own tests.
    let other = |info: &str| !info.starts_with("json") && info != "text";
    for (info, text) in blocks().into_iter().filter(|(info, _)| other(info)) {
        assert_eq!(info, "sh");
        for line in text.lines() {
            let mut words = line.split_whitespace();
            match words.next() {
                Some("make") => {
                    let target = words.next().unwrap();
                    assert!(MAKEFILE.contains(&format!("\n{target}: ")), "{line}");
                }
                Some("curl" | "target/debug/upload-grant" | "target/debug/tencent-lke") => {
                    assert!(line.contains("//127.0.0.1:"), "{line}")
                }
                _ => panic!("nobody runs {line:?}"),
            }
            seen += 1;
        }
    }
    assert!(seen >= 5);
}

#[test]
fn the_table_of_errors_is_the_table_of_codes() {
    for code in Code::ALL {
        let word = if code.retryable() { "yes" } else { "no" };
        let row = format!("\n| `{}` | {} | ", code.as_str(), code.status());
        let rest = README.split_once(&row).unwrap_or_else(|| panic!("no row{row}")).1;
        let by_case = [Code::UploadFailed, Code::SourceFailed].contains(&code);
        assert!(by_case || rest.starts_with(&format!("{word} | ")), "{row}");
    }
}
