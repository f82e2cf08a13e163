//! The files that the flows are shown with.

use std::io;
use std::path::Path;

use upload_grant_sandbox::FLOWS;

/// Where `make run` puts the files, seen from the repository's root.
pub(crate) const FOLDER: &str = ".demo";

/// Writes the files for curl to read.
pub(crate) fn write_files() -> io::Result<()> {
    std::fs::create_dir_all(FOLDER)?;
    FLOWS.iter().try_for_each(|flow| std::fs::write(Path::new(FOLDER).join(flow.file), flow.bytes))
}
