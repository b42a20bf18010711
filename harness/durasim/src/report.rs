//! Failure reports: plain data in, text out.
//!
//! A report has two halves. A [`Failure`] says what broke: its [`FailureCode`], the workflow, the
//! user's own line, and whatever shows it. [`Found`] says how a search came to the failure and how
//! the failure comes back: the plan of faults, the seed, the cost, the command. A [`FailureReport`]
//! is the pair. Every report renders in the same order and ends with the command to copy.
//!
//! Nothing here reads the state of a world, a clock or a file, so every text has a snapshot test.
//! Only [`Colors`] looks at the terminal.

mod code;
mod debug_text;
mod diagnosis;
mod diff;
mod excerpt;
mod failure;
mod found;
mod kinds;
mod lined_up;
mod paint;
mod render;
mod sdk_defects;
mod signals;
pub(crate) mod source_lines;
#[cfg(test)]
pub(crate) mod tests;

use std::fmt;

use durasim_view::View;

pub use code::FailureCode;
pub(crate) use diagnosis::UNVERSIONED;
pub use diagnosis::{Awaited, Diagnosis, GaveUp, OpenWorkflow, TakenSlots, Waiting};
pub use excerpt::{ExcerptLine, HistoryExcerpt, Mark, ShownHistory};
pub use failure::{Comparison, Failure, SourceLine, WorkflowName};
pub use found::{FaultPlanWords, Found, PlannedFault, Spent};
pub(crate) use kinds::{Registered, is_real_io};
pub use paint::Colors;
pub use signals::{DroppedSignal, Signals};

/// The report of a failed test: what broke, and how it was found.
///
/// ```
/// use durasim::{
///     TestWorkflowEnvironment,
///     advanced::{Campaign, WorldOptions},
///     report::FailureCode,
/// };
/// use futures::FutureExt;
///
/// let body = |_: TestWorkflowEnvironment| async { panic!("out of paper") }.boxed_local();
/// let campaign = Campaign::new(&body, WorldOptions::default());
/// let report = campaign.shrink(campaign.fault_free());
/// assert_eq!(report.failure.code, FailureCode::Panic);
/// assert_eq!(report.found.spent.worlds, 1);
/// assert!(report.to_string().contains("out of paper"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureReport {
    /// The failure.
    pub failure: Failure,
    /// The way to it.
    pub found: Found,
}

impl FailureReport {
    /// Returns the picture of the world that failed, if it was drawn: its data, from which
    /// [`View::page`] makes a page, and [`View::text`] a story.
    pub fn view(&self) -> Option<View> {
        let mut view = (**self.found.drawn.as_ref()?).clone();
        view.title.clone_from(&self.found.test);
        view.command = Some(render::command(&self.found));
        if let Some(check) = &mut view.check {
            check.report = self.to_string();
        }
        Some(view)
    }

    /// Returns the text, with colours or without. It ends with the command and a newline.
    pub fn render(&self, colors: Colors) -> String {
        render::report(self, colors)
    }
}

/// The text without colours.
impl fmt::Display for FailureReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Colors::Off))
    }
}
