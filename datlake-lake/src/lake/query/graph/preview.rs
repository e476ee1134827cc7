//! What is in a file, as far as it is shown beside its lineage. Nothing is downloaded for it.

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use datlake_core::Result;

use crate::file::{File, Tree};
use crate::report::{FilePreview, NoPreview, PreviewedFile};

/// Bytes of a text.
const TEXT: u64 = 8 << 10;
/// Bytes of a picture.
const IMAGE: u64 = 256 << 10;
/// Files of a tree.
const FILES: usize = 50;

/// Of content that cannot be read, that.
pub(super) fn of(file: &File) -> FilePreview {
    shown(file).unwrap_or(FilePreview::None { why: NoPreview::Unreadable })
}

fn shown(file: &File) -> Result<FilePreview> {
    if !file.is_local()? {
        return Ok(FilePreview::None { why: NoPreview::Away });
    }
    if file.is_tree() {
        return tree(&Tree::try_from(file.clone())?);
    }
    let bytes = start(file, TEXT)?;
    let Some(media_type) = picture(file.name(), &bytes) else { return Ok(text(bytes, file.len())) };
    Ok(match file.len() <= IMAGE {
        true => FilePreview::Image { media_type: media_type.to_owned(), base64: STANDARD.encode(start(file, IMAGE)?) },
        false => FilePreview::None { why: NoPreview::Large },
    })
}

fn start(file: &File, most: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.open()?.take(most).read_to_end(&mut bytes).map_err(|e| datlake_core::Error::io("read", file, e))?;
    Ok(bytes)
}

fn tree(tree: &Tree) -> Result<FilePreview> {
    let all = tree.files()?;
    let some = all.iter().take(FILES).map(|file| PreviewedFile { path: file.name().to_owned(), size: file.len() });
    Ok(FilePreview::Tree { files: some.collect(), more: all.len().saturating_sub(FILES) as u64 })
}

/// The kind of picture, by its first bytes: a name may say anything.
fn picture(name: &str, bytes: &[u8]) -> Option<&'static str> {
    Some(match bytes {
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        [0xff, 0xd8, 0xff, ..] => "image/jpeg",
        [b'G', b'I', b'F', b'8', ..] => "image/gif",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
        _ if name.ends_with(".svg") && bytes.windows(4).any(|tag| tag == b"<svg") => "image/svg+xml",
        _ => return None,
    })
}

/// Text, up to the last character that is whole.
fn text(mut bytes: Vec<u8>, size: u64) -> FilePreview {
    let cut = size > bytes.len() as u64;
    if let Err(error) = std::str::from_utf8(&bytes)
        && error.error_len().is_none()
        && cut
    {
        bytes.truncate(error.valid_up_to());
    }
    match String::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => FilePreview::Text { text, cut },
        _ => FilePreview::None { why: NoPreview::Binary },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_ends_with_a_whole_character_and_what_is_none_is_said() {
        let of = |bytes: &[u8], size| text(bytes.to_vec(), size);
        let is = |text: &str, cut| FilePreview::Text { text: text.to_owned(), cut };
        let binary = FilePreview::None { why: NoPreview::Binary };
        assert_eq!(of("a€".as_bytes(), 4), is("a€", false));
        assert_eq!(of(&"a€".as_bytes()[..3], 4), is("a", true));
        // At its end half a character is none.
        assert_eq!(of(&"a€".as_bytes()[..3], 3), binary);
        assert_eq!((of(b"a\0b", 3), of(b"a\xffb", 3), of(b"", 0)), (binary.clone(), binary, is("", false)));
    }

    #[test]
    fn a_picture_is_known_by_its_bytes() {
        assert_eq!(picture("a.txt", b"\x89PNG\r\n"), Some("image/png"));
        assert_eq!(picture("a.png", b"no picture"), None);
        assert_eq!(picture("a.svg", b"<?xml?><svg xmlns="), Some("image/svg+xml"));
        assert_eq!((picture("a.svg", b"text"), picture("a.html", b"<svg")), (None, None));
    }
}
