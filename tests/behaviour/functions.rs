//! Which functions can be creators: generic ones, nested ones, asynchronous ones, in any module and under any visibility.

use std::collections::BTreeMap;
use std::fmt::Debug;

use datlake::{ErrorKind, File, Result, file_creator};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::support::{check_error, lake};

#[file_creator]
fn sorted<T: Serialize + DeserializeOwned + Clone + Ord, const DESCENDING: bool>(items: &[T]) -> Result<Vec<T>> {
    let mut items = items.to_vec();
    items.sort();
    if DESCENDING {
        items.reverse();
    }
    Ok(items)
}

#[file_creator]
fn repeated<const TIMES: usize, K>(key: K) -> Result<(usize, BTreeMap<K, usize>)>
where
    K: Serialize + DeserializeOwned + Ord,
{
    Ok((TIMES, BTreeMap::from([(key, TIMES)])))
}

#[file_creator]
fn sized<T: Debug + Default>() -> Result<String> {
    Ok(format!("{:?} {}", T::default(), size_of::<T>()))
}

#[test]
fn type_and_const_parameters_count() {
    let lake = lake();
    assert_eq!(lake.ok("ran sorted", || sorted::<u8, false>(&[2, 1])), [1, 2]);
    assert_eq!(lake.ok("ran sorted", || sorted::<u8, true>(&[2, 1])), [2, 1]);
    // The same numbers, but of a type for which the body may do another thing.
    assert_eq!(lake.ok("ran sorted", || sorted::<u16, true>(&[2, 1])), [2, 1]);
    lake.ok("hit sorted ×2", || sorted::<u8, false>(&[2, 1]).and_then(|_| sorted::<u16, true>(&[2, 1])));

    assert_eq!(lake.ok("ran repeated", || repeated::<3, _>("a".to_owned())).0, 3);
    assert_eq!(lake.ok("ran repeated", || repeated::<4, _>("a".to_owned())).0, 4);
    assert_eq!(lake.ok("ran sized", sized::<Option<u8>>), "None 2");
    assert_eq!(lake.ok("ran sized", sized::<Vec<u8>>), "[] 24");

    let lineage = repeated::call::<3, _>("a".to_owned());
    let lineage = lake.ok("nothing", || lineage.lineage()).unwrap();
    let name = |text: &str| text.to_owned();
    assert_eq!(lineage.generics, [(name("TIMES"), name("3")), (name("K"), name("alloc::string::String"))]);
}

