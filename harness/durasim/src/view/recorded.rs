//! The part of a view that only a simulation knows: messages, processes, tasks, attempts, faults.

use std::collections::{BTreeMap, BTreeSet};

use durasim_engine::{Tape, TapeEntry};
use durasim_view::{Fate, Kind, Lane, LaneKind, Mark, Thing};
use durasim_worker::activity::{ActivityCallOutcome, ActivityCallRecord};
use serde_json::json;

use super::{
    body,
    builder::{Builder, worker_name},
};
use crate::{
    outcome::Recorded,
    panics,
    recording::{AttemptSeen, Cause, Instant, Life, MessageSeen, Party, Touch},
    words::with_causes,
};

/// The things of what was recorded, by their places in the recording.
struct Things {
    messages: Vec<usize>,
    tasks: Vec<usize>,
    attempts: Vec<usize>,
}

impl Things {
    fn of(&self, cause: Option<Cause>) -> Option<usize> {
        match cause? {
            Cause::Message(index) => self.messages.get(index).copied(),
            Cause::Task(index) => self.tasks.get(index).copied(),
            Cause::Attempt(index) => self.attempts.get(index).copied(),
        }
    }
}

impl Builder {
    /// Adds the lanes of the test and its clients, the service, and the workers.
    pub(super) fn parties(&mut self, recorded: &Recorded) {
        let recording = &recorded.recording;
        let lane = self.lane(Lane::new(LaneKind::Client, "the test"));
        self.clients.insert(panics::TEST.to_owned(), lane);
        let is_activity = |name: &str| recording.attempts.iter().any(|it| it.label == name);
        for message in &recording.messages {
            let Party::Client(name) = &message.from else {
                continue;
            };
            if !self.clients.contains_key(name) && !is_activity(name) {
                let lane = self.lane(Lane::new(LaneKind::Client, name.as_str()));
                self.clients.insert(name.clone(), lane);
            }
        }
        let service = self.lane(Lane::new(LaneKind::Service, "the service"));
        self.service = Some(service);
        for process in 0..recording.lives.len() {
            let name = worker_name(recorded, process);
            if !self.workers.contains_key(&name) {
                let lane = self.lane(Lane::new(LaneKind::Worker, name.as_str()));
                self.workers.insert(name, lane);
            }
        }
        // An activity that calls the service does so from its worker.
        for attempt in &recording.attempts {
            let lane = self.workers[&worker_name(recorded, attempt.process)];
            self.clients.entry(attempt.label.clone()).or_insert(lane);
        }
    }

    /// Adds everything that was recorded beside the histories.
    pub(super) fn recorded(&mut self, recorded: &Recorded, tape: &Tape) {
        let recording = &recorded.recording;
        let lanes: Vec<usize> = (0..recording.lives.len())
            .map(|process| self.workers[&worker_name(recorded, process)])
            .collect();
        let lives: Vec<usize> = recording
            .lives
            .iter()
            .zip(&lanes)
            .map(|(life, lane)| self.process(life, *lane))
            .collect();
        let mut things = Things {
            messages: Vec::new(),
            tasks: Vec::new(),
            attempts: Vec::new(),
        };
        for message in &recording.messages {
            let thing = self.message(message, recorded, &lanes);
            things.messages.push(self.thing(thing));
        }
        self.tasks(recorded, &lanes, &mut things);
        self.attempts(recorded, &lanes, &mut things);
        self.causes(recorded, &things);
        self.remarks(recorded, &lanes);
        for fault in &recording.faults {
            let Some(entry) = tape.entries.get(fault.entry) else {
                continue;
            };
            let about = things.of(fault.about);
            let lane = match (fault.process, about) {
                (Some(process), _) => lanes[process],
                (None, Some(about)) => self.world.things[about].lane,
                (None, None) => self.service.unwrap_or_default(),
            };
            let mut thing = Thing::new(Kind::Fault, lane, self.moment(fault.at), "fault");
            thing.words = fault_words(entry);
            thing.causes.extend(about);
            let thing = self.thing(thing);
            self.marks.faults.push((fault.entry, thing));
            self.effects_of_fault(thing, fault.at, fault.process.map(|process| lives[process]));
        }
    }

