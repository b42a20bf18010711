//! Pictures of worlds: recording changes nothing, and what is drawn is what happened.

use durasim::{
    FaultProfile, TestResult, TestWorkflowEnvironment,
    advanced::{Campaign, View, WorldOptions, WorldReport},
};
use durasim_view::{Fate, Kind, LaneKind, Mark, Role, Thing, World};
use futures::future::LocalBoxFuture;
use pretty_assertions::assert_eq;
use scenarios::registry;

/// Returns a campaign over a scenario with all its faults, whose failures are drawn.
fn campaign(name: &str) -> Campaign<'static> {
    let scenario = registry::find(name).expect("a scenario");
    let mut options = WorldOptions::default();
    options.faults = scenario.faults();
    options.draws = true;
    Campaign::new(&scenario.world, options)
}

/// Returns the first of some seeds that fails, and the picture of its failure.
fn failing(name: &str) -> (WorldReport, View) {
    let campaign = campaign(name);
    let failed = (0..200)
        .map(|seed| campaign.seed(seed))
        .find(|world| world.failure.is_some())
        .expect("one of the seeds fails");
    let view = campaign.shrink(&failed).view().expect("a picture");
    (failed, view)
}

fn last(view: &View) -> &World {
    view.worlds.last().expect("a world")
}

fn of_kind(world: &World, kind: Kind) -> impl Iterator<Item = &Thing> {
    world.things.iter().filter(move |thing| thing.kind == kind)
}

#[test]
fn a_world_that_is_recorded_has_the_same_trace() {
    for scenario in registry::sound() {
        let campaign = campaign(scenario.name);
        for seed in 0..3 {
            let world = campaign.seed(seed);
            let view = campaign.view(&world);
            let drawn = last(&view);
            let name = scenario.name;
            assert_eq!(
                drawn.hash,
                Some(world.trace_hash().to_string()),
                "{name} {seed}"
            );
            let events = of_kind(drawn, Kind::Event).count() as u64;
            assert_eq!(events, world.events, "{name} {seed}");
        }
    }
}

#[test]
fn a_picture_is_well_formed_whatever_happens() {
    for scenario in registry::sound() {
        let campaign = campaign(scenario.name);
        for seed in 0..6 {
            let view = campaign.view(&campaign.seed(seed));
            for world in &view.worlds {
                well_formed(world);
            }
            for pair in view.alignment.windows(2) {
                let name = scenario.name;
                assert!(
                    pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1,
                    "{name} {seed}"
                );
            }
        }
    }
}

/// Asserts what every world keeps, whatever happens in it.
fn well_formed(world: &World) {
    let name = &world.name;
    let orders: Vec<_> = world
        .things
        .iter()
        .map(|thing| thing.moment.order)
        .collect();
    assert!(
        orders.is_sorted(),
        "{name}: things are in the order of their moments"
    );
    for (id, thing) in world.things.iter().enumerate() {
        let title = &thing.title;
        assert!(thing.lane < world.lanes.len(), "{name}: {title} has a lane");
        assert!(
            thing.to.is_none_or(|to| to < world.lanes.len()),
            "{name}: {title}"
        );
        for cause in &thing.causes {
            assert!(
                *cause < world.things.len() && *cause != id,
                "{name}: {title}"
            );
        }
        if let Some(until) = thing.until {
            assert!(
                until.order >= thing.moment.order,
                "{name}: {title} ends after it begins"
            );
            assert!(
                until.at_ms >= thing.moment.at_ms,
                "{name}: {title} ends after it begins"
            );
        }
        if thing.kind == Kind::Message {
            assert!(thing.fate.is_some(), "{name}: {title} has a fate");
        }
    }
    // Every event but the first of a run, and those that a clock brings, follows from something.
    for event in of_kind(world, Kind::Event) {
        let is_first = event.title == "WorkflowExecutionStarted";
        let by_clock = event.title.ends_with("TimedOut");
        let title = &event.title;
        assert!(
            is_first || by_clock || !event.causes.is_empty(),
            "{name}: {title}"
        );
    }
}

#[test]
fn the_faults_of_the_plan_are_marked_in_the_words_of_the_report() {
    let (_, view) = failing("flawed/charge_without_key");
    let plan = view.plan.as_ref().expect("a plan");
    let world = last(&view);
    assert_eq!(world.role, Role::Failed);
    assert!(!plan.faults.is_empty());
    let report = &view.check.as_ref().expect("a check").report;
    for fault in &plan.faults {
        let mark = &world.things[fault.thing.expect("a mark")];
        assert_eq!(mark.kind, Kind::Fault);
        assert_eq!(
            (mark.moment.at_ms, &mark.words),
            (fault.at_ms, &fault.words)
        );
        assert!(report.contains(&fault.words), "{report}");
    }
}

