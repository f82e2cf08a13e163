//! What the README shows is what the code takes and answers.

use std::collections::BTreeSet;

use serde_json::Value;
use upload_grant::model::problem::Code;
use upload_grant::model::request::GrantRequest;
use upload_grant_runtime::auth::policy::Policy;
use upload_grant_runtime::event::{Event, classify};
use upload_grant_tests::schema::Schemas;
use upload_grant_tests::*;

const README: &str = include_str!("../../README.md");
const CHINESE: &str = include_str!("../../README.zh-CN.md");
const MAKEFILE: &str = include_str!("../../Makefile");
const BROWSER: &str = include_str!("../browser/run");

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
                schemas.check("UploadJob", &value);
                GrantRequest::from_value(&value).unwrap();
                assert!(matches!(classify(text), Ok(Event::Direct(job)) if job["source"].is_object()));
            }
            _ => panic!("```{info}: say whether it is a request, grant, receipt, problem, policy or job"),
        }
        seen.insert(info);
    }
    assert_eq!(seen.len(), 6);
}

/// CI runs the curl and send lines against `make run`, and the targets; the browser suite the front ends.
#[test]
fn commands_are_ones_that_ci_runs() {
    let mut seen = 0;
    // What a doctor says is compared by its own tests.
    let other = |info: &str| !info.starts_with("json") && info != "text";
    for (info, text) in blocks().into_iter().filter(|(info, _)| other(info)) {
        match info.split_once(' ') {
            Some(("js", snippet)) => {
                let name = snippet.strip_suffix(".js").expect("a file name");
                assert!(BROWSER.contains(&format!("/{name}")), "no suite takes {snippet}");
            }
            Some(("sh", "ask" | "upload")) => {}
            Some(("sh", words)) => assert!(words.starts_with("start "), "nobody runs {info}"),
            _ => {
                assert_eq!(info, "sh");
                for line in text.lines() {
                    let mut words = line.split_whitespace();
                    match words.next() {
                        Some("make") => {
                            let target = words.next().unwrap();
                            assert!(MAKEFILE.contains(&format!("\n{target}: ")), "{line}");
                        }
                        Some("curl" | "target/debug/upload-grant" | "target/debug/tencent-lke") => {
                            assert!(line.contains("//127.0.0.1:"), "{line}");
                        }
                        _ => panic!("nobody runs {line:?}"),
                    }
                }
            }
        }
        seen += 1;
    }
    assert!(seen >= 12);
}