    /// Links a fault with what it did at once: the end of a process.
    fn effects_of_fault(&mut self, fault: usize, at: Instant, life: Option<usize>) {
        let Some(life) = life else { return };
        let ended = self.world.things[life].until;
        let is_near = ended.is_some_and(|ended| (at.order..=at.order + 2).contains(&ended.order));
        if is_near {
            self.world.things[life].causes.push(fault);
        }
    }

    fn process(&mut self, life: &Life, lane: usize) -> usize {
        let title = match (life.at.start, life.version.as_str()) {
            (start, "") => format!("process {}", start + 1),
            (start, version) => format!("process {}, version {version}", start + 1),
        };
        let mut thing = Thing::new(Kind::Process, lane, self.moment(life.began), title);
        thing.until = life.ended.map(|ended| self.moment(ended));
        thing.mark = (life.how == "dies").then_some(Mark::Lost);
        thing.words.clone_from(&life.how);
        self.thing(thing)
    }

    fn message(&self, message: &MessageSeen, recorded: &Recorded, lanes: &[usize]) -> Thing {
        let lane = |party: &Party, order: u64| match party {
            Party::Client(name) => self.clients.get(name).copied(),
            Party::Service => self.service,
            Party::Process(process) => lanes.get(*process).copied(),
            Party::Workflow(id) => self.workflow(id, order),
        };
        let moment = self.moment(message.sent);
        let from = lane(&message.from, moment.order).unwrap_or_default();
        let (subject, what) = match message.label.split_once('/') {
            Some((subject, what)) => (subject, what.replace('/', " ")),
            None => ("", message.label.clone()),
        };
        let title = if message.is_reply && !what.ends_with("task") {
            format!("answer to {what}")
        } else {
            what
        };
        let mut thing = Thing::new(Kind::Message, from, moment, title);
        thing.to = lane(&message.to, moment.order);
        thing.until = message.arrived.map(|arrived| self.moment(arrived));
        thing.words = [subject, message.status.as_deref().unwrap_or_default()]
            .into_iter()
            .filter(|words| !words.is_empty())
            .collect::<Vec<_>>()
            .join(": ");
        thing.fate = Some(fate(message, recorded));
        thing
    }

    fn tasks(&mut self, recorded: &Recorded, lanes: &[usize], things: &mut Things) {
        for task in &recorded.recording.tasks {
            let lane = lanes[task.process];
            let moment = self.moment(task.began);
            let mut thing = Thing::new(Kind::WorkflowTask, lane, moment, "workflow task");
            thing.words = match &task.failed {
                Some(message) => format!("{}: {message}", task.label),
                None => task.label.clone(),
            };
            thing.run = self.run_of(&task.run_id);
            thing.until = task.ended.map(|ended| self.moment(ended));
            let died = recorded.recording.lives[task.process].ended;
            thing.mark = match (&task.failed, task.ended) {
                (Some(_), _) => Some(Mark::Failed),
                (None, Some(ended)) if Some(ended) == died => Some(Mark::Lost),
                (None, Some(_)) => None,
                (None, None) => Some(Mark::Open),
            };
            things.tasks.push(self.thing(thing));
        }
    }

