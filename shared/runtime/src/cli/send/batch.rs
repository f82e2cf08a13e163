//! Asking for several files in one request.

use futures_util::{StreamExt as _, stream};

use super::function::Function;
use super::options::{Input, Options};
use super::progress::Progress;
use super::transfer::{Prepared, patiently, prepare};
use upload_grant::model::batch::MAX_FILES;
use upload_grant::model::problem::{Code, Problem};

/// Bytes from which on a file is asked for alone: in a list it would hold up the others while it is read, and their
/// grants would grow old while it is sent.
const LARGE: u64 = 64 * 1024 * 1024;

/// A FILE, and what is known of it where it was asked for in a list.
pub(super) struct Work<'a> {
    pub input: &'a Input,
    pub prepared: Option<Result<Prepared, Problem>>,
}

/// The inputs as they are asked for: what may have to be waited for alone and first, the rest in lists.
pub(super) fn groups(inputs: &[Input]) -> Vec<Vec<&Input>> {
    let (together, alone): (Vec<&Input>, Vec<&Input>) = inputs.iter().partition(|input| is_quick(input));
    let lists = together.chunks(MAX_FILES).map(<[_]>::to_vec);
    alone.into_iter().map(|input| vec![input]).chain(lists).collect()
}

/// A file on disk of no great size; no pipe, which gives its bytes when it likes.
fn is_quick(input: &Input) -> bool {
    let metadata = input.path.as_deref().and_then(|path| path.metadata().ok());
    metadata.is_some_and(|metadata| metadata.is_file() && metadata.len() < LARGE)
}

/// Reads the files of a group and asks for them in one request; one file asks for itself when its turn comes.
pub(super) async fn ask<'a>(
    function: &Function,
    options: &Options,
    group: Vec<&'a Input>,
    progress: &Progress,
) -> Vec<Work<'a>> {
    if let [input] = *group {
        return vec![Work { input, prepared: None }];
    }
    let read = async |input: &'a Input| {
        let bar = progress.bar(&input.label());
        Work { input, prepared: Some(prepare(options, input, &bar).await) }
    };
    let mut works: Vec<Work<'a>> = stream::iter(group).map(read).buffered(options.jobs).collect().await;
    let ready = works.iter_mut().filter_map(|work| work.prepared.as_mut()?.as_mut().ok());
    let mut ready: Vec<&mut Prepared> = ready.collect();
    if ready.len() < 2 {
        return works;
    }
    let bar = progress.bar(&format!("{} files", ready.len()));
    bar.start("asking", 0);
    let requests: Vec<_> = ready.iter().map(|prepared| &prepared.request).collect();
    match patiently(&bar, async || function.ask_all(&requests).await).await {
        Ok(answers) => {
            for (prepared, answer) in ready.iter_mut().zip(answers) {
                prepared.held = Some(answer);
            }
        }
        // Over 64 KiB together, or an older function that misses a file name: each asks for itself.
        Err(problem) if refuses_lists(&problem) => {}
        Err(problem) => {
            for prepared in works.iter_mut().filter_map(|work| work.prepared.as_mut()) {
                if prepared.is_ok() {
                    *prepared = Err(problem.clone());
                }
            }
        }
    }
    works
}

fn refuses_lists(problem: &Problem) -> bool {
    matches!(problem.code, Code::TooLarge | Code::InvalidRequest | Code::InvalidFilename)
}
