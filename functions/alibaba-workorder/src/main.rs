//! The `alibaba-workorder` function.

fn main() -> std::process::ExitCode {
    upload_grant::serve::run::<alibaba_workorder::Workorder>()
}
