//! The `alibaba-dashscope` function.

fn main() -> std::process::ExitCode {
    upload_grant_runtime::serve::run::<alibaba_dashscope::Dashscope>()
}
