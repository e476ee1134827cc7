//! What a creator is not.
use datlake::file_creator;

#[file_creator]
struct Shop;

#[file_creator]
const LIMIT: u32 = 3;

fn main() {
    let _ = (Shop, LIMIT);
}
