//! Reads `generators.toml`.

use super::{
    Faults, GeneratedColumn, Generator, Into, Maker, Rows, Skew,
    raw::{Raw, RawColumn, RawRows, RawSkew},
    table,
};
use crate::{
    code,
    config::{
        reader::Reader,
        source::Source,
        toml::{Spanned, Value, ValueKind},
    },
    diagnostic::Diagnostic,
    files::Span,
    id::{self, TableId},
    name::Name,
    table::TableDefinition,
};
use std::{collections::BTreeMap, str::FromStr, time::Duration};

/// What `generators.toml` says.
#[derive(Debug, Default)]
pub struct Generators {
    /// The generators.
    pub generators: BTreeMap<Name, Generator>,
    /// Definitions of the tables that are filled.
    pub tables: BTreeMap<TableId, TableDefinition>,
}

/// The generators and their tables.
pub fn read(reader: &mut Reader<'_>, sources: &BTreeMap<Name, Source>) -> Generators {
    let Some(mut file) = reader.toml("project/generators.toml") else { return Generators::default() };
    reader.interpolate(&mut file);
    let seed = file.take("seed").and_then(|(_, value)| value.read::<u64>(reader.problems)).unwrap_or(0);
    let as_of = file.take("as_of").and_then(|(_, value)| value.read::<Spanned<String>>(reader.problems));
    let names: Vec<String> = file.entries().iter().map(|(name, _, _)| name.clone()).collect();
    let mut generators = BTreeMap::new();
    for (name, span, value) in file.entries() {
        let name = Spanned::new(reader.name(name, *span), *span);
        let Some(raw) = value.read::<Raw>(reader.problems) else {
            reader.unreadable.insert(name.value);
            continue;
        };
        let mut one = One { reader, names: &names, name, value };
        if let Some(generator) = one.generator(raw, seed, as_of.as_ref(), sources) {
            generators.insert(generator.name.value.clone(), generator);
        }
    }
    let tables = table::definitions(reader, &generators);
    Generators { generators, tables }
}

/// One generator while it is read.
struct One<'a, 'b> {
    reader: &'a mut Reader<'b>,
    names: &'a [String],
    name: Spanned<Name>,
    value: &'a Value,
}

impl One<'_, '_> {
    fn generator(
        &mut self,
        raw: Raw,
        seed: u64,
        file_as_of: Option<&Spanned<String>>,
        sources: &BTreeMap<Name, Source>,
    ) -> Option<Generator> {
        let into = raw.into.as_ref().and_then(|into| self.into(into, sources));
        let rows = self.rows(&raw);
        let mut columns: Vec<(Spanned<String>, Spanned<RawColumn>)> = raw.columns.into_iter().collect();
        columns.sort_by_key(|(name, _)| name.span.start);
        let columns = columns.into_iter().filter_map(|(name, raw)| self.column(name, raw)).collect();
        let as_of = raw.as_of.as_ref().or(file_as_of).and_then(|text| self.instant(text));
        let fingerprint = blake3::hash(format!("{seed}{as_of:?}{}", written(self.value)).as_bytes()).to_hex();
        let own = blake3::hash(format!("{seed}/{}", self.name.value).as_bytes());
        Some(Generator {
            name: self.name.clone(),
            into,
            rows: rows?,
            every: raw.every.map(|every| every.0),
            columns,
            checks: raw.checks,
            unique: raw.unique,
            indexes: raw.indexes,
            faults: Faults { duplicate: raw.faults.duplicate, late: raw.faults.late, corrupt: raw.faults.corrupt },
            seed: u64::from_le_bytes(own.as_bytes()[..8].try_into().expect("a hash has 32 bytes")),
            as_of_us: as_of,
            fingerprint: fingerprint.to_string(),
        })
    }

    fn wrong(&mut self, span: Span, message: impl std::convert::Into<String>, hint: &str) {
        self.reader.problems.push(Diagnostic::error(&code::E0011, span, message).hint(hint));
    }

    fn into(&mut self, into: &Spanned<String>, sources: &BTreeMap<Name, Source>) -> Option<Into> {
        let known = id::pairs(into).find(|(source, _)| sources.contains_key(source));
        match (known, id::pair(into)) {
            (Some((source, table)), _) => return Some(Into { source, table, span: into.span }),
            (None, Some((source, _))) => {
                let known: Vec<&str> = sources.keys().map(Name::as_str).collect();
                self.reader.unknown("source", source.as_str(), into.span, &known);
            }
            (None, None) => {
                let message = format!("`{}` is not `source.table`", into.value);
                self.wrong(into.span, message, "such as `into = \"shop.users\"`");
            }
        }
        None
    }

