//! Two chains of files, which meet in a report.

use datlake::{File, Result, file_creator};

fn line(word: &str) -> String {
    format!("{word}\n")
}

#[file_creator]
pub fn lines(raw: &File) -> Result<File> {
    let text = raw.read_to_string()?;
    File::from_bytes("lines.txt", text.split(' ').map(line).collect::<String>())
}

#[file_creator]
pub fn count(lines: &File) -> Result<File> {
    File::from_bytes("count.txt", lines.read_to_string()?.lines().count().to_string())
}

fn capital(text: &str) -> String {
    text.to_uppercase()
}

#[file_creator]
pub fn capitals(raw: &File) -> Result<File> {
    File::from_bytes("capitals.txt", capital(&raw.read_to_string()?))
}

#[file_creator]
pub fn first(text: &File) -> Result<File> {
    let text = text.read_to_string()?;
    File::from_bytes("first.txt", text.split(' ').next().unwrap_or_default())
}

#[file_creator]
pub fn report(count: &File, first: &File) -> Result<File> {
    File::from_bytes("report.txt", format!("{} from {}", count.read_to_string()?, first.read_to_string()?))
}
