//! What of a schema changed, and whether that breaks whoever reads the table.
//!
//! Understood are `{"fields": [{"name", "type", "nullable"}]}`, as Arrow, Spark, Avro and Iceberg write it (there `required`), JSON Schema
//! (`properties`), and plain objects from names to types. Anything else is compared as a whole, and breaks nobody as far as is known.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What of a schema changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct SchemaDiff {
    pub(crate) added: Vec<String>,
    pub(crate) removed: Vec<String>,
    pub(crate) changed: Vec<ChangedField>,
    /// What of it breaks whoever reads the table as it was, field by field.
    pub(crate) breaking: Vec<String>,
}

/// A field that is another now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ChangedField {
    pub(crate) name: String,
    pub(crate) from: SchemaField,
    pub(crate) to: SchemaField,
}

/// A field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct SchemaField {
    pub(crate) r#type: Value,
    pub(crate) nullable: bool,
}

/// What changed from one schema to another.
pub(super) fn diff(from: &Value, to: &Value) -> SchemaDiff {
    let (Some(before), Some(after)) = (fields(from), fields(to)) else { return SchemaDiff::default() };
    let mut diff = SchemaDiff::default();
    for (name, field) in &before {
        match after.get(name) {
            None => {
                diff.breaking.push(format!("`{name}` is removed"));
                diff.removed.push(name.clone());
            }
            Some(now) if now != field => {
                diff.breaking.extend(breaks(name, field, now));
                diff.changed.push(ChangedField { name: name.clone(), from: field.clone(), to: now.clone() });
            }
            Some(_) => {}
        }
    }
    diff.added = after.into_keys().filter(|name| !before.contains_key(name)).collect();
    diff
}

/// Why a reader of the one cannot read the other.
fn breaks(name: &str, from: &SchemaField, to: &SchemaField) -> Option<String> {
    if from.r#type != to.r#type && !widens(&from.r#type, &to.r#type) {
        return Some(format!("`{name}` was {} and is {}", from.r#type, to.r#type));
    }
    (!from.nullable && to.nullable).then(|| format!("`{name}` may be null now"))
}

/// Whether each value of the one type is one of the other, in the words of the formats that are around.
fn widens(from: &Value, to: &Value) -> bool {
    let (Some(from), Some(to)) = (from.as_str(), to.as_str()) else { return false };
    let width = |name: &str| match name.to_ascii_lowercase().as_str() {
        "int8" | "tinyint" | "byte" => Some(("integer", 1)),
        "int16" | "smallint" | "short" => Some(("integer", 2)),
        "int32" | "int" | "integer" => Some(("integer", 4)),
        "int64" | "bigint" | "long" => Some(("integer", 8)),
        "float32" | "float" | "real" => Some(("float", 4)),
        "float64" | "double" => Some(("float", 8)),
        _ => None,
    };
    match (width(from), width(to)) {
        (Some((kind, before)), Some((same, after))) => kind == same && before <= after,
        _ => false,
    }
}

/// The fields of a schema; `None` for what has none that are known.
fn fields(schema: &Value) -> Option<BTreeMap<String, SchemaField>> {
    let schema = schema.as_object()?;
    match (schema.get("fields"), schema.get("properties")) {
        (Some(Value::Array(fields)), _) => fields.iter().map(listed).collect(),
        (_, Some(Value::Object(properties))) => {
            let required = schema.get("required").and_then(Value::as_array);
            let is_required = |name: &String| required.is_some_and(|required| required.iter().any(|one| one == name));
            let of = |(name, property): (&String, &Value)| {
                let r#type = property.get("type").unwrap_or(property).clone();
                (name.clone(), SchemaField { r#type, nullable: !is_required(name) })
            };
            Some(properties.iter().map(of).collect())
        }
        _ => plain(schema),
    }
}

fn listed(field: &Value) -> Option<(String, SchemaField)> {
    let name = field.get("name")?.as_str()?.to_owned();
    let required = field.get("required").and_then(Value::as_bool).unwrap_or(false);
    let nullable = field.get("nullable").and_then(Value::as_bool).unwrap_or(!required);
    Some((name, SchemaField { r#type: field.get("type")?.clone(), nullable }))
}

fn plain(schema: &Map<String, Value>) -> Option<BTreeMap<String, SchemaField>> {
    let of = |(name, r#type): (&String, &Value)| {
        let field = SchemaField { r#type: r#type.clone(), nullable: true };
        r#type.is_string().then(|| (name.clone(), field))
    };
    schema.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn breaking(from: Value, to: Value) -> Vec<String> {
        diff(&from, &to).breaking
    }

    #[test]
    fn what_readers_cannot_read_is_said() {
        let of = |fields: Value| json!({"type": "struct", "fields": fields});
        let id = json!({"name": "id", "type": "int32", "nullable": false});
        let from = of(json!([id, {"name": "name", "type": "string"}]));
        let wider = of(
            json!([{"name": "id", "type": "int64", "nullable": false}, {"name": "name", "type": "string"}, {"name": "at", "type": "date"}]),
        );
        let changed = diff(&from, &wider);
        assert_eq!(
            (&*changed.added, changed.changed[0].name.as_str(), changed.breaking.len()),
            (&["at".to_owned()][..], "id", 0)
        );
        assert_eq!(breaking(wider, from.clone()), ["`at` is removed", "`id` was \"int64\" and is \"int32\""]);
        assert_eq!(breaking(from.clone(), of(json!([id]))), ["`name` is removed"]);
        assert_eq!(
            breaking(from, of(json!([{"name": "id", "type": "int32"}, {"name": "name", "type": "string"}]))),
            ["`id` may be null now"]
        );
        assert_eq!(breaking(json!({"a": "string"}), json!({"a": "long"})), ["`a` was \"string\" and is \"long\""]);
        let properties = |required: Value| json!({"properties": {"a": {"type": "integer"}}, "required": required});
        assert_eq!(breaking(properties(json!(["a"])), properties(json!([]))), ["`a` may be null now"]);
    }

    #[test]
    fn what_is_not_understood_breaks_nobody() {
        for (from, to) in
            [(json!(1), json!(2)), (json!({"a": 1}), json!({"b": "x"})), (json!({"fields": [1]}), json!({}))]
        {
            assert_eq!(diff(&from, &to), SchemaDiff::default());
        }
    }
}
