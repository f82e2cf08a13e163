//! What the pages show of the doctor, and say about its lines, is so.

use serde_json::json;
use upload_grant_tests::pages::{english, page};
use upload_grant_tests::{FLOWS, sandbox};

use crate::run::Run;

/// Numbers and ids differ from run to run.
fn masked(line: &str) -> String {
    let words = line.split(' ').map(|word| {
        let differs = word.contains("/upload/") || word.ends_with("…)") || word.starts_with("R-");
        if differs { "#".to_owned() } else { word.replace(|letter: char| letter.is_ascii_digit(), "") }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn the_examples_are_what_it_says() {
    let page = page("shared/docs/doctor.md");
    let blocks = page.blocks().into_iter();
    let examples: Vec<&str> = blocks.filter_map(|(info, text)| (info == "text").then_some(text)).collect();
    assert_eq!(examples.len(), 2);
    let sandbox = sandbox().await;
    for example in examples {
        let run = Run::of("alibaba-chatapp", &sandbox, &[], &[]).await;
        let lines: Vec<String> = run.stdout.lines().map(masked).collect();
        let mut at = 0;
        for shown in example.lines().filter(|line| *line != "…") {
            let found = lines[at..].iter().position(|line| *line == masked(shown));
            at += found.unwrap_or_else(|| panic!("{shown}\nis not in\n{}", run.stdout)) + 1;
        }
        // The second is what it says without the permission.
        let body = json!({ "Code": "Forbidden.RAM", "RequestId": "R-1" }).to_string();
        sandbox.fault(json!({ "target": "cams", "raw": { "status": 403, "body": body } }));
    }
}

/// Every check in the tables of open points is one that some flow has.
#[tokio::test]
async fn the_open_points_name_lines_that_there_are() {
    let mut checks = Vec::new();
    let other_api = ("alibaba-workorder", &[("WORKORDER_API", "2021-06-10")][..]);
    for (flow, extra) in FLOWS.iter().map(|flow| (flow.name, &[][..])).chain([other_api]) {
        let run = Run::json(flow, &sandbox().await, extra).await;
        checks.extend(run.lines().iter().filter_map(|line| line["check"].as_str()).map(str::to_owned));
    }
    let pages = english();
    let tables = pages.iter().filter_map(|page| Some(page.text.split_once("| point | line |")?.1));
    let rows = tables.flat_map(|table| table.lines().skip(2).take_while(|line| line.starts_with('|')));
    let mut seen = 0;
    for row in rows {
        let line = row.trim_end_matches(" |").rsplit_once(" | ").expect("two columns").1;
        let named =
            line.split('`').skip(1).step_by(2).filter(|name| name.contains('.') && !name.contains('='));
        for name in named {
            assert!(checks.iter().any(|check| check == name), "{name}");
            seen += 1;
        }
    }
    assert!(seen >= 20, "{seen}");
}
