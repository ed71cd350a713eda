//! What becomes of values that cannot be carried exactly: an error, or what the user chose. What was chosen is counted.

use engine_language::column::ColumnType;
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
};

/// What becomes of a value that cannot be carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Treatment {
    /// It fails the read or write, which says where it stands.
    #[default]
    Fail,
    /// It becomes NULL, and is counted.
    Null,
}

macro_rules! unrepresentables {
    ($($(#[doc = $doc:literal])+ $variant:ident $key:ident,)+) => {
        /// What can be the matter with a value.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Unrepresentable {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Unrepresentable {
            /// All of them, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The key of `types` that treats it.
            pub fn key(self) -> &'static str {
                match self {
                    $(Self::$variant => stringify!($key),)+
                }
            }

            /// What it is, in a sentence.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!($($doc),+).trim_ascii(),)+
                }
            }
        }

        /// `types` of a connection: how values are treated that cannot be carried exactly.
        #[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct Types {
            $($(#[doc = $doc])+ pub $key: Option<Treatment>,)+
            /// The same of single columns, by `table.column`; they win.
            #[serde(default)]
            pub columns: BTreeMap<String, ColumnTypes>,
        }

        /// How one column's values are treated.
        #[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct ColumnTypes {
            /// The type that it is carried as, where its own could be carried in several ways.
            pub r#as: Option<ColumnType>,
            $($(#[doc = $doc])+ pub $key: Option<Treatment>,)+
        }

        impl Types {
            fn of(&self, oddity: Unrepresentable) -> Option<Treatment> {
                match oddity {
                    $(Unrepresentable::$variant => self.$key,)+
                }
            }
        }

        impl ColumnTypes {
            fn of(&self, oddity: Unrepresentable) -> Option<Treatment> {
                match oddity {
                    $(Unrepresentable::$variant => self.$key,)+
                }
            }
        }
    };
}

unrepresentables! {
    /// NaN and infinity in a column of decimals.
    Nan nan,
    /// Numbers with more digits than the column's type carries.
    Digits digits,
    /// Infinite dates, times and intervals.
    Infinity infinity,
    /// Dates, times and intervals too far away.
    Range range,
    /// The time `24:00:00`.
    Midnight midnight,
    /// Dates with zeros, such as `0000-00-00`.
    ZeroDate zero_date,
    /// Arrays of several dimensions, or that do not begin at 1.
    Dimensions dimensions,
    /// Texts with a NUL character, which PostgreSQL does not have.
    Nul nul,
    /// Texts that are not UTF-8.
    Utf8 utf8,
}

impl fmt::Display for Unrepresentable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

impl Unrepresentable {
    /// What the user can do about a value.
    pub fn hint(self) -> String {
        format!("mend the value, or let it become NULL, counted: `types = {{ {self} = \"null\" }}`")
    }
}

/// Why a value was not added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueError {
    /// It cannot be carried exactly; the user may have chosen what becomes of it.
    Unrepresentable(Unrepresentable, String),
    /// It is not what the column's type looks like.
    Malformed(String),
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Unrepresentable(_, why) | Self::Malformed(why)) = self;
        f.write_str(why)
    }
}

impl<T: Into<String>> From<T> for ValueError {
    fn from(why: T) -> Self {
        Self::Malformed(why.into())
    }
}

impl Types {
    /// What was chosen for a column.
    pub fn column(&self, table: &str, column: &str) -> Chosen {
        let own = self.columns.get(&format!("{table}.{column}"));
        let treat = |oddity: &Unrepresentable| own.and_then(|own| own.of(*oddity)).or(self.of(*oddity));
        let null =
            Unrepresentable::ALL.iter().copied().filter(|oddity| treat(oddity) == Some(Treatment::Null)).collect();
        Chosen { r#as: own.and_then(|own| own.r#as.clone()), null }
    }
}

/// What was chosen for one column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chosen {
    /// The type that it is carried as, if one was asked for.
    pub r#as: Option<ColumnType>,
    /// What becomes NULL.
    pub null: Vec<Unrepresentable>,
}

impl Chosen {
    /// Whether every value is what it was, or an error.
    pub fn exact(&self) -> bool {
        self.null.is_empty()
    }

    /// Whether such a value becomes NULL.
    pub fn allows(&self, oddity: Unrepresentable) -> bool {
        self.null.contains(&oddity)
    }
}

/// Values of a column that became NULL, as the user chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// The column.
    pub column: String,
    /// What was the matter with them.
    pub oddity: Unrepresentable,
    /// How many there were.
    pub count: u64,
}

impl fmt::Display for Replaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { column, oddity, count } = self;
        let values = if *count == 1 { "value" } else { "values" };
        write!(f, "{count} {values} of `{column}` became NULL (`{oddity}`)")
    }
}

/// Counts what became NULL. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Replacements(Arc<Mutex<BTreeMap<(String, Unrepresentable), u64>>>);

impl Replacements {
    /// Counts more of them.
    pub fn add(&self, column: &str, oddity: Unrepresentable, count: u64) {
        let mut counts = self.0.lock().expect("no holder of this lock panics");
        *counts.entry((column.to_owned(), oddity)).or_default() += count;
    }

    /// What was counted so far.
    pub fn all(&self) -> Vec<Replaced> {
        let counts = self.0.lock().expect("no holder of this lock panics");
        counts
            .iter()
            .map(|((column, oddity), count)| Replaced { column: column.clone(), oddity: *oddity, count: *count })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Replacements, Treatment, Types, Unrepresentable};

    #[test]
    fn a_column_wins_over_its_connection() {
        let text = "nan = \"null\"\nmidnight = \"null\"\ncolumns.\"t.c\" = { nan = \"fail\", as = \"text\" }";
        let types: Types = toml_types(text);
        let other = types.column("t", "other");
        assert!(
            other.allows(Unrepresentable::Nan)
                && other.allows(Unrepresentable::Midnight)
                && !other.allows(Unrepresentable::Nul)
        );
        let own = types.column("t", "c");
        assert!(!own.allows(Unrepresentable::Nan) && own.allows(Unrepresentable::Midnight) && !own.exact());
        assert_eq!(own.r#as.unwrap().to_string(), "text");
        assert_eq!(types.nan, Some(Treatment::Null));
    }

    fn toml_types(text: &str) -> Types {
        use engine_language::{config::toml::Value, diagnostic::Problems, files::Files};
        let file = Files::default().add(std::path::Path::new("sources.toml"), "".into());
        Value::parse(file, text, &mut Problems::default()).read(&mut Problems::default()).unwrap()
    }

    #[test]
    fn clones_count_together() {
        let counts = Replacements::default();
        counts.clone().add("c", Unrepresentable::Nan, 2);
        counts.add("c", Unrepresentable::Nan, 1);
        assert_eq!(counts.all()[0].to_string(), "3 values of `c` became NULL (`nan`)");
    }
}
