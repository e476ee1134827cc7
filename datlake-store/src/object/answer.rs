//! Answers whose status says success and whose body does not.
//!
//! - S3 may send a status before it knows how a request ends; then an error stands in the body of a 200.
//! - A batch has a status of its own for each request in it.
//! - A listing that is something else, such as the page of a proxy, would be an empty one to the client. So would one that was
//!   cut short, or that says that there is more and not where, be a shorter one; and what is not listed may be collected.
//!
//! Content is never looked into: it may be anything.

use quick_xml::events::Event;

use super::failure::{NoAnswer, Refusal};

/// What the body of an answer must be, if its status says success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// Content.
    Content,
    /// Anything but an error.
    Anything,
    /// A complete document.
    Document,
    /// A complete document: a page of objects.
    Page,
    /// The answer to a batch of one request, as the client sends them.
    Batch,
}

/// Why an answer is no success.
#[derive(Debug)]
pub(super) enum Flaw {
    Refused(Refusal),
    NoAnswer(NoAnswer),
}

impl Expected {
    /// What a request with this method and query is answered with.
    pub(super) fn of(method: &str, query: &str) -> Self {
        let has = |name: &str| query.split('&').any(|pair| pair == name || pair.split('=').next() == Some(name));
        match method {
            "GET" if has("list-type") || has("comp=list") => Self::Page,
            "GET" | "POST" if has("uploads") || has("uploadId") => Self::Document,
            "GET" | "HEAD" => Self::Content,
            "POST" if has("comp=batch") => Self::Batch,
            _ => Self::Anything,
        }
    }

    /// Whether `text`, the body of an answer with `status`, is a success.
    pub(super) fn check(self, status: u16, text: &str) -> Result<(), Flaw> {
        match self {
            Self::Content => return Ok(()),
            Self::Batch => return check_batch(text),
            Self::Anything | Self::Document | Self::Page => {}
        }
        let document = Document::read(text);
        if matches!(document.root.as_str(), "Error" | "ErrorResponse") {
            return Err(Flaw::Refused(Refusal::within(status, text)));
        }
        // By S3 and Google, by Azure, by moto.
        let ends = ["Result", "Results", "Response"];
        let is_result = document.is_whole && ends.iter().any(|end| document.root.ends_with(end));
        // No key has a `<` in it that is not escaped.
        let is_truncated = || text.contains("<IsTruncated>true<") && !text.contains("<NextContinuationToken>");
        let no_answer = |why| Err(Flaw::NoAnswer(NoAnswer(why)));
        match self {
            Self::Document | Self::Page if !is_result => {
                no_answer("what came is not the answer of an object store, or half of one: is a proxy in between?")
            }
            Self::Page if is_truncated() => no_answer("it lists a part of the objects, and does not say how to go on"),
            _ => Ok(()),
        }
    }
}

/// What matters of a document.
#[derive(Debug, Default, PartialEq, Eq)]
struct Document {
    /// The name of the outermost element; empty where there is none.
    root: String,
    /// Whether it is well-formed, to its end.
    is_whole: bool,
}

impl Document {
    fn read(text: &str) -> Self {
        let (mut root, mut open) = (String::new(), 0_usize);
        let mut reader = quick_xml::Reader::from_str(text);
        let is_whole = loop {
            match reader.read_event() {
                Ok(Event::Start(element)) => {
                    if root.is_empty() {
                        root = String::from_utf8_lossy(element.local_name().as_ref()).into_owned();
                    }
                    open += 1;
                }
                Ok(Event::Empty(element)) if root.is_empty() => {
                    root = String::from_utf8_lossy(element.local_name().as_ref()).into_owned();
                }
                // The reader refuses one too many.
                Ok(Event::End(_)) => open = open.saturating_sub(1),
                Ok(Event::Eof) => break open == 0 && !root.is_empty(),
                Err(_) => break false,
                Ok(_) => {}
            }
        };
        Self { root, is_whole }
    }
}

/// Azure answers 202, and in `multipart/mixed` each request in the batch.
fn check_batch(text: &str) -> Result<(), Flaw> {
    let no_answer = || Err(Flaw::NoAnswer(NoAnswer("the server did not say what became of the request")));
    let (mut head, mut answers) = (text, text.match_indices("HTTP/1."));
    let answer = answers.find(|(at, _)| text[..*at].ends_with('\n')).map(|(at, _)| {
        head = &text[..at];
        &text[at..]
    });
    let another = answers.any(|(at, _)| text[..at].ends_with('\n'));
    let status = answer.and_then(|answer| answer.split(' ').nth(1)?.get(..3)?.parse::<u16>().ok());
    let (Some(answer), Some(status), false) = (answer, status, another) else { return no_answer() };
    // The client counts from zero, and takes every number for one of its own.
    let id = header(head, "content-id");
    match (status, id) {
        (_, Some(id)) if id != "0" => no_answer(),
        (200..300, Some(_)) => Ok(()),
        _ => {
            let refusal = Refusal::read(status, header(answer, "x-ms-error-code"), answer);
            // The client knows that there is no such object.
            if status == 404 && id.is_some() && !refusal.is_of_bucket() { Ok(()) } else { Err(Flaw::Refused(refusal)) }
        }
    }
}

