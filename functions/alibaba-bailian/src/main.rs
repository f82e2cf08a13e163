//! The `alibaba-bailian` function.

fn main() -> std::process::ExitCode {
    upload_grant_runtime::serve::run::<alibaba_bailian::Bailian>()
}
