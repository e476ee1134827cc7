//! The page of `datlake lineage --format html`, in a browser without a window. What it is looked at for stands in `web/browser`.

use std::path::Path;
use std::process::Command;

use crate::lineage::hostile;
use crate::servers::running;
use crate::support::Machine;

/// The pages that `web/browser` opens, each written by the command.
fn write_pages(folder: &Path) {
    let write = |machine: &Machine, name: &str, asked: &str| {
        let path = folder.join(name);
        machine.ok(&["lineage", asked, "-o", path.to_str().unwrap()]);
        // What goes to standard output is the same, byte for byte.
        assert_eq!(machine.ok(&["lineage", asked, "--format", "html"]), std::fs::read_to_string(&path).unwrap());
    };
    let (machine, _) = Machine::prepared();
    write(&machine, "which.html", "reports/which.txt");
    write(&machine, "pipeline.html", "--pipeline");
    write(&Machine::new(), "empty.html", "--pipeline");
    write(&hostile(), "hostile.html", "copy");
}

#[test]
fn the_page_in_a_browser() {
    let Some(chromium) = running("DATLAKE_TEST_CHROMIUM", "a browser", "the page") else { return };
    let folder = tempfile::tempdir().unwrap();
    write_pages(folder.path());
    let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web");
    let ran = Command::new("npx")
        .args(["vitest", "run", "--config", "vitest.browser.config.ts", "browser/page.test.ts"])
        .current_dir(web)
        .env("DATLAKE_PAGES", folder.path())
        .env("DATLAKE_TEST_CHROMIUM", chromium)
        .output()
        .unwrap();
    let [out, err] = [ran.stdout, ran.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
    assert!(ran.status.success() && out.contains("Tests"), "{out}{err}");
    println!("{out}");
}
