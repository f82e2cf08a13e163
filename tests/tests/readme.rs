//! What the pages show is what the code takes and answers, and the Chinese ones are the English ones.

use std::collections::BTreeSet;

use serde_json::Value;
use upload_grant::model::problem::Code;
use upload_grant::model::request::GrantRequest;
use upload_grant_runtime::auth::policy::Policy;
use upload_grant_runtime::event::{Event, classify};
use upload_grant_runtime::flow::Flow;
use upload_grant_tests::pages::{Page, english, links, page, root};
use upload_grant_tests::schema::Schemas;
use upload_grant_tests::*;

const MAKEFILE: &str = include_str!("../../Makefile");
const BROWSER: &str = include_str!("../browser/run");
const BROWSER_PAGES: &str = include_str!("../browser/suite/world.mjs");

#[tokio::test]
async fn json_blocks_are_what_they_say() {
    let sandbox = Sandbox::start().await.unwrap();
    let schemas = Schemas::of(&Function::start::<alibaba_chatapp::Chatapp>(&sandbox, &[]).await).await;
    let mut seen = BTreeSet::new();
    let pages = english();
    let blocks = pages.iter().flat_map(Page::blocks);
    for (info, text) in blocks.filter(|(info, _)| info.starts_with("json")) {
        let value: Value =
            serde_json::from_str(text).unwrap_or_else(|error| panic!("{info}: {error}\n{text}"));
        match info {
            "json request" => {
                GrantRequest::from_value(&value).unwrap();
                schemas.check("GrantRequest", &value);
            }
            "json batch" => {
                schemas.check("GrantListRequest", &value);
                for request in value["files"].as_array().unwrap() {
                    schemas.check("GrantRequest", request);
                }
            }
            "json grant" => schemas.check_strictly("Grant", &value),
            "json receipt" => schemas.check_strictly("Receipt", &value),
            "json problem" => schemas.check_strictly("Problem", &value),
            "json policy" => drop(Policy::parse(text, &[]).unwrap()),
            "json job" => {
                schemas.check("UploadJob", &value);
                GrantRequest::from_value(&value).unwrap();
                assert!(matches!(classify(text), Ok(Event::Job(_))));
            }
            _ => panic!(
                "```{info}: say whether it is a request, batch, grant, receipt, problem, policy or job"
            ),
        }
        seen.insert(info);
    }
    assert_eq!(seen.len(), 7);
}

