//! What a connection's URL says in its query, told apart from its user, password and path.

/// Whether a parameter is given, by any of these names.
pub fn has_parameter(url: &str, names: &[&str]) -> bool {
    let before_fragment = url.split_once('#').map_or(url, |(before, _)| before);
    let Some((_, query)) = before_fragment.split_once('?') else { return false };
    let given = |pair: &str| pair.split_once('=').map_or(pair, |(name, _)| name).to_owned();
    query.split('&').map(given).any(|name| names.contains(&name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::has_parameter;

    const NAMES: &[&str] = &["sslmode", "ssl-mode"];

    #[test]
    fn only_the_query_has_parameters() {
        for given in ["postgres://u:p@h/d?sslmode=require", "postgres://h/d?a=b&ssl-mode=disable#x"] {
            assert!(has_parameter(given, NAMES), "{given}");
        }
        for not in [
            "postgres://u:sslmode=x@h/d",
            "postgres://u:p@h/sslmode=x",
            "postgres://h/d?application_name=sslmode=x",
            "postgres://h/d?notsslmode=x",
            "postgres://h/d#?sslmode=x",
        ] {
            assert!(!has_parameter(not, NAMES), "{not}");
        }
    }
}
