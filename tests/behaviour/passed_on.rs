//! Calls that returned what they were given: lineage leads past them.

use datlake::{Result, file_creator};

use crate::support::lake;
use crate::values::{Model, edges, edges_to, fit};

#[file_creator]
fn chosen(models: &[Model]) -> Result<Model> {
    Ok(models[0].clone())
}

#[file_creator]
fn handed_on(model: &Model) -> Result<(Model, Vec<f64>)> {
    Ok((model.clone(), model.weights.iter().map(|weight| weight / 3.3).collect()))
}

#[test]
fn a_call_that_returned_what_it_was_given_is_no_maker_of_it() {
    let lake = lake();
    {
        let _current = lake.enter();
        let models: Vec<Model> = [0.3, 0.7].map(|rate| fit(rate, 50).unwrap()).into();
        let best = chosen(&models).unwrap();
        assert_eq!(edges_to(&best, "the best"), ["value = fit"]);
        assert_eq!(edges_to(&best.weights, "a part of it"), ["value = part of fit"]);
        let (same, scaled) = handed_on(&best).unwrap();
        assert_eq!(edges_to(&same, "handed on"), ["value = fit"]);
        // What it made of it is its own, and so is all that it returned.
        assert_eq!(edges_to(&scaled, "scaled"), ["value = part of handed_on"]);
        assert_eq!(edges_to(&(&same, &scaled), "both"), ["value = handed_on"]);
        // A call in a body was made, whatever it returned.
        assert_eq!(edges(&chosen::call(&models).lineage().unwrap().unwrap()).len(), 2);
    }
    // So it is in a process that finds them, in whatever order, and nobody holds the step that chose.
    let again = lake.reopened();
    let _current = again.enter();
    let models = [0.3, 0.7].map(|rate| fit(rate, 50).unwrap());
    let best = chosen(&models).unwrap();
    assert_eq!(edges_to(&best, "found"), ["value = fit"]);
    let call = again.history(Some("chosen")).unwrap().calls.remove(0);
    let removal = again.removal(&[format!("@{}/{}", call.creator, call.key)]).unwrap();
    assert_eq!(removal.downstream, [], "{removal:?}");
}
