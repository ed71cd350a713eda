//! What a service finds when it starts: jobs that were cut off with the process before it.

use super::{Inner, job};
use crate::{
    error::Result,
    history::{
        finish::{End, Follow},
        jobs::Job,
    },
};

/// A job that was cut off so often takes the process down with it, and is not begun again.
const MOST_CUTS: u32 = 3;

impl Inner {
    /// Settles the jobs that were at work when the last service died: by what is known of their runs, else by policy.
    pub(super) fn settle_cut_off(&self) -> Result<usize> {
        let reading = self.reading();
        let target = reading.project.target.as_str();
        let cut: Vec<Job> = self.history.open_jobs(target)?.into_iter().filter(|job| job.state == "running").collect();
        for job in &cut {
            let schedule = job.schedule.as_deref().and_then(|name| reading.project.schedules.get(name));
            let known = job.run.as_deref().map_or(Ok(None), |run| self.history.run_state(run))?;
            let end = match known.as_deref() {
                Some("succeeded") => End::Succeeded,
                Some("failed") if job.failures >= schedule.map_or(0, |schedule| schedule.retries.times) => {
                    End::Failed("its run failed".to_owned())
                }
                Some("failed") => End::Again { said: "its run failed".to_owned(), ready_us: self.now() },
                _ if !job::goes_on(job, schedule) => End::Interrupted,
                _ if job.cuts + 1 >= MOST_CUTS => {
                    End::Failed(format!("it was cut off {MOST_CUTS} times with the whole process"))
                }
                _ => End::Cut,
            };
            let follow = Follow {
                after: job.schedule.as_deref().map(|name| reading.after(name)).unwrap_or_default(),
                alert: schedule.is_some_and(|schedule| schedule.webhook.is_some()),
            };
            self.history.end(target, job, &end, &follow, self.now())?;
        }
        Ok(cut.len())
    }
}