/// "Your first real grant" with the sandbox for a vendor: the very lines, keys and endpoints apart.
#[tokio::test]
async fn the_first_real_grant_of_every_vendor() {
    if std::process::Command::new("curl").arg("--version").output().is_err() {
        println!("curl is not here, so the pasted lines are not run");
        return;
    }
    let block = |wanted: &str| blocks().into_iter().find(|(info, _)| *info == wanted).unwrap().1;
    let starts =
        blocks().into_iter().filter_map(|(info, text)| Some((info.strip_prefix("sh start ")?, text)));
    let mut seen = BTreeSet::new();
    for (words, start) in starts {
        let (flow, file) = words.split_once(' ').unwrap();
        assert!(README.contains(&format!("\n`FILE={file}`")), "{flow} names its file");
        let sandbox = Sandbox::start().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let listed = FLOWS.iter().find(|one| (one.name, one.file) == (flow, file));
        let bytes = listed.expect("the file that the flow is shown with").bytes;
        std::fs::create_dir(folder.path().join(".demo")).unwrap();
        std::fs::write(folder.path().join(".demo").join(file), bytes).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();

        let mut running = bash(&started(flow, start, &sandbox), port, folder.path()).spawn().unwrap();
        let health = format!("http://127.0.0.1:{port}/healthz");
        while client().get(&health).send().await.is_err() {
            assert!(running.try_wait().unwrap().is_none(), "{flow} does not start");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let script = format!("{}\n{}", block("sh ask"), block("sh upload"))
            .replace("FILE=demo.png", &format!("FILE={file}"))
            .replace("127.0.0.1:9000", &format!("127.0.0.1:{port}"));
        let output = bash(&script, port, folder.path()).output().await.unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{flow}: {text}");
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
        assert_eq!(lines[0]["missing"], serde_json::json!([]), "{flow}");
        assert!(lines[1]["url"].is_string(), "{flow}: {}", lines[1]);
        assert_eq!((&lines[2]["flow"], &lines[2]["verified"]), (&flow.into(), &"function".into()), "{text}");
        assert_eq!(sandbox.objects().last().unwrap().data.as_deref(), Some(bytes), "{flow}");
        running.kill().await.unwrap();
        seen.insert(flow);
    }
    assert_eq!(seen.len(), 5);
}

/// The block that starts `flow`, its keys and endpoints replaced by the sandbox's.
fn started(flow: &str, block: &str, sandbox: &Sandbox) -> String {
    let mut script = String::new();
    for line in block.lines() {
        if line == format!("target/debug/{flow}") {
            for (name, value) in sandbox.env(flow) {
                script += &format!("export {name}='{value}'\n");
            }
            script += &format!("exec '{}' {flow}\n", env!("CARGO_BIN_EXE_function"));
        } else if let Some(settings) = line.strip_prefix("export ") {
            for name in settings.split_whitespace().filter_map(|word| Some(word.split_once('=')?.0)) {
                assert!(
                    README.contains(&format!("`{name}`"))
                        || name.ends_with("_SECRET")
                        || name.ends_with("_KEY")
                );
            }
            // The token address is by default the API's, which is the sandbox's.
            script += &format!("{line}\nunset HUAWEI_AICC_AUTH_BASE_URL\n");
        } else {
            assert_eq!(line, "cargo build --bins", "what `make run` has built already");
        }
    }
    script
}

/// A shell in which the function listens on `port`, and nothing of ours is set.
fn bash(script: &str, port: u16, folder: &std::path::Path) -> tokio::process::Command {
    let mut command = tokio::process::Command::new("bash");
    command.args(["-euo", "pipefail", "-c", script]).current_dir(folder).env_clear();
    command.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("GRANT_LISTEN", format!("127.0.0.1:{port}"));
    command.stdout(std::process::Stdio::piped()).kill_on_drop(true);
    command
}

/// The anchors that the code host makes of the headings, in order.
fn anchors(readme: &str) -> Vec<String> {
    let slug = |heading: &str| -> String {
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.collect::<String>().to_lowercase().replace(' ', "-")
    };
    let headings = readme.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| slug(line.trim_start_matches('#').trim())).collect()
}

fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}

#[test]
fn links_lead_somewhere() {
    for readme in [README, CHINESE] {
        let anchors = anchors(readme);
        for link in links(readme) {
            match link.strip_prefix('#') {
                Some(anchor) => assert!(anchors.iter().any(|known| known == anchor), "#{anchor}"),
                None => assert!(std::path::Path::new("..").join(link).exists(), "{link}"),
            }
        }
        assert!(links(readme).count() > 15);
    }
}

#[test]
fn the_chinese_readme_is_the_english_one() {
    let (english, chinese) = (kept(README), kept(CHINESE));
    for (number, (english, chinese)) in (1..).zip(english.iter().zip(&chinese)) {
        assert_eq!(chinese, english, "line {number}");
    }
    assert_eq!(chinese.len(), english.len(), "lines");
}

/// What a translation keeps of each line: all of a fenced one, else how it starts, its cells, code and links.
fn kept(readme: &str) -> Vec<String> {
    let anchors = anchors(readme);
    let place = |link: &str| match link.strip_prefix('#') {
        Some(anchor) => format!("heading {:?}", anchors.iter().position(|known| known == anchor)),
        None => link.to_owned(),
    };
    let mut fenced = false;
    let kept = readme.lines().map(|line| {
        let fence = line.starts_with("```");
        fenced ^= fence;
        if fenced || fence {
            return line.to_owned();
        }
        let marker = |word: &&str| word.chars().all(|c| "#-|.0123456789".contains(c));
        let start = line.split(' ').next().filter(marker);
        let cells = line.split('|').count();
        let mut codes: Vec<&str> = line.split('`').skip(1).step_by(2).collect();
        codes.sort_unstable();
        // Each names the other one.
        let mut links: Vec<String> =
            links(line).filter(|link| !link.starts_with("README")).map(place).collect();
        links.sort_unstable();
        format!("start {start:?}, cells {cells}, code {codes:?}, links {links:?}")
    });
    kept.collect()
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