/// The value of the first line with this header.
fn header<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(found, _)| found.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(method: &str, query: &str, text: &str) -> Result<(), String> {
        Expected::of(method, query).check(200, text).map_err(|flaw| match flaw {
            Flaw::Refused(refusal) => format!("{} {}", refusal.status, refusal.code),
            Flaw::NoAnswer(_) => "no answer".to_owned(),
        })
    }

    fn error(code: &str) -> String {
        // White space keeps the connection open while the server works.
        format!("<?xml version=\"1.0\"?>\n  \n <Error><Code>{code}</Code><Message>m</Message></Error>")
    }

    #[test]
    fn an_error_is_one_whatever_the_status_says() {
        for (method, query) in [
            ("POST", "uploadId=1"),
            ("POST", "uploads"),
            ("POST", "delete"),
            ("PUT", ""),
            ("PUT", "partNumber=1&uploadId=1"),
            ("PUT", "comp=blocklist"),
            ("DELETE", ""),
            ("GET", "list-type=2&prefix=a"),
            ("GET", "comp=list&restype=container"),
            ("GET", "uploads&prefix=a"),
        ] {
            for (code, status) in
                [("InternalError", 500), ("NeverHeardOf", 500), ("NoSuchUpload", 404), ("InvalidPart", 400)]
            {
                let said = outcome(method, query, &error(code));
                assert_eq!(said, Err(format!("{status} {code}")), "{method} {query}");
            }
            for text in [
                "<Error><Code>SlowDown</Code><Mes",
                "<ErrorResponse><Error><Code>SlowDown</Code></Error></ErrorResponse>",
            ] {
                assert_eq!(outcome(method, query, text), Err("503 SlowDown".to_owned()));
            }
        }
        assert_eq!(outcome("GET", "", &error("InternalError")), Ok(()), "content may be anything");
        assert_eq!(outcome("GET", "X-Amz-Signature=1", &error("InternalError")), Ok(()));
    }

    #[test]
    fn what_is_not_the_document_that_was_asked_for_is_no_answer() {
        let good = [
            "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"x\"><IsTruncated>false</IsTruncated></ListBucketResult>",
            "<EnumerationResults><Blobs /></EnumerationResults>",
            "<s3:ListBucketResult/>",
            "<ListPartsResponse></ListPartsResponse>",
            "<R.Result><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken></R.Result>",
        ];
        let bad = [
            "",
            " \n ",
            "<html><body><h1>Sign in to the airport</h1></body></html>",
            "{\"error\": \"x\"}",
            "<?xml version=\"1.0\"?>",
            "<ListBucketResult><IsTruncated>false</IsTruncated>",
            "<ListBucketResult><IsTruncated>false</ListBucketResult>",
            "<ListBucketResult></ListBucketResult></ListBucketResult>",
            "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
        ];
        for text in good {
            assert_eq!(outcome("GET", "list-type=2", text), Ok(()), "{text}");
        }
        for text in bad {
            assert_eq!(outcome("GET", "comp=list", text), Err("no answer".to_owned()), "{text}");
            assert_eq!(outcome("PUT", "", text), Ok(()), "nothing is expected in it");
        }
        assert_eq!(outcome("POST", "uploadId=1", ""), Err("no answer".to_owned()));
    }

    #[test]
    fn a_batch_is_what_its_request_is() {
        let answer = |id: &str, status: &str| {
            format!(
                "--batch_1\r\nContent-Type: application/http\r\n{id}\r\n\r\nHTTP/1.1 {status}\r\nx-ms-error-code: Code\r\n\
                 \r\n<Error><Code>Code</Code></Error>\r\n--batch_1--\r\n"
            )
        };
        let id = "Content-ID: 0";
        for (text, outcome_) in [
            (answer(id, "202 Accepted"), Ok(())),
            (answer(id, "404 Not Found"), Ok(())),
            (answer(id, "503 Server Busy"), Err("503 Code")),
            (answer(id, "403 No"), Err("403 Code")),
            (answer("", "403 No"), Err("403 Code")),
            (answer("Content-ID: 1", "202 Accepted"), Err("no answer")),
            (answer(id, "x"), Err("no answer")),
            (answer(id, "202 Accepted") + &answer(id, "202 Accepted"), Err("no answer")),
            ("--batch_1--\r\n".to_owned(), Err("no answer")),
            (String::new(), Err("no answer")),
        ] {
            assert_eq!(
                outcome("POST", "restype=container&comp=batch", &text),
                outcome_.map_err(str::to_owned),
                "{text}"
            );
        }
    }
}
