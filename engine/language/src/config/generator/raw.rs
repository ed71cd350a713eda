//! `generators.toml` as serde reads it.

use crate::{
    column::ColumnType,
    config::toml::{Spanned, amount::DurationText},
    name::Name,
};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A generator.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Raw {
    pub into: Option<Spanned<String>>,
    pub rows: Option<RawRows>,
    pub per: Option<Spanned<Name>>,
    pub every: Option<DurationText>,
    #[serde(default)]
    pub columns: BTreeMap<Spanned<String>, Spanned<RawColumn>>,
    #[serde(default)]
    pub checks: Vec<Spanned<String>>,
    #[serde(default)]
    pub unique: Vec<Vec<String>>,
    #[serde(default)]
    pub indexes: Vec<Vec<String>>,
    #[serde(default)]
    pub faults: RawFaults,
    pub as_of: Option<Spanned<String>>,
}

/// A number, or the two ends of a range.
pub struct RawRows(pub u64, pub u64);

impl<'de> Deserialize<'de> for RawRows {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RowsVisitor;
        impl<'de> serde::de::Visitor<'de> for RowsVisitor {
            type Value = RawRows;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number of rows, or `[least, most]`")
            }
            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<RawRows, E> {
                let number = u64::try_from(number).map_err(|_| E::custom("a number of rows cannot be negative"))?;
                Ok(RawRows(number, number))
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<RawRows, E> {
                let number =
                    text.trim().parse().map_err(|_| E::custom("expected a number of rows, or `[least, most]`"))?;
                Ok(RawRows(number, number))
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<RawRows, A::Error> {
                let wrong = || serde::de::Error::custom("expected `[least, most]`");
                let low: u64 = items.next_element()?.ok_or_else(wrong)?;
                let high: u64 = items.next_element()?.ok_or_else(wrong)?;
                if low > high {
                    Err(serde::de::Error::custom("the least is more than the most"))
                } else {
                    Ok(RawRows(low, high))
                }
            }
        }
        deserializer.deserialize_any(RowsVisitor)
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawFaults {
    #[serde(default)]
    pub duplicate: f64,
    #[serde(default)]
    pub late: f64,
    #[serde(default)]
    pub corrupt: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawColumn {
    #[serde(rename = "type")]
    pub kind: Option<ColumnType>,
    pub sequence: Option<i64>,
    pub fake: Option<Spanned<String>>,
    pub between: Option<Raws>,
    pub one_of: Option<Raws>,
    pub weights: Option<Vec<f64>>,
    pub references: Option<Spanned<String>>,
    pub skew: Option<RawSkew>,
    pub after: Option<Spanned<String>>,
    pub within: Option<DurationText>,
    pub near: Option<Spanned<String>>,
    pub spread: Option<f64>,
    pub sql: Option<Spanned<String>>,
    pub value: Option<RawValue>,
    #[serde(default)]
    pub key: bool,
    #[serde(default)]
    pub unique: bool,
    #[serde(default)]
    pub nulls: f64,
    pub when: Option<Spanned<String>>,
    pub nullable: Option<bool>,
    pub default: Option<String>,
    pub check: Option<Spanned<String>>,
}

/// Values of any kind, kept with their place; read again from the file's own values.
pub struct Raws;
pub struct RawValue;

impl<'de> Deserialize<'de> for Raws {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<serde::de::IgnoredAny>::deserialize(deserializer).map(|_| Self)
    }
}

impl<'de> Deserialize<'de> for RawValue {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RawSkew {
    Uniform,
    Zipf,
}
