//! The five flows and the file that each of them is shown with.

use std::io;
use std::path::Path;

/// Where `make run` puts the files, seen from the repository's root.
pub(crate) const FOLDER: &str = ".demo";

/// A function and a file its vendor takes.
pub(crate) struct Flow {
    /// Name of the function and of its binary.
    pub(crate) name: &'static str,
    /// The file's name.
    pub(crate) file: &'static str,
    /// Its content.
    pub(crate) bytes: &'static [u8],
}

pub(crate) const FLOWS: [Flow; 5] = [
    Flow { name: "alibaba-chatapp", file: "demo.png", bytes: include_bytes!("files/demo.png") },
    Flow { name: "alibaba-workorder", file: "demo.txt", bytes: include_bytes!("files/demo.txt") },
    Flow { name: "tencent-lke", file: "demo.md", bytes: include_bytes!("files/demo.md") },
    Flow { name: "alibaba-aicontent", file: "demo.wav", bytes: include_bytes!("files/demo.wav") },
    Flow { name: "huawei-aicc", file: "demo.jpg", bytes: include_bytes!("files/demo.jpg") },
];

impl Flow {
    /// The request for a grant.
    pub(crate) fn request(&self) -> String {
        format!(r#"{{"filename":"{}","size":{}}}"#, self.file, self.bytes.len())
    }
}

/// Writes the files for curl to read.
pub(crate) fn write_files() -> io::Result<()> {
    std::fs::create_dir_all(FOLDER)?;
    FLOWS.iter().try_for_each(|flow| std::fs::write(Path::new(FOLDER).join(flow.file), flow.bytes))
}
