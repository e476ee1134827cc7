//! From a question to SQL that names no call too few.

use datlake::Condition;
use datlake::indexing::{AskedCalls, OrderBy, Relation};
use rusqlite::Connection;
use rusqlite::types::Value as Sql;

use crate::leaves::{Kind, cut, path_of_returned, paths_of_param};
use crate::rows::{DIGEST, RowState, clamped};
use crate::trouble::Usable;

/// Up to so many, those for which a condition holds are gathered; of more, each call is looked at by itself.
const FEW: i64 = 10_000;

/// Creators that a statement names.
const MOST: usize = 500;

/// A part of a statement, and what stands for its `?`s.
#[derive(Clone, Default)]
pub(crate) struct Clause {
    pub(crate) sql: String,
    pub(crate) values: Vec<Sql>,
}

impl Clause {
    fn new(sql: impl Into<String>, values: impl IntoIterator<Item = Sql>) -> Self {
        Self { sql: sql.into(), values: values.into_iter().collect() }
    }

    fn joined(parts: Vec<Self>, between: &str, none: &str) -> Self {
        if parts.is_empty() {
            return Self::new(none, []);
        }
        let sql = parts.iter().map(|part| format!("({})", part.sql)).collect::<Vec<_>>().join(between);
        Self { sql, values: parts.into_iter().flat_map(|part| part.values).collect() }
    }

    pub(crate) fn all(parts: Vec<Self>) -> Self {
        Self::joined(parts, " AND ", "1")
    }

    fn any(parts: Vec<Self>) -> Self {
        Self::joined(parts, " OR ", "0")
    }
}

/// The conditions on a call that the tables can tell of.
pub(crate) struct Selection {
    /// Those that are not on parameters.
    plain: Clause,
    /// Of each condition on a parameter, where it may hold, and where nobody knows.
    conditions: Vec<(Clause, Clause)>,
    creators: Clause,
    /// Whether there is nothing else to a call than the tables tell of.
    is_complete: bool,
}

impl Selection {
    pub(crate) fn of(db: &Connection, asked: &AskedCalls<'_>) -> Usable<Self> {
        let creators = creators(asked);
        let plain = Clause::all([vec![creators.clone()], plain(asked)].concat());
        let conditions = asked.params.iter().filter_map(|condition| condition_on(db, condition).transpose());
        let conditions = conditions.collect::<Usable<Vec<_>>>()?;
        Ok(Self { plain, creators, is_complete: conditions.len() == asked.params.len(), conditions })
    }

    /// Whether each condition on a parameter is one that the tables tell of.
    pub(crate) fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// The calls of which the tables know that they may be meant.
    pub(crate) fn sure(&self) -> Clause {
        let holds = self.conditions.iter().map(|(holds, _)| holds.clone());
        let known = Clause::new(format!("c.state = {}", RowState::Known as i64), []);
        Clause::all([known, self.plain.clone()].into_iter().chain(holds).collect())
    }

    /// The calls of which nobody but their records can tell.
    pub(crate) fn unsure(&self) -> Vec<Clause> {
        // The first half is what the index of few rows is for; SQLite takes it for nothing less.
        let unread = format!("c.state <> {} AND c.state = {}", RowState::Known as i64, RowState::Unread as i64);
        let unread = Clause::new(unread, []);
        let mut parts = vec![Clause::all(vec![unread, self.creators.clone()])];
        for (at, (_, unknown)) in self.conditions.iter().enumerate() {
            let others = self.conditions.iter().enumerate().filter(|(other, _)| *other != at);
            let others = others.map(|(_, (holds, unknown))| Clause::any(vec![holds.clone(), unknown.clone()]));
            let known = Clause::new(format!("c.state = {}", RowState::Known as i64), []);
            parts.push(Clause::all([unknown.clone(), known, self.plain.clone()].into_iter().chain(others).collect()));
        }
        parts
    }
}

fn creators(asked: &AskedCalls<'_>) -> Clause {
    // Of very many, the lake looks at each.
    let Some(creators) = asked.creators.as_ref().filter(|creators| creators.len() <= MOST) else {
        return Clause::new("1", []);
    };
    let marks = vec!["?"; creators.len()].join(", ");
    let names = creators.iter().map(|creator| Sql::Text(creator.to_string()));
    Clause::new(format!("c.creator IN (SELECT id FROM words WHERE word IN ({marks}))"), names)
}

