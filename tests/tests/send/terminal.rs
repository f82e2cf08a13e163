//! What a person sees: bars on a terminal, and only there.

use std::fs::File;
use std::io::Read as _;
use std::process::Stdio;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use upload_grant_tests::process::Process;
use upload_grant_tests::sandbox;

use crate::shell::Shell;

/// A terminal: the end that shows, and the end that programs write to.
fn terminal() -> (File, File) {
    let shows = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&shows).expect("it is ours");
    unlockpt(&shows).expect("it is open");
    let name = ptsname(&shows, Vec::new()).expect("a name").into_string().expect("text");
    let written = File::options().read(true).write(true).open(name).expect("it opens");
    (File::from(shows), written)
}

#[tokio::test]
async fn a_terminal_shows_a_bar_for_each_file() {
    let sandbox = sandbox().await;
    let (_process, url) = Process::serving("tencent-lke", &sandbox, &[]).await;
    let shell = Shell::at(&url).set("TERM", "xterm");
    shell.file("folder/a.pdf", &[1; 3_000_000]);
    shell.file("b.pdf", &[2; 3_000_000]);
    for (arguments, bars) in [(&["folder/a.pdf", "b.pdf"][..], true), (&["--quiet", "folder/a.pdf"], false)] {
        let (mut shows, written) = terminal();
        let child = shell.command(arguments).stderr(Stdio::from(written)).spawn().expect("it runs");
        let seen = tokio::task::spawn_blocking(move || {
            let mut seen = Vec::new();
            // A terminal that nobody writes to any more ends with an error.
            let _ = shows.read_to_end(&mut seen);
            String::from_utf8_lossy(&seen).into_owned()
        });
        let output = child.wait_with_output().await.expect("it ends");
        let seen = seen.await.expect("what was shown");
        assert!(output.status.success(), "{seen}");
        for (name, line) in [("a.pdf", "folder/a.pdf: sent 3000000"), ("b.pdf", "b.pdf: sent 3000000")] {
            let shown = |phase: &str| seen.contains(&format!("{name:20} {phase:9} ["));
            assert_eq!(
                (shown("reading"), shown("sending"), seen.contains(line)),
                (bars, bars, bars),
                "{seen}"
            );
        }
        assert!(bars || seen.is_empty(), "{seen}");
        let lines = String::from_utf8(output.stdout).expect("text");
        assert!(lines.lines().all(|line| line.starts_with('{')), "{lines}");
    }
}