    fn rows(&mut self, raw: &Raw) -> Option<Rows> {
        match (&raw.per, &raw.rows) {
            (None, Some(RawRows(low, high))) if low == high => Some(Rows::Count(*low)),
            (None, Some(_)) => {
                self.wrong(
                    self.name.span,
                    "`rows` as a range goes with `per`",
                    "add `per = \"another generator\"`, or give one number",
                );
                None
            }
            (None, None) if raw.every.is_some() => Some(Rows::Count(0)),
            (None, None) => {
                self.reader.problems.push(
                    Diagnostic::error(&code::E0004, self.name.span, "the key `rows` is missing")
                        .hint("add `rows = 1000`"),
                );
                None
            }
            (Some(per), rows) => {
                self.known(per.as_str(), per.span);
                let (min, max) = rows.as_ref().map_or((1, 1), |RawRows(low, high)| (*low, *high));
                Some(Rows::Per { parent: per.clone(), min, max })
            }
        }
    }

    fn known(&mut self, generator: &str, span: Span) -> bool {
        let known = self.names.iter().any(|name| name == generator);
        if !known {
            let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
            self.reader.unknown("generator", generator, span, &names);
        }
        known
    }

    fn instant(&mut self, text: &Spanned<String>) -> Option<i64> {
        let format = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"];
        let plain = text.trim_end_matches('Z');
        let time = format.iter().find_map(|f| chrono::NaiveDateTime::parse_from_str(plain, f).ok());
        let time = time.or_else(|| chrono::NaiveDate::from_str(plain).ok().and_then(|day| day.and_hms_opt(0, 0, 0)));
        if time.is_none() {
            self.wrong(text.span, "`as_of` is no time", "such as `2026-01-01T00:00:00Z`");
        }
        time.map(|time| time.and_utc().timestamp_micros())
    }

    fn column(&mut self, name: Spanned<String>, raw: Spanned<RawColumn>) -> Option<GeneratedColumn> {
        let span = raw.span;
        let raw = raw.value;
        let maker = self.maker(&name, &raw)?;
        for (key, share) in [("nulls", raw.nulls), ("spread", raw.spread.unwrap_or(0.0))] {
            if !(0.0..=1.0).contains(&share) {
                self.wrong(name.span, format!("`{key}` is a share from 0 to 1"), "0.1 is a tenth");
            }
        }
        let kind = raw.kind.or_else(|| table::implied(&maker));
        Some(GeneratedColumn {
            name,
            kind,
            maker,
            key: raw.key,
            unique: raw.unique,
            nulls: raw.nulls,
            when: raw.when,
            nullable: raw.nullable,
            default: raw.default,
            check: raw.check,
            span,
        })
    }

    /// A value of the column as it stands in the file.
    fn given(&self, column: &str, key: &str) -> Value {
        let value =
            self.value.key("columns").and_then(|columns| columns.key(column)).and_then(|column| column.key(key));
        value.cloned().expect("a key that was read stands in the file")
    }

    fn list(&self, column: &str, key: &str) -> Vec<Value> {
        match self.given(column, key).kind {
            ValueKind::Array(items) => items,
            _ => vec![],
        }
    }

