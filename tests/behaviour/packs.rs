//! Packs of call records: a machine that is new to a creator learns of many of its calls by few requests.

use std::fmt::Write as _;

use datlake::{Collect, ErrorKind, File, Lake, LakeBuilder, Result, Verify, file_creator};
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};

use crate::fake::Fake;
use crate::servers::s3_at;
use crate::support::{Machines, Watched, check_error, files_below, overwrite};

const MANY: u32 = 200;

#[file_creator]
fn squared(n: u32) -> Result<u64> {
    Ok(u64::from(n) * u64::from(n))
}

#[file_creator]
async fn cubed(n: u32) -> Result<u64> {
    Ok(u64::from(n) * u64::from(n) * u64::from(n))
}

fn all_squares() -> Result<Vec<u64>> {
    squared::calls(0..MANY).run()
}

fn all_cubes() -> Result<Vec<u64>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(Lake::current()?.scope(futures_util::future::try_join_all((0..MANY).map(cubed))))
}

fn by_rayon() -> Result<Vec<u64>> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let here = datlake::here();
    pool.install(|| (0..MANY).into_par_iter().map(|n| here.run(|| squared(n))).collect())
}

fn machine(folder: &tempfile::TempDir, name: &str, fake: &Fake) -> LakeBuilder {
    let builder = Lake::builder().home(folder.path().join(name)).remote("s3://bucket/lake");
    builder.remote_variables(s3_at(&fake.endpoint))
}

#[test]
fn a_new_machine_finds_many_calls_by_few_requests() {
    let (fake, folder) = (Fake::start(), tempfile::tempdir().unwrap());
    let one = Watched::open(machine(&folder, "one", &fake));
    one.ok(&format!("ran cubed ×{MANY}, ran squared ×{MANY}"), || {
        Ok::<_, datlake::Error>((all_squares()?, all_cubes()?))
    });
    drop(one);
    fake.asked();
    type Ask = fn() -> Result<Vec<u64>>;
    let ways: [(&str, &str, Ask); 3] =
        [("calls", "squared", all_squares), ("rayon", "squared", by_rayon), ("joined", "cubed", all_cubes)];
    for (way, creator, ask) in ways {
        let lake = Watched::open(machine(&folder, way, &fake));
        lake.ok(&format!("hit {creator} ×{MANY}"), ask);
        let asked = fake.asked();
        let mut said = String::new();
        asked.iter().for_each(|asked| writeln!(said, "{asked:?}").unwrap());
        assert!(asked.len() <= 20, "{way}: {} requests\n{said}", asked.len());
    }
}

/// What a person who looks after a lake does about packs.
#[test]
fn packs_are_collected_verified_and_never_missed() {
    let machines = Machines::new();
    let one = machines.machine("one");
    one.ok(&format!("ran squared ×{MANY}"), all_squares);
    drop(one);
    let packs = || files_below(&machines.remote().join("records"));
    assert_eq!(packs().len(), 1);

    let two = machines.machine("two");
    two.ok(&format!("hit squared ×{MANY}"), all_squares);
    let copies = || files_below(&two.home().join("records"));
    assert_eq!(copies().len(), 1);
    // The pack is where their records are on this machine.
    two.collect(Collect::default()).unwrap();
    assert_eq!(copies().len(), 1);
    assert_eq!(two.verify(Verify::default(), &[]).unwrap().findings, []);

    overwrite(&packs()[0], |bytes| bytes.truncate(bytes.len() / 2));
    let findings = two.verify(Verify::default(), &[]).unwrap().findings;
    let [finding] = &*findings else { panic!("{findings:?}") };
    assert!(finding.error.contains("records/") && finding.error.contains("datlake gc"), "{finding:?}");
    let three = machines.machine("three");
    three.ok(&format!("hit squared ×{MANY}"), all_squares);

    let collected = three.collect(Collect::default()).unwrap().remote.unwrap();
    assert_eq!(u64::from(MANY), collected.packed);
    assert_eq!(two.verify(Verify::default(), &[]).unwrap().findings, []);
    let four = machines.machine("four");
    four.ok(&format!("hit squared ×{MANY}"), all_squares);
    assert_eq!(files_below(&four.home().join("records")).len(), 1);
}