fn plain(asked: &AskedCalls<'_>) -> Vec<Clause> {
    let mut parts = Vec::new();
    let mut begins = |column: &str, with: Option<&str>| {
        // SQLite measures texts up to a zero.
        let with = with.filter(|with| !with.is_empty() && !with.contains('\0'));
        parts.extend(with.map(|with| {
            let words = "SELECT id FROM words WHERE word >= ? AND substr(word, 1, length(?)) = ?";
            let with = Sql::Text(with.to_owned());
            Clause::new(format!("c.{column} IN ({words})"), [with.clone(), with.clone(), with])
        }));
    };
    begins("source", asked.commit);
    begins("run", asked.run);
    let number = |sql: &str, n: Option<u64>| n.map(|n| Clause::new(sql, [Sql::Integer(clamped(n))]));
    let text = |sql: &str, text: &Option<String>| text.clone().map(|text| Clause::new(sql, [Sql::Text(text)]));
    parts.extend(text("c.started >= ?", &asked.since));
    parts.extend(text("c.started < ?", &asked.until));
    parts.extend(number("c.duration >= ?", asked.longer_than));
    parts.extend(number("c.duration <= ?", asked.shorter_than));
    // Of all that was made together: that is no less than the largest.
    parts.extend(number("c.size >= ?", asked.larger_than));
    parts.extend(asked.person.filter(|person| !person.contains('\0')).map(|person| {
        let person = Sql::Text(person.to_ascii_lowercase());
        let words = "SELECT id FROM words WHERE word = ? OR (word >= ? AND substr(word, 1, length(?) + 1) = ? || '@')";
        Clause::new(format!("c.person IN ({words})"), [person.clone(), person.clone(), person.clone(), person])
    }));
    parts.extend(asked.content.map(|digest| {
        let calls = "SELECT call FROM contents WHERE digest = ? UNION ALL SELECT id FROM calls WHERE trees";
        Clause::new(format!("c.id IN ({calls})"), [Sql::Blob(digest.as_bytes()[..DIGEST].to_vec())])
    }));
    parts
}

/// Where a condition may hold, and where nobody knows; `None` for one that the tables cannot tell of.
fn condition_on(db: &Connection, condition: &Condition) -> Usable<Option<(Clause, Clause)>> {
    let Some(path) = spelled(condition.path()) else { return Ok(None) };
    let unknown = Clause::new(format!("kind IN ({}, {})", Kind::Unknown as i64, Kind::Unindexed as i64), []);
    let ends = path.match_indices('.').map(|(at, _)| at).chain([path.len()]);
    let beginnings: Vec<String> = ends.flat_map(|end| paths_of_param(&path[..end])).collect();
    let holds = by_leaves(db, &paths_of_param(path), &cells(condition))?;
    Ok(Some((holds, by_leaves(db, &beginnings, &[unknown])?)))
}

/// Rows at one of `paths` for which one of `cells` holds. Each has the path by itself: only so SQLite looks for every one of them in the
/// order of values.
fn leaves_at(column: &str, paths: &[String], cells: &[Clause]) -> Clause {
    let marks = vec!["?"; paths.len()].join(", ");
    let at = |cell: &Clause| {
        let sql = format!("{column} IN (SELECT id FROM words WHERE word IN ({marks})) AND ({})", cell.sql);
        Clause { sql, values: paths.iter().cloned().map(Sql::Text).chain(cell.values.clone()).collect() }
    };
    Clause::any(cells.iter().map(at).collect())
}

/// The calls that have such a row.
fn by_leaves(db: &Connection, paths: &[String], cells: &[Clause]) -> Usable<Clause> {
    let leaf = leaves_at("path", paths, cells);
    let count = format!("SELECT count(*) FROM (SELECT 1 FROM leaves WHERE {} LIMIT {})", leaf.sql, FEW + 1);
    let values = rusqlite::params_from_iter(&leaf.values);
    let count: i64 = db.prepare_cached(&count)?.query_row(values, |row| row.get(0))?;
    if count < FEW {
        return Ok(Clause { sql: format!("c.id IN (SELECT call FROM leaves WHERE {})", leaf.sql), ..leaf });
    }
    // The plus keeps SQLite from looking through those with the value for each call.
    let leaf = leaves_at("+path", paths, cells);
    Ok(Clause { sql: format!("EXISTS (SELECT 1 FROM leaves WHERE leaves.call = c.id AND ({}))", leaf.sql), ..leaf })
}

