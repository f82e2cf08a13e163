//! The bytes of one FILE: of known number, and to be read as often as it takes.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::task::spawn_blocking;

use super::options::Input;
use super::progress::Bar;
use crate::transfer::Body;
use upload_grant::model::problem::{Code, Problem};
use upload_grant::model::request::Checksums;

const CHUNK: usize = 256 * 1024;

/// A file that is open.
pub(super) struct Source {
    /// Name to ask for.
    pub name: String,
    /// Bytes.
    pub length: u64,
    file: Arc<File>,
}

impl Source {
    /// Opens `input`. What is no regular file tells no length and cannot be read twice, so it is copied to a
    /// temporary file first.
    ///
    /// # Errors
    /// `invalid_filename`, `source_failed` with the system's reason, `invalid_request` if it is empty.
    pub async fn open(input: &Input) -> Result<Self, Problem> {
        let name = name(input)?;
        let path = input.path.clone();
        let opened = spawn_blocking(move || open(path.as_deref())).await;
        let (file, length) = opened.map_err(|_| failed("interrupted"))?.map_err(failed)?;
        if length == 0 {
            return Err(Problem::new(Code::InvalidRequest, "the file is empty"));
        }
        Ok(Self { name, length, file: Arc::new(file) })
    }

    /// The bytes from the first on, counted by `bar`; refused at the end unless they match `expected`.
    pub fn body(&self, expected: Checksums, bar: &Bar) -> Body {
        let bar = bar.clone();
        Body::new(self.length, expected, chunks(self.file.clone(), self.length, move |read| bar.add(read)))
    }
}

fn name(input: &Input) -> Result<String, Problem> {
    let own = || Some(input.path.as_deref()?.file_name()?.to_str()?.to_owned());
    let name = input.name.clone().or_else(own);
    name.ok_or_else(|| {
        Problem::new(Code::InvalidFilename, "the file name is not UTF-8, or there is none: use --name")
    })
}

fn open(path: Option<&Path>) -> io::Result<(File, u64)> {
    let Some(path) = path else { return spooled(io::stdin().lock()) };
    let file = File::open(path)?;
    let kind = file.metadata()?;
    if kind.is_dir() {
        Err(io::ErrorKind::IsADirectory.into())
    } else if kind.is_file() {
        Ok((file, kind.len()))
    } else {
        spooled(file)
    }
}

/// A temporary file without a name: it is gone with this process.
fn spooled(mut from: impl io::Read) -> io::Result<(File, u64)> {
    let mut file = tempfile::tempfile()?;
    let length = io::copy(&mut from, &mut file)?;
    Ok((file, length))
}

/// Reads at its own place in the file: a reader that was given up in the middle does not disturb the next.
fn chunks(
    file: Arc<File>,
    length: u64,
    count: impl Fn(usize) + Clone + Send + 'static,
) -> impl Stream<Item = Result<Bytes, Problem>> + Send + 'static {
    stream::unfold(0_u64, move |at| {
        let (file, count) = (file.clone(), count.clone());
        async move {
            if at >= length {
                return None;
            }
            let most = usize::try_from(length - at).unwrap_or(CHUNK).min(CHUNK);
            let read = spawn_blocking(move || read_at(&file, at, most)).await;
            let chunk = match read {
                Ok(Ok(chunk)) if chunk.is_empty() => Err(failed("it became shorter")),
                Ok(Ok(chunk)) => Ok(chunk),
                Ok(Err(error)) => Err(failed(error)),
                Err(_) => Err(failed("interrupted")),
            };
            let read = chunk.as_ref().map_or(0, Bytes::len);
            count(read);
            Some((chunk, at + read as u64))
        }
    })
}

fn read_at(file: &File, at: u64, most: usize) -> io::Result<Bytes> {
    let mut chunk = vec![0; most];
    let read = file.read_at(&mut chunk, at)?;
    chunk.truncate(read);
    Ok(chunk.into())
}

fn failed(reason: impl std::fmt::Display) -> Problem {
    Problem::new(Code::SourceFailed, format!("the file cannot be read: {reason}"))
}
