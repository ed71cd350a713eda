//! What every command needs: the project's folder, the world on disk, the terminal.

use crate::{
    args::{Global, Selected},
    disk::Disk,
    exit_status::{CliError, Result},
    terminal::{
        Terminal,
        diagnostic::{self, Draw},
    },
};
use engine_language::{
    diagnostic::Problems,
    graph::NodeId,
    load::{LoadOptions, load},
    name::Name,
    project::Project,
    select::select,
    template::RunInfo,
};
use engine_run::{discover::Tables, sql::Schemas};
use std::{
    collections::BTreeSet,
    env, fs,
    path::{Component, Path, PathBuf},
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

/// Where and how a command runs.
#[derive(Clone, Debug)]
pub struct Context {
    /// The project's root, canonical.
    pub root: PathBuf,
    /// What a path of the project is prefixed with when it is shown, so that a terminal's links work.
    pub shown_root: PathBuf,
    /// The files below the root.
    pub world: Disk,
    /// Target and variables as typed.
    pub global: Global,
    /// The two streams.
    pub terminal: Terminal,
    /// Tables of systems that nobody declared, once they were asked for.
    pub discovered: Arc<OnceLock<Tables>>,
}

/// A project and how it was found.
#[derive(Debug)]
pub struct Loaded {
    /// The project.
    pub project: Project,
    /// What is wrong with it.
    pub problems: Problems,
    /// The columns of each node, as far as they are known.
    pub schemas: Schemas,
    /// How long that took.
    pub took: Duration,
}

impl Context {
    /// Finds the project from the current folder, or the one given, upward.
    pub fn find(global: &Global, terminal: Terminal) -> Result<Self> {
        let here =
            env::current_dir().and_then(|here| here.canonicalize()).map_err(CliError::io("the current folder"))?;
        let asked = global.directory.clone().unwrap_or_else(|| PathBuf::from("."));
        let start = asked.canonicalize().map_err(|error| {
            CliError::usage(
                format!("cannot open the folder `{}`: {error}", asked.display()),
                "name it with `-C DIR`".to_owned(),
            )
        })?;
        let root = start.ancestors().find(|folder| folder.join("project/sources.toml").is_file());
        let root = root.or_else(|| start.ancestors().find(|folder| folder.join("project").is_dir()));
        let Some(root) = root else {
            let message = format!("no project here: `{}` and the folders above it have no `project/`", start.display());
            let hint = "`engine init NAME` writes one; `-C DIR` names one that is elsewhere";
            return Err(CliError::usage(message, hint.to_owned()));
        };
        let shown_root = relative(&here, root);
        let world = Disk::new(root.to_owned());
        Ok(Self {
            root: root.to_owned(),
            shown_root,
            world,
            global: global.clone(),
            terminal,
            discovered: Arc::default(),
        })
    }

    /// Understands the project, as it is for a run.
    pub fn load(&self, run: RunInfo) -> Loaded {
        self.load_with(&self.options(run))
    }

    /// Understands the project, with other options.
    pub fn load_with(&self, options: &LoadOptions) -> Loaded {
        let started = Instant::now();
        let (project, problems) = load(&self.world, options);
        Loaded { project, problems, schemas: Schemas::new(), took: started.elapsed() }
    }

    /// What loading depends on besides the files.
    pub fn options(&self, run: RunInfo) -> LoadOptions {
        LoadOptions {
            target: self.global.target.as_deref().map(Name::new),
            vars: self.global.vars.iter().cloned().collect(),
            run,
            discovered: self.discovered.get().cloned().unwrap_or_default(),
        }
    }

    /// Understands the project, and refuses one that has errors. Warnings are drawn.
    pub fn load_good(&self, run: RunInfo) -> Result<Loaded> {
        let loaded = self.load(run);
        self.draw(&loaded.project, &loaded.problems, loaded.took);
        if loaded.problems.has_errors() { Err(CliError::Problems) } else { Ok(loaded) }
    }

    /// Draws all that is wrong on stderr, with a summary if there was anything.
    pub fn draw(&self, project: &Project, problems: &Problems, took: Duration) {
        let draw = self.drawing();
        for problem in problems {
            self.terminal.say(&format!("{}\n\n", draw.diagnostic(problem, &project.files)));
        }
        if !problems.is_empty() {
            self.terminal.say(&diagnostic::summary(self.terminal, problems, project.files.iter().count(), took));
        }
    }

    /// How diagnostics are drawn here.
    pub fn drawing(&self) -> Draw<'_> {
        Draw { terminal: self.terminal, prefix: &self.shown_root }
    }

    /// The folder of what the engine made, created if need be.
    pub fn made(&self) -> Result<PathBuf> {
        let made = self.root.join(".engine");
        // The embedded systems of a fresh project lie in `data`.
        let folder = fs::create_dir_all(made.join("data"));
        let folder = folder.and_then(|()| fs::write(made.join(".gitignore"), "*\n"));
        folder.map_err(CliError::io(format!("making the folder `{}`", self.shown(Path::new(".engine")))))?;
        Ok(made)
    }

    /// A path of the project as it is shown.
    pub fn shown(&self, path: &Path) -> String {
        self.shown_root.join(path).display().to_string()
    }
}

/// The nodes that were typed.
pub fn selected(project: &Project, typed: &Selected) -> Result<BTreeSet<NodeId>> {
    select(project, &typed.include(), &typed.exclude).map_err(CliError::typed)
}

/// The way from one canonical folder to another.
fn relative(from: &Path, to: &Path) -> PathBuf {
    let shared = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    let up = from.components().skip(shared).map(|_| Component::ParentDir);
    up.chain(to.components().skip(shared)).collect()
}

#[cfg(test)]
mod tests {
    use super::relative;
    use std::path::Path;

    #[test]
    fn the_way_from_one_folder_to_another() {
        for (from, to, expected) in [("/a/b", "/a/b", ""), ("/a", "/a/b/c", "b/c"), ("/a/b/c", "/a", "../..")] {
            assert_eq!(relative(Path::new(from), Path::new(to)), Path::new(expected));
        }
    }
}
