//! Memory does not grow with the file.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use upload_grant_tests::process::{Process, peak_memory_of};
use upload_grant_tests::sandbox;

use crate::shell::Shell;

const SIZE: u64 = 96 << 20;
const LIMIT: u64 = 32 << 20;

/// A second input that has not come yet keeps the program alive to be measured.
#[tokio::test]
async fn a_large_file_goes_in_bounded_memory() {
    let sandbox = sandbox().await;
    for (flow, mode) in [("tencent-lke", "put"), ("alibaba-chatapp", "form")] {
        let (_process, url) = Process::serving(flow, &sandbox, &[("GRANT_MAX_BYTES", "2147483648")]).await;
        let shell = Shell::at(&url);
        let file = std::fs::File::create(shell.path("large.pdf")).expect("a file");
        file.set_len(SIZE).expect("room");
        let arguments = ["--jobs", "1", "--mode", mode, "large.pdf", "/dev/stdin"];
        let mut child = shell.command(&arguments).stdin(Stdio::piped()).spawn().expect("it runs");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let line = lines.next_line().await.expect("a line").expect("a line");
        let peak = peak_memory_of(child.id().expect("an id"));
        println!("{flow}: {SIZE} bytes, at most {} KiB resident", peak >> 10);
        let object = sandbox.objects().pop().expect("an object");
        assert_eq!(object.size, SIZE);
        assert!(line.contains(&object.sha256), "{line}");
        assert!(peak < LIMIT, "{peak} bytes resident");
    }
}
