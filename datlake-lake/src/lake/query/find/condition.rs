//! Conditions on parameters and on what calls returned: `alpha >= 0.1`.

use std::cmp::Ordering;
use std::str::FromStr;

use datlake_core::{Error, ErrorKind};
use serde_json::Value;

/// A condition on a parameter, or on what a call returned.
///
/// ```
/// use datlake::Condition;
///
/// let condition: Condition = "model.depth >= 3".parse()?;
/// assert_eq!(condition.to_string(), "model.depth>=3");
/// assert!("depth".parse::<Condition>().is_err());
/// # Ok::<(), datlake::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    path: ValuePath,
    relation: Relation,
    wanted: String,
}

/// Where in some values one is: a name, then fields of structs and places in lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ValuePath(String);

/// How a value is to compare to what is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// `=`
    Equal,
    /// `!=`
    Unequal,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

/// What a condition wants: of a text and of the names of a file this text, of anything else the value that it is in JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct WantedValue<'a> {
    /// As it was typed: how a file is called.
    pub typed: &'a str,
    /// Without quotes: what a text is compared with.
    pub text: String,
    /// As JSON, where it is any.
    pub json: Option<Value>,
}

/// Longest first.
const RELATIONS: [(&str, Relation); 6] = [
    ("!=", Relation::Unequal),
    ("<=", Relation::AtMost),
    (">=", Relation::AtLeast),
    ("=", Relation::Equal),
    ("<", Relation::Less),
    (">", Relation::Greater),
];

impl FromStr for Condition {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let at = text.find(['=', '<', '>', '!']);
        let relation =
            at.and_then(|at| RELATIONS.iter().find(|(sign, _)| text[at..].starts_with(sign)).map(|it| (at, it)));
        match relation {
            Some((at, (sign, relation))) if !text[..at].trim().is_empty() => Ok(Self {
                path: ValuePath::new(text[..at].trim()),
                relation: *relation,
                wanted: text[at + sign.len()..].trim().to_owned(),
            }),
            _ => {
                let shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
                let message = format!("`{shown}` is no condition");
                Err(Error::new(ErrorKind::InvalidInput, message)
                    .with_hint("write it as alpha=0.1, depth>=3 or model.kind!=tree"))
            }
        }
    }
}

impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = RELATIONS.iter().find(|(_, relation)| *relation == self.relation).map_or("", |(sign, _)| sign);
        write!(f, "{}{sign}{}", self.path.0, self.wanted)
    }
}

impl Condition {
    /// The name of the parameter.
    pub(super) fn name(&self) -> &str {
        self.path.name()
    }

    /// Where it looks: the name of a parameter, then fields and places in lists.
    #[doc(hidden)]
    pub fn path(&self) -> &str {
        self.path.text()
    }

    /// How what is there is to compare.
    #[doc(hidden)]
    pub fn relation(&self) -> Relation {
        self.relation
    }

    /// With what.
    #[doc(hidden)]
    pub fn wanted(&self) -> WantedValue<'_> {
        let text = unquoted(&self.wanted).unwrap_or_else(|| self.wanted.clone());
        WantedValue { typed: &self.wanted, text, json: serde_json::from_str(&self.wanted).ok() }
    }

    /// Whether it holds for the parameter `value`; `None` where `value` is not kept, because it is large.
    pub(super) fn holds_for(&self, value: &Value) -> Option<bool> {
        match self.path.below_name(value) {
            Part::Value(value) => Some(self.compare(value)),
            Part::Nothing => Some(false),
            Part::Large => None,
        }
    }

    fn compare(&self, value: &Value) -> bool {
        let order = order_to(value, &self.wanted);
        match self.relation {
            Relation::Equal => order == Some(Ordering::Equal),
            Relation::Unequal => order != Some(Ordering::Equal),
            Relation::Less => order == Some(Ordering::Less),
            Relation::AtMost => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            Relation::Greater => order == Some(Ordering::Greater),
            Relation::AtLeast => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        }
    }
}

/// What a path leads to.
pub(super) enum Part<'a> {
    Value(&'a Value),
    Nothing,
    /// It was too large to be kept.
    Large,
}

impl ValuePath {
    pub(super) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }

    pub(super) fn name(&self) -> &str {
        self.0.split_once('.').map_or(&*self.0, |(name, _)| name)
    }

    /// What is there in the value that the name has.
    pub(super) fn below_name<'a>(&self, value: &'a Value) -> Part<'a> {
        self.0.split_once('.').map_or_else(|| whole(value), |(_, fields)| at(value, fields))
    }

    /// What is there in `value`, of which the path is all.
    pub(super) fn within<'a>(&self, value: &'a Value) -> Part<'a> {
        if self.0.is_empty() { whole(value) } else { at(value, &self.0) }
    }
}

