//! Names as servers read them, whatever they hold.

/// In standard SQL.
pub fn quote(name: &str) -> String {
    within('"', name)
}

/// Between these marks, of which those inside are doubled.
pub fn within(mark: char, name: &str) -> String {
    let doubled = format!("{mark}{mark}");
    format!("{mark}{}{mark}", name.replace(mark, &doubled))
}

/// Names in a row, with commas.
pub fn list<'a>(names: impl IntoIterator<Item = &'a str>, quote: impl Fn(&str) -> String) -> String {
    names.into_iter().map(quote).collect::<Vec<_>>().join(", ")
}

/// That one of these columns is NULL.
pub fn any_null(columns: &[String], quote: impl Fn(&str) -> String) -> String {
    let any: Vec<String> = columns.iter().map(|column| format!("{} is null", quote(column))).collect();
    any.join(" or ")
}

#[cfg(test)]
mod tests {
    use super::{any_null, list, quote, within};

    #[test]
    fn marks_inside_names_are_doubled() {
        assert_eq!(quote("a\"b.c"), "\"a\"\"b.c\"");
        assert_eq!(within('`', "a`b"), "`a``b`");
        assert_eq!(list(["a", "b"], quote), "\"a\", \"b\"");
        assert_eq!(any_null(&["a".into(), "b".into()], quote), "\"a\" is null or \"b\" is null");
    }
}
