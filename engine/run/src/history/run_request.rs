//! What was requested of a run, so that it can be requested again.

use super::History;
use crate::{error::Result, options::RunOptions};
use engine_language::{project::Project, template::RunInfo};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was requested of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunRequest {
    /// The target.
    pub target: String,
    /// `--var name=value`, as typed.
    pub vars: BTreeMap<String, String>,
    /// How it was to be done.
    #[serde(flatten, skip_deserializing)]
    pub options: RunOptions,
    /// The nodes that were to be made, in the plan's order.
    pub nodes: Vec<String>,
    /// The interval that the run stands for; `None` if an older engine wrote it.
    #[serde(default)]
    pub interval_us: Option<(i64, i64)>,
    /// The runs that this one retries, which may have published some of it.
    #[serde(default)]
    pub earlier_runs: Vec<String>,
    /// The schedule that the run was made for.
    #[serde(skip)]
    pub schedule: Option<String>,
}

impl RunRequest {
    /// A request of a plan's nodes.
    pub fn new(
        project: &Project,
        options: RunOptions,
        vars: BTreeMap<String, String>,
        plan: &crate::plan::Plan,
    ) -> Self {
        let nodes = plan.steps.iter().flat_map(|step| &step.nodes).map(ToString::to_string).collect();
        Self { target: project.target.as_str().to_owned(), vars, options, nodes, ..Self::default() }
    }

    /// The same, as it is recorded of a run that retries these.
    #[must_use]
    pub fn of_run(mut self, run: &RunInfo, earlier_runs: Vec<String>) -> Self {
        (self.interval_us, self.earlier_runs) = (Some(run.interval_us), earlier_runs);
        self
    }

    /// What was written as JSON; the options are read by themselves, as those of a job are.
    fn parse(text: &str) -> serde_json::Result<Self> {
        Ok(Self { options: serde_json::from_str(text)?, ..serde_json::from_str(text)? })
    }

    pub(super) fn to_text(&self) -> String {
        serde_json::to_string(self).expect("plain data can be written as JSON")
    }
}

impl History {
    /// The runs whose work a retry of one goes on with: that one, those of the same job, and those that they retried.
    pub fn earlier_runs(&self, run: &str) -> Result<Vec<String>> {
        let of_job = "select id from runs where job = (select job from runs where id = ?1) order by started_us";
        let mut runs = vec![run.to_owned()];
        let mut looked_at = 0;
        while let Some(run) = runs.get(looked_at).cloned() {
            let retried = self.request_of(&run)?.map(|request| request.earlier_runs).unwrap_or_default();
            let of_job: Vec<String> = self.all(of_job, [&run], |row| row.get(0))?;
            for run in retried.into_iter().chain(of_job) {
                if !runs.contains(&run) {
                    runs.push(run);
                }
            }
            looked_at += 1;
        }
        Ok(runs)
    }

    /// What was requested of a run; `None` if it is not there or an older engine wrote it.
    pub fn request_of(&self, run: &str) -> Result<Option<RunRequest>> {
        let sql = "select runs.asked, runs.schedule, jobs.from_us, jobs.at_us
            from runs left join jobs on jobs.id = runs.job where runs.id = ?1";
        let row = self.one(sql, [run], |row| {
            let (text, schedule): (Option<String>, Option<String>) = (row.get(0)?, row.get(1)?);
            let (from_us, at_us): (Option<i64>, Option<i64>) = (row.get(2)?, row.get(3)?);
            Ok((text, schedule, from_us.zip(at_us)))
        })?;
        let Some((Some(text), schedule, of_job)) = row else { return Ok(None) };
        let Ok(request) = RunRequest::parse(&text) else { return Ok(None) };
        let interval_us = request.interval_us.or(of_job);
        Ok(Some(RunRequest { interval_us, schedule, ..request }))
    }
}

#[cfg(test)]
mod tests {
    use super::RunRequest;
    use crate::options::RunOptions;

    #[test]
    fn a_request_is_read_as_it_was_written() {
        let options = RunOptions { full_refresh: true, rows_scale: 0.25, rows: Some(7), ..RunOptions::default() };
        let vars = [("v".to_owned(), "1".to_owned())].into();
        let request = RunRequest { options, vars, interval_us: Some((1, 2)), ..RunRequest::default() };
        assert_eq!(RunRequest::parse(&request.to_text()).unwrap(), request);
    }

    #[test]
    fn what_an_older_engine_wrote_is_understood() {
        let text = r#"{"target":"dev","vars":{},"rows_scale":0.5,"rows":null,"full_refresh":true,"regenerate":false,
            "nodes":["model.m"]}"#;
        let request = RunRequest::parse(text).unwrap();
        assert_eq!((request.options.rows_scale, request.options.full_refresh), (0.5, true));
        assert_eq!((request.nodes.len(), request.interval_us, request.options.retries), (1, None, 2));
    }
}
