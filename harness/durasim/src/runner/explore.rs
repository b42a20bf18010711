//! Exhaustive exploration: every plan of at most so many faults.

use super::{campaign::Campaign, judge::judge};
use crate::{
    Exhaustive, broken::broken, checks::Sometimes, faults::is_fault_site, outcome::ChoiceSource,
    report::FailureReport,
};
use durasim_engine::Explorer;

/// Runs every plan, those of fewer faults first.
pub(super) fn run(
    campaign: &Campaign<'_>,
    exhaustive: Exhaustive,
    sometimes: &mut Sometimes,
) -> Result<(), Box<FailureReport>> {
    let faults = if broken!(Exploration) {
        1
    } else {
        exhaustive.faults
    };
    let mut explorer = Explorer::new(faults as usize);
    let mut steps = 0;
    while let Some(plan) = explorer.next_plan() {
        let worlds = explorer.given_out();
        if worlds > exhaustive.max_worlds {
            return Err(Box::new(FailureReport::setup(format!(
                "exploring every plan of at most {} faults takes more than {} worlds; explore fewer faults, switch \
                 some off, or raise `Exhaustive::max_worlds`",
                exhaustive.faults, exhaustive.max_worlds
            ))));
        }
        let report = campaign.run_with(ChoiceSource::Plan(plan.tape), |options| {
            options.record_offers = true
        });
        let offers = report
            .offers
            .iter()
            .filter(|offer| is_fault_site(&offer.point.site))
            .cloned()
            .collect();
        explorer.ran(plan.id, offers);
        steps += report.steps;
        sometimes.world(&report.labels, report.steps);
        judge(campaign, &report, worlds, steps)?;
    }
    Ok(())
}
