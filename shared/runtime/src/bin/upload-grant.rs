//! `upload-grant send FILE…`: for those who have a function's address and not the function.

use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next() {
        Some(word) if word == "send" => upload_grant_runtime::cli::send::run("upload-grant", arguments),
        _ => {
            // There is nowhere to complain about a closed standard error.
            let _ =
                std::io::stderr().write_all(b"Usage: upload-grant send FILE... (upload-grant send --help)\n");
            ExitCode::from(2)
        }
    }
}
