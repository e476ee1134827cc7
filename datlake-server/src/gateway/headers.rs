//! What clients of S3 say of content beside its type: how it is encoded, shown, cached. It is kept with what they note of the object, under
//! the names of the headers, and said again by whoever reads it.

use std::collections::BTreeMap;

/// Signed bodies come in pieces, which clients call an encoding. It is none of the content.
const CHUNKED: &str = "aws-chunked";

/// Headers that are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ContentHeaders {
    pub(super) encoding: Option<String>,
    pub(super) disposition: Option<String>,
    pub(super) language: Option<String>,
    pub(super) cache: Option<String>,
}

/// Those of a request.
macro_rules! headers_of {
    ($input:expr) => {
        crate::gateway::headers::ContentHeaders {
            encoding: $input.content_encoding.clone(),
            disposition: $input.content_disposition.clone(),
            language: $input.content_language.clone(),
            cache: $input.cache_control.clone(),
        }
    };
}
pub(super) use headers_of;

impl ContentHeaders {
    fn named(&mut self) -> [(&'static str, &mut Option<String>); 4] {
        [
            ("content-encoding", &mut self.encoding),
            ("content-disposition", &mut self.disposition),
            ("content-language", &mut self.language),
            ("cache-control", &mut self.cache),
        ]
    }

    /// What is noted of an object with them.
    pub(super) fn noted(mut self, metadata: impl IntoIterator<Item = (String, String)>) -> Vec<(String, String)> {
        self.encoding = self.encoding.as_deref().and_then(without_chunks);
        let own = self.named().into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.take()?)));
        metadata.into_iter().chain(own.collect::<Vec<_>>()).collect()
    }

    /// Those of an object, and what else is noted of it.
    pub(super) fn split(mut metadata: BTreeMap<String, String>) -> (Self, BTreeMap<String, String>) {
        let mut headers = Self::default();
        headers.named().into_iter().for_each(|(name, value)| *value = metadata.remove(name));
        (headers, metadata)
    }
}

fn without_chunks(encoding: &str) -> Option<String> {
    let kept: Vec<&str> = encoding
        .split(',')
        .map(str::trim)
        .filter(|one| !one.is_empty() && !one.eq_ignore_ascii_case(CHUNKED))
        .collect();
    (!kept.is_empty()).then(|| kept.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_content_is_said_again_and_how_it_was_sent_is_not() {
        let said = ContentHeaders {
            encoding: Some("gzip,aws-chunked".to_owned()),
            cache: Some("no-store".to_owned()),
            ..ContentHeaders::default()
        };
        let noted = said.clone().noted([("rows".to_owned(), "1".to_owned())]);
        let (headers, rest) = ContentHeaders::split(noted.into_iter().collect());
        assert_eq!(headers, ContentHeaders { encoding: Some("gzip".to_owned()), ..said });
        assert_eq!(rest, [("rows".to_owned(), "1".to_owned())].into());
        let chunks = ContentHeaders { encoding: Some("aws-chunked".to_owned()), ..ContentHeaders::default() };
        assert!(chunks.noted([]).is_empty());
    }
}
