#[allow(dead_code)]
fn main() {}

#[test]
fn the_same_elsewhere() {
    CRATE::check();
}
