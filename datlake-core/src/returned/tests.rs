use super::*;
use crate::key::tests::identity_of;

fn identity<T: serde::Serialize>(argument: &T) -> Identity {
    identity_of(|key| key.arg("argument", argument))
}

/// Notes that the call number `n` returned `value`.
fn note<T: serde::Serialize>(returned: &ReturnedValues, n: u32, value: &T) {
    let encoded = canonical::encode(value).unwrap();
    let key = CallKey::from_bytes(blake3::hash(&n.to_le_bytes()).into());
    let creator = CreatorName::new("shop/shop::train").unwrap();
    returned.note(&Arc::new(CallValue::made_up(creator, key, encoded.digest())), encoded.bytes);
}

#[test]
fn of_very_many_values_a_thousand_are_edges() {
    let returned = ReturnedValues::default();
    let values: Vec<f64> = (0..100_000).map(|n| f64::from(n) / 3.1 + 0.013).collect();
    (0..1010).for_each(|n| note(&returned, n, &values[90_000 + n as usize]));
    let found = returned.inputs(&identity(&values));
    assert_eq!((found.values.len(), found.left_out), (1000, 10));
    assert_eq!(found.values[0].at, "[90000]");
    // One call that returned all of them is one edge.
    note(&returned, 5000, &values);
    let found = returned.inputs(&identity(&(values, 1)));
    assert_eq!((found.values.len(), &*found.values[0].at), (1, "[0]"));
}

#[test]
fn a_value_that_comes_again_is_an_edge_also_where_it_came_within_another() {
    let returned = ReturnedValues::default();
    let (row, value) = (vec![0.1234567, 2.0], 0.7654321);
    note(&returned, 1, &value);
    note(&returned, 2, &(&row, value));
    // First in what another call returned, then by itself.
    let argument = ((&row, value), vec![value; 100], &row);
    let found = returned.inputs(&identity(&argument));
    let found: Vec<_> = found.values.iter().map(|value| (&*value.at, value.part)).collect();
    assert_eq!(found, [("[0]", false), ("[1][0]", false)]);
}

#[test]
fn what_is_known_is_bounded_and_the_latest_stays() {
    let returned = ReturnedValues::default();
    let many = 3 * GENERATION as u32;
    for n in 0..many {
        note(&returned, n, &(f64::from(n) / 7.1));
        if n % 1000 == 0 {
            returned.inputs(&identity(&()));
        }
    }
    let known = |n: u32| returned.inputs(&identity(&(f64::from(n) / 7.1))).values.len();
    assert_eq!((known(0), known(many - 1)), (0, 1));
    let known = lock(&returned.known);
    assert!(known.latest.count <= GENERATION + 2 && known.earlier.count <= GENERATION + 2);
}

#[test]
fn values_that_are_too_many_to_wait_are_known_as_wholes() {
    let returned = ReturnedValues::default();
    let large: Vec<Vec<f64>> = (0..40_u32).map(|n| (0..100_000).map(|k| f64::from(n + k) / 3.1).collect()).collect();
    (0..).zip(&large).for_each(|(n, value)| note(&returned, n, value));
    assert!(lock(&returned.pending).bytes <= PENDING_BYTES);
    for value in [&large[0], &large[39]] {
        assert_eq!(returned.inputs(&identity(value)).values.len(), 1);
    }
}