    fn maker(&mut self, name: &Spanned<String>, raw: &RawColumn) -> Option<Maker> {
        let given = [
            ("sequence", raw.sequence.is_some()),
            ("fake", raw.fake.is_some()),
            ("between", raw.between.is_some()),
            ("one_of", raw.one_of.is_some()),
            ("references", raw.references.is_some()),
            ("after", raw.after.is_some()),
            ("near", raw.near.is_some()),
            ("sql", raw.sql.is_some()),
            ("value", raw.value.is_some()),
        ];
        let given: Vec<&str> = given.iter().filter(|(_, is)| *is).map(|(word, _)| *word).collect();
        let [word] = given.as_slice() else {
            let message = match given.len() {
                0 => format!("the column `{}` does not say how its values are made", name.value),
                _ => format!("the column `{}` says in {} ways how its values are made", name.value, given.len()),
            };
            self.wrong(
                name.span,
                message,
                "give one of `sequence`, `fake`, `between`, `one_of`, `references`, `after`, `near`, `sql` and `value`",
            );
            return None;
        };
        match *word {
            "sequence" => raw.sequence.map(Maker::Sequence),
            "fake" => raw.fake.clone().map(Maker::Fake),
            "between" => {
                let mut ends = self.list(name, "between");
                if ends.len() != 2 {
                    self.wrong(name.span, "`between` needs two values", "such as `between = [1, 5]`");
                    return None;
                }
                let high = ends.pop()?;
                ends.pop().map(|low| Maker::Between { low, high })
            }
            "one_of" => self.one_of(name, raw),
            "references" => self.reference(raw.references.as_ref()?, raw.skew),
            "after" => {
                let (generator, column) = self.column_of(raw.after.as_ref()?);
                let within = raw.within.map_or(Duration::from_hours(24), |within| within.0);
                Some(Maker::After { generator, column, within })
            }
            "near" => {
                let (generator, column) = self.column_of(raw.near.as_ref()?);
                Some(Maker::Near { generator, column, spread: raw.spread.unwrap_or(0.1) })
            }
            "sql" => raw.sql.clone().map(Maker::Sql),
            _ => Some(Maker::Constant(self.given(name, "value"))),
        }
    }

    fn one_of(&mut self, name: &Spanned<String>, raw: &RawColumn) -> Option<Maker> {
        let values = self.list(name, "one_of");
        let weights = raw.weights.clone().unwrap_or_default();
        if values.is_empty() {
            self.wrong(name.span, "`one_of` needs at least one value", "such as `one_of = [\"a\", \"b\"]`");
            return None;
        }
        if !weights.is_empty() && weights.len() != values.len() {
            let message = format!("there are {} values and {} weights", values.len(), weights.len());
            self.wrong(name.span, message, "give one weight for each value");
            return None;
        }
        if weights.iter().any(|w| *w < 0.0 || !w.is_finite())
            || (!weights.is_empty() && weights.iter().sum::<f64>() <= 0.0)
        {
            self.wrong(name.span, "weights are positive numbers", "such as `weights = [1, 3, 6]`");
            return None;
        }
        Some(Maker::OneOf { values, weights })
    }

    fn reference(&mut self, to: &Spanned<String>, skew: Option<RawSkew>) -> Option<Maker> {
        let Some((generator, column)) = self.generator_column(to) else {
            self.wrong(
                to.span,
                format!("`{}` is not `generator.column`", to.value),
                "such as `references = \"users.user_id\"`",
            );
            return None;
        };
        if !self.known(generator.as_str(), to.span) {
            return None;
        }
        Some(Maker::References {
            generator: Spanned::new(generator, to.span),
            column,
            skew: match skew {
                Some(RawSkew::Zipf) => Skew::Zipf,
                Some(RawSkew::Uniform) | None => Skew::Uniform,
            },
        })
    }

    /// `column`, or `generator.column`.
    fn column_of(&mut self, text: &Spanned<String>) -> (Option<Spanned<Name>>, Spanned<String>) {
        let own = self.value.key("columns").is_some_and(|columns| columns.key(text).is_some());
        match self.generator_column(text).filter(|_| !own) {
            Some((generator, column)) => {
                self.known(generator.as_str(), text.span);
                (Some(Spanned::new(generator, text.span)), Spanned::new(column, text.span))
            }
            None => (None, text.clone()),
        }
    }

    /// `generator.column` as two names, split where that gives a generator.
    fn generator_column(&self, text: &str) -> Option<(Name, String)> {
        let is_known = |name: &Name| self.names.iter().any(|known| known == name.as_str());
        let (generator, column) = id::pairs(text).find(|(name, _)| is_known(name)).or_else(|| id::pair(text))?;
        Some((generator, column.to_string()))
    }
}

/// All that a value says, for a fingerprint; never shown.
fn written(value: &Value) -> String {
    match &value.kind {
        ValueKind::Interpolated(text) => format!("{text:?}"),
        ValueKind::Array(items) => format!("[{}]", items.iter().map(written).collect::<Vec<_>>().join(",")),
        ValueKind::Table(entries) => {
            let entries: Vec<String> =
                entries.iter().map(|(key, _, value)| format!("{key:?}:{}", written(value))).collect();
            format!("{{{}}}", entries.join(","))
        }
        kind => format!("{kind:?}"),
    }
}
