//! From texts to seeds, models and tests.

use super::LoadOptions;
use crate::{
    code,
    config::seed::{Seed, SeedFacts},
    diagnostic::{Diagnostic, Problems},
    files::{FileId, Span},
    model::{Fingerprint, Model, ModelConfig, SingularTest},
    name::{Name, nearest},
    parallel,
    project::Project,
    rendered::Rendered,
    sql,
    template::{Outcome, Referable, RunInfo, TemplateEnv, Templates},
    world::World,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// The project as far as its files are understood.
pub struct Builder<'a> {
    pub project: &'a mut Project,
    pub problems: Problems,
    pub options: &'a LoadOptions,
}

impl Builder<'_> {
    /// The name that a file gives; complains if it cannot be one, or if another file gave it before.
    fn name(&mut self, file: FileId, taken: &mut BTreeMap<Name, FileId>) -> Option<Name> {
        let path = self.project.files.path(file);
        let name = Name::new(path.file_stem().unwrap_or_default().to_string_lossy());
        let span = Span::new(file, 0..0);
        if let Some(reason) = name.check() {
            let message = format!("the file name `{name}` cannot be used: {reason}");
            self.problems.push(Diagnostic::error(&code::E0425, span, message).hint("rename the file"));
            return None;
        }
        if let Some(first) = taken.get(&name) {
            let message = format!("there are two files named `{name}`; names are unique, whatever the folder");
            self.problems.push(
                Diagnostic::error(&code::E0425, span, message)
                    .also(Span::new(*first, 0..0), "the other one")
                    .hint("rename one of the two files"),
            );
            return None;
        }
        taken.insert(name.clone(), file);
        Some(name)
    }

    /// Adds the seeds; complains of facts about seeds that are not there.
    pub fn seeds(&mut self, files: &[FileId], mut facts: BTreeMap<Name, SeedFacts>) {
        let mut taken = BTreeMap::new();
        for file in files {
            if let Some(name) = self.name(*file, &mut taken) {
                let columns = facts.remove(&name).map(|facts| facts.columns).unwrap_or_default();
                self.project.seeds.insert(name.clone(), Seed { name, file: *file, columns });
            }
        }
        for unknown in facts.into_values().filter(|facts| !self.project.unreadable.contains(&facts.name.value)) {
            let message = format!("there is no seed `{}`", unknown.name.value);
            let problem = Diagnostic::error(&code::E0401, unknown.name.span, message);
            let known = self.project.seeds.keys().map(Name::as_str);
            self.problems.push(match nearest(unknown.name.value.as_str(), known) {
                Some(near) => problem.hint(format!("a seed with a similar name exists: `{near}`")),
                None => problem.hint(format!("a seed is a file: `project/seeds/{}.csv`", unknown.name.value)),
            });
        }
    }

    /// Parses what templates share.
    pub fn templates(&mut self, models: &[FileId], macros: &[FileId], refused: &BTreeSet<String>) {
        let included: Vec<FileId> = macros.iter().chain(models).copied().collect();
        let referable = Referable {
            replications: self.project.replications.keys().cloned().collect(),
            seeds: self.project.seeds.keys().cloned().collect(),
        };
        self.project.templates = Templates::new(&included, refused, &self.project.files, referable, &mut self.problems);
    }

    /// Looks up the environment variables that the templates name.
    pub fn environment<'a>(&mut self, world: &dyn World, templates: impl Iterator<Item = &'a FileId>) {
        let mut names = self.project.templates.env_names();
        for file in templates {
            names.extend(self.project.templates.env_names_of(self.project.files.text(*file)));
        }
        let dotenv = &self.project.env.dotenv;
        let lookup = |name: String| {
            let value = world.env(&name).or_else(|| dotenv.get(&name).cloned())?;
            Some((name, value))
        };
        self.project.template_env = TemplateEnv(Arc::new(names.into_iter().filter_map(lookup).collect()));
    }

    /// Renders the models that are enabled.
    pub fn models(&mut self, files: &[FileId]) {
        let models = self.each(files, |mut renderer, file, name| (renderer.model(file, name), renderer.problems));
        for (name, (model, problems)) in models {
            self.problems.extend(problems);
            match model {
                Said::Here(model) => drop(self.project.models.insert(name, *model)),
                Said::Disabled => drop(self.project.disabled.insert(name)),
                Said::Unreadable => drop(self.project.unreadable.insert(name)),
                Said::Refused => {}
            }
        }
    }

    /// Renders the singular tests.
    pub fn tests(&mut self, files: &[FileId]) {
        let tests = self.each(files, |mut renderer, file, name| (renderer.test(file, name), renderer.problems));
        for (name, (test, problems)) in tests {
            self.problems.extend(problems);
            if let Some(test) = test {
                self.project.singular_tests.insert(name, test);
            }
        }
    }

    /// What `work` makes of each file that has a name. Files know nothing of each other.
    fn each<T: Send>(
        &mut self,
        files: &[FileId],
        work: impl Fn(Renderer<'_>, FileId, &Name) -> T + Sync,
    ) -> Vec<(Name, T)> {
        let mut taken = BTreeMap::new();
        let named: Vec<(FileId, Name)> =
            files.iter().filter_map(|file| Some((*file, self.name(*file, &mut taken)?))).collect();
        let (project, run) = (&*self.project, &self.options.run);
        let begin = || Renderer { project, run, problems: vec![] };
        let done = parallel::map(&named, |(file, name)| work(begin(), *file, name));
        named.into_iter().map(|(_, name)| name).zip(done).collect()
    }
}

