//! Exhaustive exploration: every plan of at most so many faults.

use durasim_engine::Explorer;

use super::{campaign::Campaign, found::of_no_world};
use crate::{
    Exhaustive,
    broken::broken,
    checks::Sometimes,
    faults::is_fault_site,
    outcome::ChoiceSource,
    report::{Failure, FailureReport, Spent},
};

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
    let mut spent = Spent::default();
    while let Some(plan) = explorer.next_plan() {
        if explorer.given_out() > exhaustive.max_worlds {
            let message = format!(
                "exploring every plan of at most {} faults takes more than {} worlds; \
                 explore fewer faults, switch some off, or raise `Exhaustive::max_worlds`",
                exhaustive.faults, exhaustive.max_worlds
            );
            return of_no_world(Failure::setup(message), spent);
        }
        let report = campaign.run_with(ChoiceSource::Plan(plan.tape), |options| {
            options.record_offers = true;
        });
        // Only faults are explored, not order or latency.
        let offers = report
            .offers
            .iter()
            .filter(|offer| is_fault_site(&offer.point.site))
            .cloned()
            .collect();
        explorer.ran(plan.id, offers);
        sometimes.world(&report.labels, report.steps);
        campaign.must_pass(&report, spent)?;
        spent.worlds += 1;
        spent.steps += report.steps;
    }
    Ok(())
}