/// CI runs the curl and send lines against `make run`, and the targets; the browser suite the front ends.
#[test]
fn commands_are_ones_that_ci_runs() {
    let mut seen = 0;
    // What a doctor says is compared by its own tests.
    let other = |info: &str| !info.starts_with("json") && info != "text";
    let pages = english();
    for (info, text) in pages.iter().flat_map(Page::blocks).filter(|(info, _)| other(info)) {
        match info.split_once(' ') {
            Some(("js", snippet)) => {
                let name = snippet.strip_suffix(".js").expect("a file name");
                assert!(BROWSER.contains(&format!("/{name}")), "no suite takes {snippet}");
            }
            Some(("html", name)) => assert!(BROWSER_PAGES.contains(name), "no suite opens {name}"),
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
    assert!(seen >= 20, "{seen}");
}

/// "Your first real grant" with the sandbox for a vendor: the very lines, keys and endpoints apart.
#[tokio::test]
async fn the_first_real_grant_of_every_vendor() {
    if std::process::Command::new("curl").arg("--version").output().is_err() {
        println!("curl is not here, so the pasted lines are not run");
        return;
    }
    let readme = page("README.md");
    // A flow whose grants want more than a name shows on its page how one asks.
    let pasted = |wanted: &str, of: &Page| {
        let mut blocks = of.blocks().into_iter().chain(readme.blocks());
        blocks.find(|(info, _)| *info == wanted).unwrap().1.to_owned()
    };
    for flow in FLOWS.iter().map(|flow| flow.name) {
        let page = page(&format!("functions/{flow}/README.md"));
        let starts = page.blocks().into_iter();
        let mut starts = starts.filter_map(|(info, text)| Some((info.strip_prefix("sh start ")?, text)));
        let (words, start) = starts.next().unwrap_or_else(|| panic!("how does {flow} start?"));
        let (named, file) = words.split_once(' ').unwrap();
        assert_eq!(named, flow);
        assert!(page.text.contains(&format!("\n`FILE={file}`")), "{flow} names its file");
        let sandbox = Sandbox::start().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let listed = FLOWS.iter().find(|one| (one.name, one.file) == (flow, file));
        let bytes = listed.expect("the file that the flow is shown with").bytes;
        std::fs::create_dir(folder.path().join(".demo")).unwrap();
        std::fs::write(folder.path().join(".demo").join(file), bytes).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();

        let mut running = bash(&started(&page, flow, start, &sandbox), port, folder.path()).spawn().unwrap();
        let health = format!("http://127.0.0.1:{port}/healthz");
        while client().get(&health).send().await.is_err() {
            assert!(running.try_wait().unwrap().is_none(), "{flow} does not start");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let script = format!("{}\n{}", pasted("sh ask", &page), pasted("sh upload", &page))
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
    }
}

/// The block that starts `flow`, its keys and endpoints replaced by the sandbox's.
fn started(page: &Page, flow: &str, block: &str, sandbox: &Sandbox) -> String {
    let configuration = upload_grant_tests::pages::page("shared/docs/configuration.md");
    let mut script = String::new();
    for line in block.lines() {
        if line == format!("target/debug/{flow}") {
            for (name, value) in sandbox.env(flow) {
                script += &format!("export {name}='{value}'\n");
            }
            script += &format!("exec '{}'\n", process::binary(flow).display());
        } else if let Some(settings) = line.strip_prefix("export ") {
            for name in settings.split_whitespace().filter_map(|word| Some(word.split_once('=')?.0)) {
                assert!(
                    [page, &configuration].iter().any(|page| page.text.contains(&format!("`{name}`")))
                        || name.ends_with("_SECRET")
                        || name.ends_with("_KEY"),
                    "{name}"
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

#[test]
fn links_lead_somewhere() {
    let mut seen = 0;
    let english = english();
    let chinese = english.iter().filter(|page| page.is_translated()).map(Page::chinese);
    for page in
        english.iter().map(|page| Page { path: page.path.clone(), text: page.text.clone() }).chain(chinese)
    {
        for link in links(&page.text) {
            let (path, anchor) = page.target(link);
            let at = format!("{} in {}", link, page.path.display());
            assert!(root().join(&path).exists(), "{at}");
            if let Some(anchor) = anchor {
                let there = upload_grant_tests::pages::page(path.to_str().unwrap());
                assert!(there.anchors().contains(&anchor), "{at}");
            }
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen}");
}

/// The README was one page once, and others link to its parts.
#[test]
fn former_anchors_lead_somewhere() {
    let readme = page("README.md");
    for (page, former) in [(&readme, FORMER), (&readme.chinese(), FORMER_CHINESE)] {
        let anchors = page.anchors();
        for anchor in former {
            let there = anchors.iter().map(String::as_str).chain(page.former_anchors());
            assert_eq!(there.filter(|known| known == anchor).count(), 1, "#{anchor}");
        }
    }
}

const FORMER: &[&str] = &[
    "try-it",
    "one-grant-explained",
    "the-five-flows",
    "your-first-real-grant",
    "front-ends",
    "who-may-ask",
    "send-from-a-shell",
    "deploying",
    "is-it-really-working-doctor",
    "troubleshooting",
    "faq",
    "queues",
    "speed",
    "reference",
    "every-field-of-a-grant",
    "without-a-size",
    "things-to-know",
    "configuration",
    "permissions",
    "what-only-a-live-account-can-confirm",
    "layout",
];
const FORMER_CHINESE: &[&str] = &[
    "快速上手",
    "一份授权详解",
    "五个流程",
    "申请第一份真实授权",
    "前端接入",
    "谁可以申请授权",
    "用命令行上传",
    "部署",
    "真的通了吗doctor",
    "排错",
    "常见问题",
    "队列",
    "速度",
    "参考",
    "授权的全部字段",
    "不带大小的请求",
    "注意事项",
    "配置项",
    "权限",
    "只有真实账号才能确认的事",
    "目录结构",
];

#[test]
fn the_chinese_pages_are_the_english_ones() {
    let mut seen = 0;
    for page in english().iter().filter(|page| page.is_translated()) {
        let chinese = page.chinese();
        let name = page.path.display();
        let (english, translated) = (kept(page), kept(&chinese));
        for (number, (english, chinese)) in (1..).zip(english.iter().zip(&translated)) {
            assert_eq!(chinese, english, "{name}, line {number}");
        }
        assert_eq!(translated.len(), english.len(), "{name}, lines");
        // Each names the other one on its third line, and the Chinese one leads to Chinese ones.
        let mut lines = chinese.text.lines();
        let other = lines.nth(2).and_then(|line| links(line).next()).map(|link| chinese.target(link).0);
        assert_eq!(other.as_ref(), Some(&page.path), "{name}");
        for link in lines.flat_map(links) {
            let beside = chinese.target(link).0.with_extension("zh-CN.md");
            assert!(!root().join(beside).exists(), "{link} in {name} has a Chinese page");
        }
        seen += 1;
    }
    assert!(seen >= 20, "{seen}");
}

/// What a translation keeps of each line: all of a fenced one, else how it starts, its cells, code and links.
fn kept(page: &Page) -> Vec<String> {
    let place = |link: &str| {
        let (path, anchor) = page.target(link);
        let heading = anchor.map(|anchor| {
            let there = upload_grant_tests::pages::page(path.to_str().unwrap());
            there.anchors().iter().position(|known| *known == anchor)
        });
        format!("{} {heading:?}", path.display()).replace(".zh-CN.md", ".md")
    };
    let mut fenced = false;
    let kept = page.text.lines().map(|line| {
        let fence = line.starts_with("```");
        fenced ^= fence;
        if fenced || fence {
            return line.to_owned();
        }
        let marker = |word: &&str| word.chars().all(|c| "#-|.0123456789".contains(c));
        let start = line.split(' ').next().filter(marker);
        let (cells, former) = (line.split('|').count(), line.split("<a name=").count());
        let mut codes: Vec<&str> = line.split('`').skip(1).step_by(2).collect();
        codes.sort_unstable();
        let mut places: Vec<String> = links(line).map(place).collect();
        places.sort_unstable();
        format!("start {start:?}, cells {cells}, former {former}, code {codes:?}, links {places:?}")
    });
    kept.collect()
}

/// A flow's page has every parameter and every extension that the flow has.
#[test]
fn the_pages_of_the_flows_are_their_specs() {
    macro_rules! compared {
        ($($vendor:ident: $function:ty,)*) => {
            $(
                let spec = <$function as Flow>::SPEC;
                let text = page(&format!("functions/{}/README.md", spec.name)).text;
                let has = |name: &str| assert!(text.contains(&format!("`{name}`")), "{}: {name}", spec.name);
                for param in spec.params {
                    assert!(text.contains(&format!("\n| `{}` | ", param.name)), "{}", param.name);
                    param.env.into_iter().for_each(has);
                }
                spec.types.listed.iter().flat_map(|row| row.extensions).copied().for_each(has);
                let readme = page("README.md").text;
                let row = format!("| [`{0}`](functions/{0}/README.md) |", spec.name);
                assert!(readme.contains(&row), "{row}");
            )*
        };
    }
    upload_grant_sandbox::flows!(compared);
}

#[test]
fn the_table_of_errors_is_the_table_of_codes() {
    let table = page("shared/docs/errors.md").text;
    for code in Code::ALL {
        let word = if code.retryable() { "yes" } else { "no" };
        let row = format!("\n| `{}` | {} | ", code.as_str(), code.status());
        let rest = table.split_once(&row).unwrap_or_else(|| panic!("no row{row}")).1;
        let by_case = [Code::UploadFailed, Code::SourceFailed].contains(&code);
        assert!(by_case || rest.starts_with(&format!("{word} | ")), "{row}");
    }
}