fn whole(value: &Value) -> Part<'_> {
    if value.get("$large").is_some() { Part::Large } else { Part::Value(value) }
}

fn at<'a>(value: &'a Value, fields: &str) -> Part<'a> {
    let mut value = value;
    for field in fields.split('.') {
        if let Part::Large = whole(value) {
            return Part::Large;
        }
        let inner = match value {
            Value::Array(values) => field.parse().ok().and_then(|at: usize| values.get(at)),
            value => value.get(field),
        };
        let Some(inner) = inner else { return Part::Nothing };
        value = inner;
    }
    whole(value)
}

/// How a value compares to what somebody typed; `None` where it cannot be compared.
fn order_to(value: &Value, wanted: &str) -> Option<Ordering> {
    if let Some(text) = value.as_str() {
        return Some(text.cmp(unquoted(wanted).as_deref().unwrap_or(wanted)));
    }
    if let Some(file) = value.get("$file") {
        // A file goes by its names and its digest.
        let names = ["uid", "name", "digest"].map(|name| file.get(name).and_then(Value::as_str));
        return names.contains(&Some(wanted)).then_some(Ordering::Equal);
    }
    order(value, &serde_json::from_str(wanted).ok()?)
}

fn unquoted(text: &str) -> Option<String> {
    text.starts_with('"').then(|| serde_json::from_str(text).ok()).flatten()
}

/// Numbers by size, texts by their bytes; of anything else only whether it is the same.
pub(super) fn order(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let whole = |n: &serde_json::Number| n.as_i64().map(i128::from).or_else(|| n.as_u64().map(i128::from));
            match (whole(a), whole(b)) {
                (Some(a), Some(b)) => Some(a.cmp(&b)),
                _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
            }
        }
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (a, b) => (a == b).then_some(Ordering::Equal),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn holds(condition: &str, value: Value) -> Option<bool> {
        condition.parse::<Condition>().unwrap().holds_for(&value)
    }

    #[test]
    fn numbers_compare_by_size_whatever_their_type_is() {
        for (condition, value) in [
            ("a=1", json!(1.0)),
            ("a = 1e3", json!(1000)),
            ("a<0", json!(-1)),
            ("a>=9007199254740993", json!(9_007_199_254_740_993_u64)),
            ("a!=9007199254740992", json!(9_007_199_254_740_993_u64)),
            ("a<=18446744073709551615", json!(u64::MAX)),
            ("a>-1", json!(u64::MAX)),
        ] {
            assert_eq!(holds(condition, value.clone()), Some(true), "{condition} for {value}");
        }
        for (condition, value) in [("a>x", json!(1)), ("a=", json!(0)), ("a<true", json!(false))] {
            assert_eq!(holds(condition, value.clone()), Some(false), "{condition} for {value}");
        }
    }

    #[test]
    fn texts_need_no_quotes_and_may_have_them() {
        for (condition, value) in [
            ("a=ridge", json!("ridge")),
            ("a=\"ridge\"", json!("ridge")),
            ("a=5", json!("5")),
            ("a=\"", json!("\"")),
            ("a!=lasso", json!("ridge")),
            ("a<b", json!("a")),
            ("a=x=y", json!("x=y")),
            ("a=true", json!(true)),
            ("a=null", json!(null)),
            ("a=[1, 2]", json!([1, 2])),
            ("a=in.csv", json!({"$file": {"uid": "in.csv", "digest": "ab"}})),
        ] {
            assert_eq!(holds(condition, value.clone()), Some(true), "{condition} for {value}");
        }
    }

    #[test]
    fn fields_and_places_are_reached_and_what_is_large_is_unknown() {
        let value = json!({"depth": 3, "layers": [{"width": 8}], "data": {"$large": {"bytes": 9}}});
        assert_eq!(holds("a.depth>=3", value.clone()), Some(true));
        assert_eq!(holds("a.layers.0.width=8", value.clone()), Some(true));
        assert_eq!(holds("a.layers.1.width=8", value.clone()), Some(false));
        assert_eq!(holds("a.nothing!=8", value.clone()), Some(false));
        assert_eq!(holds("a.data=8", value.clone()), None);
        assert_eq!(holds("a.data.x=8", value), None);
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        for text in ["", "a", "=1", " <1", "a!1"] {
            assert!(text.parse::<Condition>().is_err(), "{text}");
        }
    }
}
