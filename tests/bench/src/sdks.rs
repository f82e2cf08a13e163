//! The vendors' official SDKs doing the same, where Python and Node are present.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use upload_grant_bench::signing::{
    BUCKET, CONTENT_TYPE, EXPIRES, HOST, KEY_ID, OBJECT, REGION, SECRET, ours, token,
};

use crate::report::{Kind, Row, Unit};
use crate::rounds::{Batch, Figure, ratio};
use crate::world::World;

/// A program that signs a batch with each of its SDKs whenever it is told to.
struct Sdks {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Sdks {
    /// None if it is not installed.
    fn start(program: &str, script: &str) -> Option<Self> {
        if !Path::new(script).exists() {
            return None;
        }
        let mut child = Command::new(program)
            .arg(script)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let (input, output) = (child.stdin.take()?, BufReader::new(child.stdout.take()?));
        let mut sdks = Self { child, input, output };
        let subject = serde_json::json!({
            "id": KEY_ID, "secret": SECRET, "token": token(), "bucket": BUCKET, "host": HOST, "region": REGION,
            "object": OBJECT, "content_type": CONTENT_TYPE, "expires": EXPIRES,
        });
        sdks.ask(&subject.to_string())?;
        Some(sdks)
    }

    /// One round: nanoseconds by the SDK's name.
    fn round(&mut self) -> Option<BTreeMap<String, f64>> {
        serde_json::from_str(&self.ask("round")?).ok()
    }

    fn ask(&mut self, line: &str) -> Option<String> {
        writeln!(self.input, "{line}").ok()?;
        let mut answer = String::new();
        (self.output.read_line(&mut answer).ok()? > 0).then_some(answer)
    }
}

impl Drop for Sdks {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn rows(world: &World) -> Vec<Row> {
    let python = Sdks::start(".tools/interop-venv/bin/python", "tests/bench/sdks/sdks.py");
    let node = Sdks::start("node", "tests/bench/sdks/sdks.mjs")
        .filter(|_| Path::new(".tools/interop-node").exists());
    let mut sdks: Vec<Sdks> = [python, node].into_iter().flatten().collect();
    let mut batches: Vec<Batch> = ours::all().into_iter().map(|[ours, _]| Batch::of(ours)).collect();
    let mut samples: HashMap<String, Vec<f64>> = HashMap::new();
    let mut order = Vec::new();
    for _ in 0..world.rounds(40, 6) {
        for batch in &mut batches {
            samples.entry(batch.operation.name.to_owned()).or_default().push(batch.nanoseconds());
        }
        for sdk in &mut sdks {
            for (name, nanoseconds) in sdk.round().expect("the SDKs sign") {
                if !samples.contains_key(&name) {
                    order.push(name.clone());
                }
                samples.entry(name).or_default().push(nanoseconds);
            }
        }
    }
    order
        .into_iter()
        .map(|name| {
            let ours = match &name {
                name if name.starts_with("cos") => "COS presigned PUT",
                name if name.starts_with("tencent") => "TC3 Authorization",
                _ => "OSS V4 presigned PUT",
            };
            Row::new("official SDKs", ours, Unit::Nanoseconds, Figure::of(&samples[ours])).against(
                &name,
                Figure::of(&samples[&name]),
                Kind::Faster,
                ratio(&samples[&name], &samples[ours]),
            )
        })
        .collect()
}
