//! The `alibaba-aicontent` function.

fn main() -> std::process::ExitCode {
    upload_grant::serve::run::<alibaba_aicontent::Aicontent>()
}