/// What was pushed is packed as well.
#[test]
fn a_push_packs_what_it_sends() {
    let machines = Machines::new();
    let alone = Watched::open(Lake::builder().home(machines.remote().with_file_name("one")));
    alone.ok("ran squared ×20", || squared::calls(0..20).run());
    drop(alone);
    let one = machines.machine("one");
    one.push(&[]).unwrap();
    assert_eq!(files_below(&machines.remote().join("records")).len(), 1);
    machines.machine("two").ok("hit squared ×20", || squared::calls(0..20).run());
}

#[file_creator]
fn written(n: u32) -> Result<File> {
    File::from_bytes("n.txt", n.to_string())
}

fn all_written() -> Result<Vec<File>> {
    written::calls(0..20).run()
}

/// What was found in a pack is on this machine, for whatever asks for it, as if each record stood at its own place.
#[test]
fn what_a_pack_brought_stays_on_this_machine() {
    let machines = Machines::new();
    machines.machine("one").ok("ran written ×20", all_written);
    let two = machines.machine("two");
    let files = two.ok("hit written ×20", all_written);
    files.iter().for_each(|file| drop(file.read().unwrap()));
    assert!(files_below(&two.home().join("calls")).len() <= 2, "only the first were asked for one by one");
    let uid = files[19].uid().unwrap().to_string();
    drop((two, files));

    let alone = Watched::open(machines.builder("two").offline(true));
    let files = alone.ok("hit written ×20", all_written);
    assert_eq!(files[7].read_to_string().unwrap(), "7");
    assert_eq!(alone.history(None).unwrap().calls.len(), 20);
    assert_eq!(alone.info(&uid).unwrap().row.size, 2);
    let collected = alone.collect(Collect::default()).unwrap().local.unwrap();
    assert_eq!(collected.blobs, 0, "what the records name is kept");
    let verified = alone.verify(Verify::default(), &[]).unwrap();
    assert!(verified.findings.is_empty() && verified.documents >= 20, "{verified:?}");
    check_error(alone.remove(&uid), ErrorKind::Unavailable, &["offline"]);
    drop((alone, files));

    // What is removed is found no more, here or by another process that has read the pack.
    let two = machines.machine("two");
    assert_eq!(two.remove(&uid).unwrap().len(), 1);
    drop(two);
    let alone = Watched::open(machines.builder("two").offline(true));
    alone.ok("hit written ×19, ran written", all_written);
    drop(alone);

    // Another remote has none of them, and gets all.
    let third = machines.remote().with_file_name("third");
    let moved = Watched::open(machines.builder("two").remote(format!("file://{}", third.display())));
    moved.push(&[]).unwrap();
    drop(moved);
    assert_eq!(files_below(&third.join("calls")).len(), 20);
}

/// A copy that is damaged is said to be, and is as good as none.
#[test]
fn a_damaged_copy_of_a_pack_is_found_and_fetched_anew() {
    let machines = Machines::new();
    machines.machine("one").ok("ran written ×20", all_written);
    let two = machines.machine("two");
    two.ok("hit written ×20", all_written);
    let copies = files_below(&two.home().join("records"));
    drop(two);
    overwrite(&copies[0], |bytes| *bytes.last_mut().unwrap() ^= 1);
    let two = machines.machine("two");
    let findings = two.verify(Verify::default(), &[]).unwrap().findings;
    let [record, pack] = &*findings else { panic!("{findings:?}") };
    assert!(record.error.contains("calls/") && record.error.contains("damaged"), "{record:?}");
    assert!(pack.error.contains("records/") && pack.error.contains("datlake gc"), "{pack:?}");
    drop(two);
    // Offline no body runs for what is damaged here.
    let alone = Watched::open(machines.builder("two").offline(true));
    let failed = {
        let _current = alone.enter();
        all_written()
    };
    check_error(failed, ErrorKind::Corrupt, &["damaged"]);
    drop(alone);
    let two = machines.machine("two");
    two.ok("hit written ×20", all_written);
    two.collect(Collect::default()).unwrap();
    assert_eq!(two.verify(Verify::default(), &[]).unwrap().findings, []);
    two.ok("hit written ×20", all_written);
}