#[file_creator]
#[expect(clippy::needless_lifetimes, reason = "to see whether named lifetimes work")]
fn longest<'a, 'b>(a: &'a str, b: &'b [&'a str]) -> Result<String> {
    let all = b.iter().copied().chain([a]);
    Ok(all.max_by_key(|text| text.len()).unwrap_or_default().to_owned())
}

#[test]
fn lifetimes_do_not_count() {
    let lake = lake();
    let text = String::from("abc");
    lake.ok("ran longest", || longest("abc", &["a", "b"]));
    assert_eq!(lake.ok("hit longest", || longest(&text, &["a", "b"])), "abc");
}

mod outer {
    use super::*;

    #[file_creator]
    pub(in crate::functions) fn step(n: u32) -> Result<u32> {
        Ok(n)
    }

    pub(crate) mod inner {
        use super::*;

        #[file_creator]
        pub(crate) fn step(n: u32) -> Result<u32> {
            Ok(n)
        }

        #[file_creator]
        pub(super) fn hidden() -> Result<()> {
            Ok(())
        }
    }

    pub(super) fn call_hidden() -> Result<()> {
        inner::hidden()
    }
}

#[test]
fn functions_of_one_name_in_several_modules_are_several_creators() {
    let lake = lake();
    lake.ok("ran step", || outer::step(1));
    lake.ok("ran step", || outer::inner::step(1));
    lake.ok("ran hidden", outer::call_hidden);
    let modules = [outer::step::info().module, outer::inner::step::info().module];
    assert_eq!(modules, ["behaviour::functions::outer", "behaviour::functions::outer::inner"]);
}

#[test]
fn a_creator_in_a_function_is_named_by_the_module() {
    #[file_creator]
    fn local(n: u32) -> Result<u32> {
        Ok(n + 1)
    }
    let lake = lake();
    assert_eq!(lake.ok("ran local", || local(1)), 2);
    lake.ok("hit local", || local(1));
    assert_eq!(local::info().name.as_str(), "datlake-tests/behaviour::functions::local");
}

#[file_creator]
fn word_count(text: &File) -> Result<usize> {
    Ok(text.read_to_string()?.split_whitespace().count())
}

#[file_creator(depends_on(word_count))]
fn total(texts: &[File]) -> Result<(usize, File)> {
    let total = texts.iter().map(word_count).sum::<Result<usize>>()?;
    Ok((total, File::from_bytes("total.txt", total.to_string())?))
}

#[test]
fn a_creator_may_call_creators() {
    let lake = lake();
    let texts = [lake.add_bytes("a", "one two").unwrap(), lake.add_bytes("b", "three").unwrap()];
    assert_eq!(lake.ok("ran total, ran word_count ×2", || total(&texts)).0, 3);
    lake.ok("hit total", || total(&texts));
    lake.ok("hit word_count", || word_count(&texts[1]));
    lake.ok("hit word_count, ran total", || total(&texts[..1]));
}

#[file_creator]
async fn later(text: String, times: usize) -> Result<File> {
    tokio::task::yield_now().await;
    File::from_bytes_async("later.txt", text.repeat(times)).await
}

#[file_creator(depends_on(later))]
async fn both(a: &str, b: &str) -> Result<(File, File)> {
    let made = futures_util::future::try_join(later(a.to_owned(), 1), later(b.to_owned(), 2)).await?;
    Ok(made)
}

#[test]
fn an_asynchronous_creator_differs_by_await_alone() {
    let lake = lake();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let call = || runtime.block_on(both("a", "b"));
    let (a, b) = lake.ok("ran both, ran later ×2", call);
    assert_eq!((a.read_to_string().unwrap(), b.read_to_string().unwrap()), ("a".to_owned(), "bb".to_owned()));
    assert_eq!(lake.ok("hit both", call), (a.clone(), b));
    // On any other executor too.
    assert_eq!(lake.ok("hit later", || pollster::block_on(later("a".to_owned(), 1))), a);
    lake.ok("hit later, ran both, ran later", || pollster::block_on(both("a", "c")));
}

#[test]
fn the_future_of_a_creator_can_be_sent_to_another_thread() {
    let lake = lake();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let made = runtime.block_on(async {
        let calls = (0..10).map(|n| tokio::spawn(lake.scope(async move { later(n.to_string(), 1).await })));
        futures_util::future::join_all(calls).await
    });
    lake.expect("ran later ×10");
    for (n, made) in made.into_iter().enumerate() {
        assert_eq!(made.unwrap().unwrap().read_to_string().unwrap(), n.to_string());
    }
}

#[test]
fn a_blocking_creator_works_inside_a_runtime() {
    let lake = lake();
    let text = lake.add_bytes("a", "one two").unwrap();
    for runtime in [tokio::runtime::Builder::new_current_thread(), tokio::runtime::Builder::new_multi_thread()] {
        let mut runtime = runtime;
        let count = runtime.enable_all().build().unwrap().block_on(async { word_count(&text) });
        assert_eq!(count.unwrap(), 2);
    }
    lake.expect("hit word_count, ran word_count");
}

#[test]
fn attributes_and_documentation_stay_on_the_function() {
    /// Says nothing.
    #[file_creator]
    #[inline]
    fn decorated() -> Result<()> {
        Ok(())
    }
    lake().ok("ran decorated", decorated);
}

trait Operation {
    fn apply(n: u32) -> u32;
}

#[file_creator]
fn applied<T: Operation>(n: u32) -> Result<u32> {
    Ok(T::apply(n))
}

#[file_creator]
fn called<F: Fn(u32) -> u32>(n: u32, #[skip] f: F) -> Result<u32> {
    Ok(f(n))
}

#[test]
fn two_types_of_one_name_are_told_apart_or_refused() {
    let lake = lake();
    let _current = lake.enter();
    let more = {
        struct Step;
        impl Operation for Step {
            fn apply(n: u32) -> u32 {
                n + 1
            }
        }
        applied::<Step>(7)
    };
    assert_eq!(more.unwrap(), 8);
    struct Other;
    impl Operation for Other {
        fn apply(n: u32) -> u32 {
            n * 10
        }
    }
    assert_eq!(applied::<Other>(7).unwrap(), 70);
    let times = {
        struct Step;
        impl Operation for Step {
            fn apply(n: u32) -> u32 {
                n * 100
            }
        }
        let calls = applied::calls::<Step>([7, 8]).run();
        check_error(calls, ErrorKind::InvalidInput, &["`T`", "applied", "Step", "name of its own"]);
        check_error(applied::call::<Step>(7).status(), ErrorKind::InvalidInput, &["Step"]);
        applied::<Step>(7)
    };
    check_error(times, ErrorKind::InvalidInput, &["two types that are both called"]);
}

#[test]
fn a_closure_is_no_type_parameter_and_a_function_is_one() {
    fn double(n: u32) -> u32 {
        2 * n
    }
    fn triple(n: u32) -> u32 {
        3 * n
    }
    let lake = lake();
    let _current = lake.enter();
    for result in [called(7, |n| n + 1), called(7, |n| n * 100)] {
        check_error(result, ErrorKind::InvalidInput, &["`F`", "called", "a closure", "&dyn Fn"]);
    }
    assert_eq!((called(7, double).unwrap(), called(7, triple).unwrap()), (14, 21));
}