/// What a model's file turns out to be.
enum Said {
    Here(Box<Model>),
    Disabled,
    /// It cannot be rendered.
    Unreadable,
    /// It cannot be rendered in another way that a run needs.
    Refused,
}

/// Renders one file.
struct Renderer<'a> {
    project: &'a Project,
    run: &'a RunInfo,
    problems: Vec<Diagnostic>,
}

impl Renderer<'_> {
    /// Renders a file; complains and answers nothing if it cannot be.
    fn render(&mut self, file: FileId, this: Option<&Name>) -> Option<Outcome> {
        match self.project.render_text(file, this, self.run, false) {
            Ok(mut outcome) => {
                self.problems.extend(std::mem::take(&mut outcome.problems));
                self.problems.extend(sql::check(&outcome.rendered, Span::new(file, 0..0), this));
                Some(outcome)
            }
            Err(problem) => {
                self.problems.push(problem);
                None
            }
        }
    }

    fn model(&mut self, file: FileId, name: &Name) -> Said {
        let Some(Outcome { rendered, config, .. }) = self.render(file, Some(name)) else { return Said::Unreadable };
        if !config.enabled {
            return Said::Disabled;
        }
        self.rendered(name.clone(), file, config, rendered).map_or(Said::Refused, |model| Said::Here(Box::new(model)))
    }

    /// Renders what else of a model depends on how it runs.
    fn rendered(&mut self, name: Name, file: FileId, config: ModelConfig, mut rendered: Rendered) -> Option<Model> {
        let mut render = |run: &RunInfo, incremental: bool| {
            let again = self.project.render_text(file, Some(&name), run, incremental);
            again.map_err(|problem| self.problems.push(problem)).map(|outcome| outcome.rendered).ok()
        };
        let incremental = if rendered.uses_incremental { Some(render(self.run, true)?) } else { None };
        let mut said = vec![];
        if rendered.uses_run || incremental.as_ref().is_some_and(|other| other.uses_run) {
            said.push(render(&RunInfo::NONE, false)?);
            if incremental.is_some() {
                said.push(render(&RunInfo::NONE, true)?);
            }
        }
        if let Some(other) = &incremental {
            self.problems.extend(sql::check(other, Span::new(file, 0..0), Some(&name)));
            for read in &other.reads {
                if !rendered.reads.iter().any(|known| known.value == read.value) {
                    rendered.reads.push(read.clone());
                }
            }
        }
        let said: Vec<&Rendered> =
            if said.is_empty() { [&rendered].into_iter().chain(&incremental).collect() } else { said.iter().collect() };
        let fingerprint = Fingerprint::of(&said, &config);
        Some(Model { name, file, config, rendered, incremental, fingerprint })
    }

    fn test(&mut self, file: FileId, name: &Name) -> Option<SingularTest> {
        let Outcome { rendered, config, .. } = self.render(file, None)?;
        let severity = config.enabled.then_some(config.severity)?;
        let fingerprint = Fingerprint::of(&[&rendered], &config);
        Some(SingularTest { name: name.clone(), file, severity, rendered, fingerprint })
    }
}