    fn attempts(&mut self, recorded: &Recorded, lanes: &[usize], things: &mut Things) {
        let mut calls: BTreeMap<_, Vec<&ActivityCallRecord>> = BTreeMap::new();
        for call in recorded.calls.iter().rev() {
            let key = (
                call.run_id.as_str(),
                call.activity_id.as_str(),
                call.attempt,
            );
            calls.entry((key, call.is_local)).or_default().push(call);
        }
        let causes = recorded.recording.messages.iter().map(|it| it.cause);
        let reported: BTreeSet<usize> = causes
            .filter_map(|cause| match cause {
                Some(Cause::Attempt(attempt)) => Some(attempt),
                _ => None,
            })
            .collect();
        for attempt in &recorded.recording.attempts {
            // The log has the attempts whose code ran.
            let key = (
                attempt.run_id.as_str(),
                attempt.activity_id.as_str(),
                attempt.attempt,
            );
            let call = calls
                .get_mut(&(key, attempt.is_local))
                .filter(|_| attempt.failed.is_none())
                .and_then(Vec::pop);
            let mut thing = self.attempt(attempt, call, lanes[attempt.process]);
            let is_reported = reported.contains(&things.attempts.len());
            if thing.mark.is_none() && !attempt.is_local && !is_reported {
                thing.mark = Some(Mark::Lost);
                thing.words.push_str(", and its report is never sent");
            }
            things.attempts.push(self.thing(thing));
        }
    }

    fn attempt(
        &self,
        attempt: &AttemptSeen,
        call: Option<&ActivityCallRecord>,
        lane: usize,
    ) -> Thing {
        let name = attempt.label.split_once('/').map_or("", |(_, name)| name);
        let kind = if attempt.is_local {
            "local activity "
        } else {
            ""
        };
        let title = format!("{kind}{name}, attempt {}", attempt.attempt);
        let mut thing = Thing::new(Kind::Attempt, lane, self.moment(attempt.began), title);
        thing.run = self.run_of(&attempt.run_id);
        thing.until = attempt.ended.map(|ended| self.moment(ended));
        if let Some(message) = &attempt.failed {
            thing.mark = Some(Mark::Failed);
            thing.words = format!("fails before its code runs: {message}");
        }
        let Some(call) = call else { return thing };
        let input = body::values(Some(&call.payloads));
        let (mark, words, result) = match &call.outcome {
            ActivityCallOutcome::Running => (Some(Mark::Open), "still runs".to_owned(), None),
            ActivityCallOutcome::Completed(result) => (
                None,
                "returns".to_owned(),
                Some(body::values(result.as_ref())),
            ),
            ActivityCallOutcome::Failed(failure) => {
                let message = with_causes(failure);
                (Some(Mark::Failed), format!("fails: {message}"), None)
            }
            ActivityCallOutcome::Canceled(_) => {
                (Some(Mark::Cancelled), "is cancelled".to_owned(), None)
            }
            ActivityCallOutcome::WillCompleteAsync => (
                Some(Mark::Open),
                "is to be completed from outside".to_owned(),
                None,
            ),
            _ => (Some(Mark::Lost), "dies with its worker".to_owned(), None),
        };
        thing.mark = mark;
        thing.words = words;
        thing.body = Some(match result {
            Some(result) => json!({ "input": input, "result": result }),
            None => json!({ "input": input, "outcome": thing.words }),
        });
        thing
    }

    fn remarks(&mut self, recorded: &Recorded, lanes: &[usize]) {
        for remark in &recorded.recording.remarks {
            let lane = remark.process.map(|process| lanes[process]);
            let Some(lane) = lane.or(self.service) else {
                continue;
            };
            let moment = self.moment(remark.at);
            self.thing(Thing::new(Kind::Note, lane, moment, remark.words.as_str()));
        }
    }

    /// Returns the lane of a run.
    pub(super) fn run_of(&self, run_id: &str) -> Option<usize> {
        let lanes = self.world.lanes.iter();
        lanes
            .enumerate()
            .rev()
            .find(|(_, lane)| lane.run.as_ref().is_some_and(|run| run.run_id == run_id))
            .map(|(lane, _)| lane)
    }