#[test]
fn the_check_stands_at_the_attempt_that_applied_the_effect_again() {
    let (_, view) = failing("flawed/charge_without_key");
    let check = view.check.as_ref().expect("a check");
    assert_eq!(check.code, "DS104");
    let world = last(&view);
    let mark = &world.things[check.thing.expect("a mark")];
    let attempt = &world.things[mark.causes[0]];
    assert_eq!((mark.kind, attempt.kind), (Kind::Check, Kind::Attempt));
    assert!(
        attempt.title.starts_with("Payments::charge, attempt "),
        "{}",
        attempt.title
    );
    assert_eq!(world.lanes[mark.lane].kind, LaneKind::Run);
}

#[test]
fn shrinking_says_what_it_left_out() {
    let (failed, view) = failing("flawed/charge_without_key");
    let plan = view.plan.as_ref().expect("a plan");
    let all = plan.faults.len() + plan.left_out.len();
    assert!(
        all >= usize::try_from(failed.faults).expect("few"),
        "{plan:?}"
    );
    assert!(plan.orderings_left_out > 0);
}

#[test]
fn the_first_difference_is_where_the_worlds_part() {
    let (_, view) = failing("flawed/lost_signal");
    let difference = view.first_difference.as_ref().expect("a difference");
    let first = &view.worlds[0];
    assert_eq!(first.role, Role::FaultFree);
    let missing = &first.things[difference.first.expect("an event")];
    assert_eq!(missing.title, "WorkflowExecutionSignaled");
    assert_eq!(missing.same_as, None);
    let mut before = of_kind(first, Kind::Event).take_while(|event| *event != missing);
    assert!(before.all(|event| event.same_as.is_some()));
}

#[test]
fn events_name_the_users_line() {
    let (_, view) = failing("flawed/charge_without_key");
    let scheduled: Vec<_> = of_kind(last(&view), Kind::Event)
        .filter(|event| event.title == "ActivityTaskScheduled")
        .collect();
    for event in scheduled {
        let line = event.line.as_deref().unwrap_or_default();
        assert!(
            line.starts_with("scenarios/src/payment/workflow.rs:"),
            "{line}"
        );
    }
}

#[test]
fn a_crash_ends_a_process_and_what_runs_in_it() {
    let (_, view) = failing("flawed/charge_without_key");
    let world = last(&view);
    let crashed = of_kind(world, Kind::Process).find(|process| process.mark == Some(Mark::Lost));
    let Some(crashed) = crashed else { return };
    let ended = crashed.until.expect("an end").order;
    for attempt in of_kind(world, Kind::Attempt).filter(|it| it.lane == crashed.lane) {
        let is_in_it = (crashed.moment.order..ended).contains(&attempt.moment.order);
        assert!(!is_in_it || attempt.until.is_some_and(|until| until.order <= ended));
    }
}

#[test]
fn a_message_that_a_fault_holds_is_drawn_as_held() {
    let (_, view) = failing("flawed/lost_signal");
    let held: Vec<_> = of_kind(last(&view), Kind::Message)
        .filter(|message| message.fate == Some(Fate::Held))
        .map(|message| message.title.as_str())
        .collect();
    assert_eq!(held, ["signal add"]);
}

#[test]
fn children_stand_below_their_parents() {
    let campaign = campaign("order");
    let view = campaign.view(campaign.fault_free());
    let lanes = &last(&view).lanes;
    let child = lanes
        .iter()
        .position(|lane| lane.parent.is_some())
        .expect("a child");
    let parent = lanes[child].parent.expect("a parent");
    assert!(parent < child);
    let between = &lanes[parent + 1..child];
    assert!(between.iter().all(|lane| lane.parent.is_some()));
}

#[test]
fn the_story_names_the_faults_and_the_check() {
    let (_, view) = failing("flawed/lost_signal");
    let text = view.text();
    assert!(
        text.contains("fault: hold signal add to CartWorkflow#1"),
        "{text}"
    );
    assert!(text.contains("signal add to the service is held"), "{text}");
    assert!(text.contains("DS001 panic"), "{text}");
    assert!(
        text.contains("the first difference (≠): CartWorkflow cart-1"),
        "{text}"
    );
}

/// Runs a few hundred activities: more than a thousand events.
fn long(env: TestWorkflowEnvironment) -> LocalBoxFuture<'static, TestResult> {
    (registry::find("batch").expect("a scenario").world)(env)
}

#[test]
fn a_page_of_a_thousand_events_is_below_two_megabytes() {
    let mut options = WorldOptions::default();
    options.faults = FaultProfile::all();
    let campaign = Campaign::new(&long, options);
    let world = campaign.seed(1);
    let view = campaign.view(&world);
    let events: usize = view
        .worlds
        .iter()
        .map(|world| of_kind(world, Kind::Event).count())
        .sum();
    let page = view.page();
    let script = View::new("", vec![World::new("", Role::Passed)])
        .page()
        .len();
    let each = (page.len() - script) / events.max(1);
    assert!(
        script + 2 * 1_000 * each < 2_000_000,
        "{each} bytes an event"
    );
}
