//! The `alibaba-chatapp` function.

fn main() -> std::process::ExitCode {
    upload_grant::serve::run::<alibaba_chatapp::Chatapp>()
}
