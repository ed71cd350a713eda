//! What must not be seen on pages, in logs and in records: values that came from the environment.

use engine_language::{project::Project, rendered::Rendered};
use std::{collections::BTreeSet, env};

/// Shorter values stand everywhere by chance, and are no secrets.
const LEAST: usize = 4;
const MASK: &str = "***";

/// Replaces values of the environment that the project asks for.
#[derive(Clone, Debug, Default)]
pub struct Mask {
    values: Vec<String>,
}

impl Mask {
    /// For a project: values of `.env`, of `${NAME}` in its TOML files and of `env_var('NAME')` in its templates. What the
    /// project's own files say as well, such as a default, is no secret.
    pub fn of(project: &Project) -> Self {
        let mut values: BTreeSet<String> = project.env.dotenv.values().cloned().collect();
        values.extend(project.template_env.0.values().cloned());
        for (file, path) in project.files.iter() {
            if path.extension().is_some_and(|ending| ending == "toml") {
                values.extend(names(project.files.text(file)).into_iter().filter_map(|name| env::var(name).ok()));
            }
        }
        let told = project.files.iter().filter(|(_, path)| !path.ends_with(".env"));
        let told: Vec<_> = told.map(|(file, _)| project.files.text(file)).collect();
        let names: Vec<_> = project.files.iter().map(|(_, path)| path.to_string_lossy()).collect();
        let is_told = |value: &String| {
            told.iter().any(|text| text.contains(value.as_str()))
                || names.iter().any(|name| name.contains(value.as_str()))
        };
        let mut values: Vec<String> =
            values.into_iter().filter(|value| value.len() >= LEAST && !is_told(value)).collect();
        // One that holds another goes first.
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        Self { values }
    }

    /// Whether there is nothing to replace.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The text without them.
    pub fn text(&self, text: &str) -> String {
        self.values.iter().fold(text.to_owned(), |text, value| text.replace(value.as_str(), MASK))
    }

    /// SQL without them: what an expression made is hidden as a whole if it holds one, in whatever letters.
    pub fn sql(&self, rendered: &Rendered) -> String {
        let holds = |text: &str| {
            let text = text.to_lowercase();
            self.values.iter().any(|value| text.contains(&value.to_lowercase()))
        };
        let mut out = String::with_capacity(rendered.sql.len());
        let mut end = 0;
        for piece in &rendered.pieces {
            let Some(text) = rendered.sql.get(piece.output.clone()).filter(|_| piece.output.start >= end) else {
                continue;
            };
            out.push_str(rendered.sql.get(end..piece.output.start).unwrap_or_default());
            out.push_str(if !piece.raw && holds(text) { MASK } else { text });
            end = piece.output.end;
        }
        out.push_str(rendered.sql.get(end..).unwrap_or_default());
        out
    }
}

/// The names in `${NAME}`, `${NAME:-default}` and `${NAME:?message}`.
fn names(text: &str) -> BTreeSet<&str> {
    let name = |rest: &str| rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
    text.split("${").skip(1).map(|rest| &rest[..name(rest)]).filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::Mask;
    use engine_language::{
        load::{LoadOptions, load},
        template::RunInfo,
        world::MemoryWorld,
    };
    use std::collections::BTreeMap;

    #[test]
    fn values_of_the_environment_are_hidden() {
        let world = MemoryWorld::fixture(
            "//- .env\nTOKEN=open-sesame\nSHORT=DE\nPLACE=localhost\n//- project/sources.toml\n[vars]\nplace = \"${PLACE:-localhost}\"\n//- project/models/m.sql\nselect '{{ env_var(\"TOKEN\") | upper }}' as a, 'DE' as b, {{ 1 + 1 }} as c\n",
        );
        let options =
            LoadOptions { target: None, vars: BTreeMap::new(), run: RunInfo::NONE, discovered: BTreeMap::new() };
        let (project, _) = load(&world, &options);
        let mask = Mask::of(&project);
        assert_eq!(mask.text("it said open-sesame in DE"), "it said *** in DE");
        assert_eq!(mask.text("at localhost"), "at localhost", "the files say it themselves");
        let rendered = &project.models["m"].rendered;
        assert!(rendered.sql.contains("OPEN-SESAME"), "{}", rendered.sql);
        assert_eq!(mask.sql(rendered).trim(), "select '***' as a, 'DE' as b, 2 as c");
        assert_eq!(super::names("a ${X} b ${Y_1:-z} ${:} ${").into_iter().collect::<Vec<_>>(), ["X", "Y_1"]);
    }
}
