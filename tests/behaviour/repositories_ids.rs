//! Ids of commits: what one leads to is that commit, and nothing else.

use datlake::ErrorKind;
use datlake_core::repository::{BranchDocument, BranchName};

use crate::repositories::{committed, has, repository};
use crate::support::{check_error, lake};

#[test]
fn nothing_hides_a_commit_under_its_id() {
    let lake = lake();
    let (sales, main) = repository(&lake);
    let id = committed(&main, &[("a", "1")]);
    let says = &["reads as the id of a commit"];
    check_error(sales.branch(&id).create("main"), ErrorKind::InvalidInput, says);
    check_error(sales.tag(&id).create("main"), ErrorKind::InvalidInput, says);
    check_error(lake.new_repository("other").default_branch(&id).create(), ErrorKind::InvalidInput, says);
    // What is shorter is a name that people give, as that of a day.
    sales.branch("20261130").create("main").unwrap();
    // A branch that another program called so.
    let folder = std::fs::read_dir(lake.home().join("repos")).unwrap().next().unwrap().unwrap().path();
    let incarnation = folder.file_name().unwrap().to_str().unwrap().parse().unwrap();
    let bytes = std::fs::read(folder.join("branches/20261130.datlake")).unwrap();
    let day = BranchName::new("20261130").unwrap();
    let (mut document, _) = BranchDocument::parse(&incarnation, &day, &bytes).unwrap();
    document.name = BranchName::new(&id).unwrap();
    std::fs::write(folder.join(format!("branches/{id}.datlake")), document.to_bytes().unwrap().0).unwrap();
    sales.branch(&id).put_bytes("a", "forged").unwrap();
    has(&sales, &id, &[("a", "1")]);
    assert_eq!(sales.reference(&format!("{id}~0")).read("a").unwrap(), b"1");
}
