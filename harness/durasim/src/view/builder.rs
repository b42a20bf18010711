//! The builder of a world's data: lanes and things in any order, which it sorts at the end.

use std::collections::{BTreeMap, BTreeSet};

use durasim_view::{Kind, Lane, Moment, Role, Thing, World};

use super::Marks;
use crate::{outcome::Recorded, recording::Instant};

/// A world under construction.
pub(super) struct Builder {
    pub(super) world: World,
    start_ms: u64,
    /// The lane of each task of the test.
    pub(super) clients: BTreeMap<String, usize>,
    pub(super) service: Option<usize>,
    /// The lane of each worker.
    pub(super) workers: BTreeMap<String, usize>,
    /// The lane of each run, by its place among the histories.
    pub(super) runs: Vec<usize>,
    /// The lane of the last run of each workflow id, with its first order.
    pub(super) workflows: BTreeMap<String, Vec<(u64, usize)>>,
    /// The thing of each event, by its run and its id.
    pub(super) events: BTreeMap<(usize, i64), usize>,
    pub(super) marks: Marks,
    /// The things that others stand for.
    pub(super) dropped: BTreeSet<usize>,
}

impl Builder {
    pub(super) fn new(name: impl Into<String>, role: Role, start_ms: u64) -> Self {
        let mut world = World::new(name, role);
        world.start_ms = start_ms;
        Self {
            world,
            start_ms,
            clients: BTreeMap::new(),
            service: None,
            workers: BTreeMap::new(),
            runs: Vec::new(),
            workflows: BTreeMap::new(),
            events: BTreeMap::new(),
            marks: Marks::default(),
            dropped: BTreeSet::new(),
        }
    }

    /// Returns a moment as the data has it.
    pub(super) fn moment(&self, instant: Instant) -> Moment {
        Moment {
            at_ms: instant.at_ms.saturating_sub(self.start_ms),
            order: instant.order,
        }
    }

    /// Adds a lane.
    pub(super) fn lane(&mut self, lane: Lane) -> usize {
        self.world.lane(lane)
    }

    /// Adds a thing.
    pub(super) fn thing(&mut self, thing: Thing) -> usize {
        self.world.thing(thing)
    }

    /// Returns the lane of a workflow at a moment: that of its newest run by then.
    pub(super) fn workflow(&self, workflow_id: &str, order: u64) -> Option<usize> {
        let runs = self.workflows.get(workflow_id)?;
        let before = runs.iter().rev().find(|(began, _)| *began <= order);
        before.or(runs.first()).map(|(_, lane)| *lane)
    }

    /// Sorts everything: things by their moments, and runs of children below their parents.
    pub(super) fn finish(mut self) -> (World, Marks) {
        self.sort_lanes();
        let things = std::mem::take(&mut self.world.things);
        let kept = (0..things.len()).filter(|index| !self.dropped.contains(index));
        let mut order: Vec<usize> = kept.collect();
        // A thing that lasts comes before what happens in it; faults come before their effects.
        order.sort_by_key(|index| {
            (
                things[*index].moment.order,
                rank(things[*index].kind),
                *index,
            )
        });
        let mut place = vec![0; things.len()];
        for (new, old) in order.iter().enumerate() {
            place[*old] = new;
        }
        let mut things: Vec<_> = things.into_iter().map(Some).collect();
        self.world.things = order
            .iter()
            .filter_map(|old| things[*old].take())
            .map(|mut thing| {
                let causes = thing.causes.iter();
                let causes = causes.filter(|cause| !self.dropped.contains(cause));
                let causes = causes.map(|cause| place[*cause]);
                thing.causes = causes.collect();
                thing.causes.sort_unstable();
                thing.causes.dedup();
                thing
            })
            .collect();
        let last = self.world.things.iter().map(|thing| {
            let until = thing.until.map_or(0, |until| until.at_ms);
            until.max(thing.moment.at_ms)
        });
        self.world.end_ms = last.max().unwrap_or(0).max(self.world.end_ms);
        for (_, thing) in &mut self.marks.faults {
            *thing = place[*thing];
        }
        self.marks.check = self.marks.check.map(|thing| place[thing]);
        (self.world, self.marks)
    }

    /// Moves the lane of each child below that of its parent.
    fn sort_lanes(&mut self) {
        let lanes = &self.world.lanes;
        let mut order = Vec::new();
        for index in (0..lanes.len()).filter(|index| lanes[*index].parent.is_none()) {
            add_with_children(lanes, index, &mut order);
        }
        // A parent that is its own descendant would be lost.
        for index in 0..lanes.len() {
            if !order.contains(&index) {
                order.push(index);
            }
        }
        let mut place = vec![0; lanes.len()];
        for (new, old) in order.iter().enumerate() {
            place[*old] = new;
        }
        let mut lanes: Vec<_> = order.iter().map(|old| lanes[*old].clone()).collect();
        for lane in &mut lanes {
            lane.parent = lane.parent.map(|parent| place[parent]);
        }
        self.world.lanes = lanes;
        for thing in &mut self.world.things {
            thing.lane = place[thing.lane];
            thing.to = thing.to.map(|to| place[to]);
            thing.run = thing.run.map(|run| place[run]);
        }
    }
}

/// Adds a lane and, below it, those of its children.
fn add_with_children(lanes: &[Lane], index: usize, order: &mut Vec<usize>) {
    let mut open = vec![index];
    while let Some(lane) = open.pop() {
        order.push(lane);
        let children = (0..lanes.len()).filter(|it| lanes[*it].parent == Some(lane));
        open.extend(children.collect::<Vec<_>>().into_iter().rev());
    }
}

/// Returns the place of a kind among things of one moment.
fn rank(kind: Kind) -> u8 {
    match kind {
        Kind::Process => 0,
        Kind::Fault => 1,
        Kind::Check => 3,
        _ => 2,
    }
}

/// Returns the name of the worker lane of a process that was recorded: the task queue, and a number
/// if other workers have the same.
pub(super) fn worker_name(recorded: &Recorded, process: usize) -> String {
    let lives = &recorded.recording.lives;
    let life = &lives[process];
    let mut of_queue: Vec<usize> = lives
        .iter()
        .filter(|other| other.task_queue == life.task_queue)
        .map(|other| other.at.worker)
        .collect();
    of_queue.sort_unstable();
    of_queue.dedup();
    let number = of_queue.iter().position(|it| *it == life.at.worker);
    match (of_queue.len(), number) {
        (1, _) | (_, None) => format!("worker {}", life.task_queue),
        (_, Some(number)) => format!("worker {} ({})", life.task_queue, number + 1),
    }
}
