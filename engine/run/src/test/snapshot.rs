//! `snapshots/NAME.snap`: a model's rows on generated data, in insta's format, reviewed like code.

use super::{
    Detail, TestStatus,
    cells::Cells,
    difference::{Difference, compare},
};
use crate::error::{Error, Result};
use engine_language::{code, diagnostic::Diagnostic, graph::NodeId, model::Materialized, project::Project};
use std::{
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

/// The folder, from the project's root.
pub const FOLDER: &str = "snapshots";

/// Rows that a snapshot holds one by one; of more, it holds the number and a digest.
const MOST_ROWS: usize = 200;

/// What becomes of a snapshot that differs or is missing: what `INSTA_UPDATE` means to insta.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    /// Nothing is written.
    No,
    /// The rows are written beside it, as `NAME.snap.new`.
    New,
    /// One that is missing is recorded, one that differs gets a `.snap.new`.
    Unseen,
    /// It is recorded.
    Always,
}

impl Update {
    /// What `INSTA_UPDATE` and `CI` ask for; `None` for a word that insta does not know.
    pub fn from_env(insta_update: Option<&str>, ci: Option<&str>) -> Option<Self> {
        let ci = ci.is_some_and(|ci| !matches!(ci, "" | "0" | "false"));
        Some(match insta_update.unwrap_or("auto") {
            "" | "auto" if ci => Self::No,
            "" | "auto" | "new" => Self::New,
            "always" | "force" | "1" => Self::Always,
            "unseen" => Self::Unseen,
            "no" => Self::No,
            _ => return None,
        })
    }
}

/// The snapshot of one model.
#[derive(Clone, Copy, Debug)]
pub struct Recorded<'a> {
    /// The project's root.
    pub root: &'a Path,
    /// The model's name.
    pub name: &'a str,
    /// The model's file, from the root.
    pub source: &'a Path,
}

impl Recorded<'_> {
    /// Compares rows with what was recorded, and writes what `update` says.
    pub fn compare(&self, cells: &Cells, key: &[&str], update: Update) -> Result<(TestStatus, Option<Detail>)> {
        let (path, new) = (path(self.root, self.name), pending(self.root, self.name));
        let body = body(cells);
        let seen = path.exists();
        if seen {
            let recorded = insta::Snapshot::from_file(&path).map_err(|error| self.unreadable(error.as_ref()))?;
            let recorded = recorded.as_text().map(ToString::to_string).unwrap_or_default();
            if recorded.trim_end() == body.trim_end() {
                if update != Update::No {
                    remove(&new)?;
                }
                return Ok((TestStatus::Passed, None));
            }
            if update != Update::Always {
                self.write(&new, &body, update)?;
                return Ok((TestStatus::Failed, Some(detail(&recorded, &body, key))));
            }
        }
        if update == Update::Always || (update == Update::Unseen && !seen) {
            self.write(&path, &body, update)?;
            remove(&new)?;
            return Ok((TestStatus::Recorded, None));
        }
        self.write(&new, &body, update)?;
        let note = format!("nothing is recorded yet of its {} rows", cells.rows.len());
        Ok((TestStatus::Failed, Some(Detail::Note(note))))
    }

    fn write(&self, path: &Path, body: &str, update: Update) -> Result<()> {
        if update == Update::No {
            return Ok(());
        }
        let source = serde_json::Value::from(self.source.to_string_lossy().as_ref());
        let name = serde_json::Value::from(self.name);
        let text = format!("---\nsource: {source}\nexpression: {name}\n---\n{body}");
        let folder = path.parent().unwrap_or(path);
        let half = path.with_extension("half");
        let written =
            fs::create_dir_all(folder).and_then(|()| fs::write(&half, text)).and_then(|()| fs::rename(&half, path));
        written.map_err(|error| broken(path, &error))
    }

    fn unreadable(&self, error: &dyn std::error::Error) -> Error {
        let message = format!("the snapshot of `{}` cannot be read: {error}", self.name);
        let hint = format!("delete {FOLDER}/{}.snap and record it anew: `engine test --accept`", self.name);
        Error::Project(Box::new(Diagnostic::error(&code::E0604, None, message).hint(hint)))
    }
}

