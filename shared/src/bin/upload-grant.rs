//! `upload-grant send FILE…`: for those who have a function's address and not the function.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next() {
        Some(word) if word == "send" => upload_grant::send::run("upload-grant", arguments),
        _ => upload_grant::serve::usage("upload-grant"),
    }
}