/// The cells for which a condition may hold: any of these.
fn cells(condition: &Condition) -> Vec<Clause> {
    let wanted = condition.wanted();
    let (relation, may_be_equal) = match condition.relation() {
        Relation::Unequal => {
            // Whatever is there and is not the only thing that it must not be.
            let kinds = [Kind::Number, Kind::Text, Kind::Other, Kind::FileName].map(|kind| (kind as i64).to_string());
            return vec![Clause::new(format!("kind IN ({})", kinds.join(", ")), [])];
        }
        Relation::Equal => ("=", true),
        // What is cut short or rounded may be on the other side.
        Relation::Less => ("<=", false),
        Relation::AtMost => ("<=", true),
        Relation::Greater => (">=", false),
        Relation::AtLeast => (">=", true),
    };
    let of = |kind: Kind| format!("kind = {}", kind as i64);
    let text = Sql::Text(cut(&wanted.text).to_owned());
    let mut parts = vec![Clause::new(format!("{} AND value {relation} ?", of(Kind::Text)), [text])];
    if let Some(number) = wanted.json.as_ref().and_then(serde_json::Value::as_f64) {
        parts.push(match relation {
            "=" => {
                let near = [number.next_down(), number.next_up()].map(Sql::Real);
                Clause::new(format!("{} AND value BETWEEN ? AND ?", of(Kind::Number)), near)
            }
            "<=" => Clause::new(format!("{} AND value <= ?", of(Kind::Number)), [Sql::Real(number.next_up())]),
            _ => Clause::new(format!("{} AND value >= ?", of(Kind::Number)), [Sql::Real(number.next_down())]),
        });
    }
    if may_be_equal {
        let name = Sql::Text(cut(wanted.typed).to_owned());
        parts.push(Clause::new(format!("{} AND value = ?", of(Kind::FileName)), [name]));
        let spelled = wanted.json.as_ref().map(|json| json.to_string()).unwrap_or_default();
        parts.push(Clause::new(format!("{} AND value IN (x'', ?)", of(Kind::Other)), [Sql::Text(spelled)]));
    }
    parts
}

/// A path as rows spell it; `None` for one that rows may have under another spelling.
fn spelled(path: &str) -> Option<&str> {
    let is_spelled = |field: &str| field.parse::<usize>().map_or(true, |at| at.to_string() == field);
    (path.split('.').skip(1).all(is_spelled) && !path.starts_with(['=', '+'])).then_some(path)
}

/// An order: what is joined for it, and the terms; `None` for one that the tables do not have.
pub(crate) struct Order {
    pub(crate) join: Clause,
    pub(crate) terms: String,
}

const LATEST: &str = "c.started DESC, c.key";

impl Order {
    pub(crate) fn of(db: &Connection, asked: &AskedCalls<'_>) -> Usable<Option<Self>> {
        let Some((by, descending)) = asked.order else {
            return Ok(Some(Self { join: Clause::default(), terms: LATEST.to_owned() }));
        };
        let way = if descending { "DESC" } else { "ASC" };
        let column =
            |name: &str| Ok(Some(Self { join: Clause::default(), terms: format!("c.{name} {way}, {LATEST}") }));
        match by {
            OrderBy::Started => column("started"),
            OrderBy::Duration => column("duration"),
            OrderBy::Size => column("size"),
            OrderBy::Value(path) => match spelled_below(path) {
                true => Self::by_leaf(db, path_of_returned(path), way),
                false => Ok(None),
            },
            OrderBy::Param(path) => match spelled(path) {
                Some(path) => Self::by_leaf(db, path.to_owned(), way),
                None => Ok(None),
            },
        }
    }

    /// By what is at a path: numbers, then texts, then all else that is there, and last what has nothing there.
    fn by_leaf(db: &Connection, path: String, way: &str) -> Usable<Option<Self>> {
        let ends = path.match_indices('.').map(|(at, _)| at).chain([path.len()]);
        let beginnings: Vec<Sql> = ends.map(|end| Sql::Text(path[..end].to_owned())).collect();
        let marks = vec!["?"; beginnings.len()].join(", ");
        let inexact = format!(
            "SELECT EXISTS (SELECT 1 FROM words, leaves WHERE word IN ({marks}) AND path = words.id AND (kind = {} OR kind = {}))",
            Kind::Unindexed as i64,
            Kind::Inexact as i64,
        );
        let values = rusqlite::params_from_iter(&beginnings);
        if db.prepare_cached(&inexact)?.query_row(values, |row| row.get(0))? {
            return Ok(None);
        }
        let join = format!(
            "LEFT JOIN leaves l ON l.call = c.id AND l.path = (SELECT id FROM words WHERE word = ?) AND l.kind IN ({}, {}, {})",
            Kind::Number as i64,
            Kind::Text as i64,
            Kind::Other as i64,
        );
        let (number, text) = (Kind::Number as i64, Kind::Text as i64);
        let terms =
            format!("coalesce(l.kind, 9), CASE WHEN l.kind IN ({number}, {text}) THEN l.value END {way}, {LATEST}");
        Ok(Some(Self { join: Clause::new(join, [Sql::Text(path)]), terms }))
    }
}

/// The same for a path in what was returned, all of which are fields.
fn spelled_below(path: &str) -> bool {
    path.split('.').all(|field| field.parse::<usize>().map_or(true, |at| at.to_string() == field))
}