/// Takes the rows that came as the new truth.
pub fn accept(root: &Path, name: &str) -> Result<()> {
    let (path, new) = (path(root, name), pending(root, name));
    fs::rename(&new, &path).map_err(|error| broken(&new, &error))
}

/// Forgets the rows that came.
pub fn reject(root: &Path, name: &str) -> Result<()> {
    remove(&pending(root, name))
}

/// Snapshots that stand for no model of the project, relative to the root.
pub fn unreferenced(root: &Path, project: &Project) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(root.join(FOLDER)) else { return vec![] };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let left = names.filter(|name| {
        let stem = name.strip_suffix(".snap").or_else(|| name.strip_suffix(".snap.new"));
        stem.is_some_and(|stem| !recorded(project, &NodeId::Model(unescaped(stem).into())))
    });
    let mut left: Vec<PathBuf> = left.map(|name| Path::new(FOLDER).join(name)).collect();
    left.sort();
    left
}

/// Where a model's snapshot lies.
pub fn path(root: &Path, name: &str) -> PathBuf {
    root.join(FOLDER).join(format!("{}.snap", escaped(name)))
}

fn pending(root: &Path, name: &str) -> PathBuf {
    root.join(FOLDER).join(format!("{}.snap.new", escaped(name)))
}

/// Models in folders are named by their path's last part, so only what no file name holds must go.
fn escaped(name: &str) -> String {
    name.replace('%', "%25").replace('/', "%2F").replace('\\', "%5C")
}

fn unescaped(stem: &str) -> String {
    stem.replace("%5C", "\\").replace("%2F", "/").replace("%25", "%")
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(broken(path, &error)),
        _ => Ok(()),
    }
}

fn broken(path: &Path, error: &io::Error) -> Error {
    Error::State(format!("`{}`: {error}", path.display()))
}

/// The header, the rows, and of more rows than that the number and a digest of all.
fn body(cells: &Cells) -> String {
    let mut text = format!("{}\n", cells.header());
    let mut digest = blake3::Hasher::new();
    for (at, line) in cells.lines().enumerate() {
        digest.update(line.as_bytes());
        digest.update(b"\n");
        if at < MOST_ROWS {
            text.push_str(&line);
            text.push('\n');
        }
    }
    if cells.rows.len() > MOST_ROWS {
        let digest = &digest.finalize().to_hex()[..16];
        writeln!(text, "... {} rows in all, digest {digest}", cells.rows.len()).expect("a string takes text");
    }
    text
}

/// What differs between two bodies.
fn detail(recorded: &str, now: &str, key: &[&str]) -> Detail {
    let difference: Option<Difference> =
        parse(recorded).zip(parse(now)).and_then(|(was, now)| compare(&was, &now, key));
    match difference {
        Some(difference) => Detail::Difference(Box::new(difference)),
        None => Detail::Note(format!("rows beyond the first {MOST_ROWS} differ")),
    }
}

fn parse(body: &str) -> Option<Cells> {
    let mut lines = body.lines();
    let header = lines.next()?;
    Cells::parse(header, lines.filter(|line| !line.starts_with("... ")))
}

/// Whether a node's rows are kept as a snapshot: every model that is stored as a table of its own.
pub fn recorded(project: &Project, node: &NodeId) -> bool {
    project
        .model(node)
        .is_some_and(|model| matches!(model.config.materialized, Materialized::Table | Materialized::Incremental))
}

#[cfg(test)]
mod tests {
    use super::Update;

    #[test]
    fn insta_s_words_mean_what_they_mean_to_insta() {
        let of = Update::from_env;
        assert_eq!(of(None, None), Some(Update::New));
        assert_eq!(of(None, Some("1")), Some(Update::No));
        assert_eq!(of(None, Some("false")), Some(Update::New));
        assert_eq!(of(Some("always"), Some("true")), Some(Update::Always));
        assert_eq!(of(Some("unseen"), None), Some(Update::Unseen));
        assert_eq!(of(Some("sometimes"), None), None);
    }
}
