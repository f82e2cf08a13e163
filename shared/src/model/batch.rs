//! One request for the grants of several files.

use serde_json::Value;

use crate::model::problem::Problem;
use crate::model::request::GrantRequest;

/// The most files of one request.
pub const MAX_FILES: usize = 20;

/// What `POST /grants` was asked.
#[derive(Debug)]
pub enum Asked {
    /// One file.
    One(GrantRequest),
    /// Several; what is wrong with one of them is its own problem, with pointers into its own element.
    Files(Vec<Result<GrantRequest, Problem>>),
}

impl Asked {
    /// Reads the JSON document: a list of `files` counts only where no file is named beside it.
    ///
    /// # Errors
    /// As [`GrantRequest::parse`]; `invalid_request` at `/files` unless that is a list of 1 to 20 objects.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        let document = GrantRequest::document(body)?;
        let present = |name: &str| document.get(name).is_some_and(|value| !value.is_null());
        if ["filename", "name", "key"].into_iter().any(present) || !present("files") {
            return GrantRequest::from_value(&document).map(Self::One);
        }
        let files = document["files"].as_array().map(Vec::as_slice).unwrap_or_default();
        if !(1..=MAX_FILES).contains(&files.len()) || !files.iter().all(Value::is_object) {
            return Err(Problem::invalid(
                "/files",
                format!("a list of 1 to {MAX_FILES} objects is expected"),
            ));
        }
        Ok(Self::Files(files.iter().map(GrantRequest::from_value).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_count_only_where_no_file_is_named() {
        let names = |body: &str| match Asked::parse(body.as_bytes()) {
            Ok(Asked::One(request)) => request.filename,
            Ok(Asked::Files(files)) => {
                let name = |file: Result<GrantRequest, Problem>| match file {
                    Ok(request) => request.filename,
                    Err(problem) => problem.errors[0].pointer.clone(),
                };
                files.into_iter().map(name).collect::<Vec<_>>().join("+")
            }
            Err(problem) => problem.errors[0].pointer.clone(),
        };
        for (body, expected) in [
            (r#"{"files":[{"filename":"a.pdf"},{"name":"b.pdf"},{"key":"c.pdf"}]}"#, "a.pdf+b.pdf+c.pdf"),
            (r#"{"files":[{"filename":"a.pdf"},{}]}"#, "a.pdf+/filename"),
            (r#"{"filename":null,"files":[{"filename":"a.pdf","size":1}]}"#, "a.pdf"),
            (r#"{"filename":"x.pdf","files":[{"filename":"a.pdf"}]}"#, "x.pdf"),
            (r#"{"key":"x.pdf","files":7}"#, "x.pdf"),
            (r#"{"files":[]}"#, "/files"),
            (r#"{"files":{}}"#, "/files"),
            (r#"{"files":["a.pdf"]}"#, "/files"),
            (r#"{"files":null}"#, "/filename"),
            ("{}", "/filename"),
        ] {
            assert_eq!(names(body), expected, "{body}");
        }
        let many = format!(r#"{{"files":[{}{{}}]}}"#, r#"{"filename":"a.pdf"},"#.repeat(20));
        assert_eq!(names(&many), "/files");
    }
}
