//! The `alibaba-workorder` function.

fn main() -> std::process::ExitCode {
    upload_grant_runtime::serve::run::<alibaba_workorder::Workorder>()
}
