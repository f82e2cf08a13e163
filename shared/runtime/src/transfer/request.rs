//! From what a grant says to the one HTTP request that it allows.

use upload_grant::model::grant::{Grant, OrderedMap};
use upload_grant::model::problem::{Code, Problem};
use upload_grant::model::request::Mode;

/// The request, all but its bytes.
pub(crate) struct Request<'a> {
    /// Whether it is a form or a plain body.
    pub mode: Mode,
    /// `POST` or `PUT`.
    pub method: &'a str,
    /// Target.
    pub url: &'a str,
    /// Exactly the headers to send.
    pub headers: &'a OrderedMap,
    /// Form fields in sending order.
    pub fields: Option<&'a OrderedMap>,
    /// Name of the form's file part.
    pub file_field: Option<&'a str>,
    /// File name of that part.
    pub file_name: &'a str,
    /// Content type of that part.
    pub content_type: &'a str,
}

/// File name and content type of a form's file part: the last segment of the object's key, and the first of the
/// allowed types.
pub(crate) fn file_part<'a>(key: &'a str, types: &'a [String]) -> (&'a str, &'a str) {
    let file_name = key.rsplit('/').next().unwrap_or_default();
    (file_name, types.first().map_or("application/octet-stream", String::as_str))
}

impl<'a> Request<'a> {
    /// The request that `grant` describes; a form's file part goes by the name of the object.
    pub fn of(grant: &'a Grant) -> Self {
        let (file_name, content_type) = file_part(&grant.key, &grant.limits.content_types);
        Self {
            mode: grant.mode,
            method: grant.method,
            url: &grant.url,
            headers: &grant.headers,
            fields: grant.fields.as_ref(),
            file_field: grant.file_field,
            file_name,
            content_type,
        }
    }

    /// The request with its `length` bytes.
    pub fn build(
        &self,
        client: &reqwest::Client,
        bytes: reqwest::Body,
        length: u64,
    ) -> Result<reqwest::RequestBuilder, Problem> {
        let is_form = self.mode == Mode::Form;
        let method = if self.method == "POST" { reqwest::Method::POST } else { reqwest::Method::PUT };
        let mut request = client.request(method, self.url);
        for (name, value) in &self.headers.0 {
            request = request.header(name, value);
        }
        Ok(if is_form {
            request.multipart(self.form(bytes, length)?)
        } else {
            request.header("content-length", length).body(bytes)
        })
    }

    /// The fields in their order, the file last.
    fn form(&self, bytes: reqwest::Body, length: u64) -> Result<reqwest::multipart::Form, Problem> {
        let mut form = reqwest::multipart::Form::new();
        for (name, value) in self.fields.iter().flat_map(|fields| &fields.0) {
            form = form.text(name.clone(), value.clone());
        }
        let file = reqwest::multipart::Part::stream_with_length(bytes, length)
            .file_name(self.file_name.to_owned())
            .mime_str(self.content_type)
            .map_err(|_| Problem::new(Code::Internal, "the content type cannot be sent"))?;
        Ok(form.part(self.file_field.unwrap_or("file").to_owned(), file))
    }
}