    /// Adds the causes that were recorded.
    fn causes(&mut self, recorded: &Recorded, things: &Things) {
        let recording = &recorded.recording;
        let of_messages = recording.messages.iter().map(|it| it.cause);
        let of_tasks = recording.tasks.iter().map(|it| it.cause);
        let of_attempts = recording.attempts.iter().map(|it| it.cause);
        let all = things.messages.iter().zip(of_messages);
        let all = all.chain(things.tasks.iter().zip(of_tasks));
        let all = all.chain(things.attempts.iter().zip(of_attempts));
        for (thing, cause) in all {
            self.world.things[*thing].causes.extend(things.of(cause));
        }
        for (run, written) in recording.written.iter().enumerate() {
            let mut id = 0;
            for (_, cause) in &written.events {
                id += 1;
                let Some(event) = self.events.get(&(run, id)).copied() else {
                    continue;
                };
                if let Some(Cause::Message(message)) = cause
                    && matches!(recording.messages[*message].from, Party::Workflow(_))
                {
                    self.drop_delivery(event);
                }
                let cause = things.of(*cause);
                self.world.things[event].causes.extend(cause);
            }
        }
        self.signals(recorded, &things.messages);
        self.attempts_of_events(recorded, things);
        self.lines(recorded, things);
    }

    /// Drops the delivery to an event that its history tells of: it was recorded too.
    fn drop_delivery(&mut self, event: usize) {
        let causes = self.world.things[event].causes.iter().copied();
        let deliveries = causes.filter(|cause| self.world.things[*cause].kind == Kind::Message);
        self.dropped.extend(deliveries.collect::<Vec<_>>());
    }

    /// Links each attempt with the event that scheduled its activity.
    fn attempts_of_events(&mut self, recorded: &Recorded, things: &Things) {
        let mut scheduled = BTreeMap::new();
        for event in self.events.values() {
            let seen = &self.world.things[*event];
            if seen.title == "ActivityTaskScheduled"
                && let Some(id) = seen.body.as_ref().and_then(|body| body.get("activityId"))
            {
                scheduled.insert(
                    (seen.lane, id.as_str().unwrap_or_default().to_owned()),
                    *event,
                );
            }
        }
        for (attempt, thing) in recorded.recording.attempts.iter().zip(&things.attempts) {
            let Some(lane) = self.world.things[*thing].run else {
                continue;
            };
            let event = scheduled.get(&(lane, attempt.activity_id.clone()));
            self.world.things[*thing].causes.extend(event);
        }
    }

    /// Names the user's line of each event that a command became.
    fn lines(&mut self, recorded: &Recorded, things: &Things) {
        // An event that completes a task follows from a message, and the message from the task.
        let mut completed = BTreeMap::new();
        for (key, event) in &self.events {
            let seen = &self.world.things[*event];
            if seen.title != "WorkflowTaskCompleted" {
                continue;
            }
            let causes = seen.causes.iter().map(|cause| &self.world.things[*cause]);
            let messages = causes.filter(|cause| cause.kind == Kind::Message);
            for task in messages.flat_map(|message| &message.causes) {
                completed.insert(*task, *key);
            }
        }
        for (task, thing) in recorded.recording.tasks.iter().zip(&things.tasks) {
            if let Some((run, completed)) = completed.get(thing) {
                self.name_lines(*run, *completed, task);
            }
        }
    }
}

/// Returns the fate of a message.
fn fate(message: &MessageSeen, recorded: &Recorded) -> Fate {
    let lives = &recorded.recording.lives;
    let is_dead = |party: &Party| match party {
        Party::Process(process) => lives[*process].ended.is_some(),
        _ => false,
    };
    match (message.touch, message.arrived) {
        (Touch::Copy, _) => Fate::Duplicate,
        (Touch::Refused, _) => Fate::Refused,
        (Touch::Lost, _) => Fate::Lost,
        (Touch::Held, _) => Fate::Held,
        (Touch::None, Some(_)) => Fate::Delivered,
        (_, None) if message.status.is_some() => Fate::Lost,
        (_, None) if is_dead(&message.to) || is_dead(&message.from) => Fate::Lost,
        (_, None) => Fate::UnderWay,
    }
}

/// Returns a fault in the plan's words.
pub(super) fn fault_words(entry: &TapeEntry) -> String {
    if entry.words.is_empty() {
        entry.point.to_string()
    } else {
        entry.words.clone()
    }
}
