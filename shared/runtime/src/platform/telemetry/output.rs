//! Standard output, where the lines of one request go out together.

use std::cell::RefCell;
use std::io::{Result, Write};

thread_local! {
    /// What this thread holds back, while it does.
    static HELD: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// Standard output, unless this thread [`hold`]s.
pub(super) struct Output;

/// Until it is dropped, what this thread writes is kept; then it is written at once.
pub(super) struct Hold(());

pub(super) fn hold() -> Hold {
    HELD.with_borrow_mut(|held| drop(held.replace(Vec::with_capacity(1024))));
    Hold(())
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(lines) = HELD.take() {
            // A closed standard output is not worth a failed request.
            let _ = std::io::stdout().lock().write_all(&lines);
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        HELD.with_borrow_mut(|held| match held {
            Some(lines) => lines.write(bytes),
            None => std::io::stdout().lock().write(bytes),
        })
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}
