//! The `alibaba-chatapp` function.

fn main() -> std::process::ExitCode {
    upload_grant_runtime::serve::run::<alibaba_chatapp::Chatapp>()
}
