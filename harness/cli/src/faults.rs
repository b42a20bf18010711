//! The faults of `durasim serve`: drawn on a thread of their own, which keeps their names.

use std::{
    error::Error,
    fmt,
    sync::mpsc,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use durasim::{
    FaultProfile,
    wire::{self, Wire, on_the_wire},
};
use durasim_server::{Lateness, Network, Passage, Request, Response, Status};

use crate::arguments::{FaultName, Weather};

type Question = Box<dyn FnOnce(&mut Wire) + Send>;

/// The faults of a server.
#[derive(Clone)]
pub(crate) struct Faults {
    pub(crate) seed: u64,
    /// The faults of the preset that cannot happen over the wire.
    pub(crate) off: Vec<String>,
    questions: mpsc::Sender<Question>,
}

impl Faults {
    /// Returns the faults that the command line asks for, if it does.
    ///
    /// # Errors
    ///
    /// The names of the faults that cannot happen over the wire.
    pub(crate) fn of(weather: &Weather) -> Result<Option<Self>, Box<dyn Error>> {
        if weather.faults.is_empty() {
            return Ok(None);
        }
        let mut profile = FaultProfile::none();
        let mut off = Vec::new();
        for name in &weather.faults {
            let preset = match name {
                FaultName::All => FaultProfile::all(),
                FaultName::Crashes => FaultProfile::crashes(),
                FaultName::Activities => FaultProfile::activities(),
                FaultName::Messages => FaultProfile::messages(),
                FaultName::Kind(kind) => {
                    profile = profile.with(*kind);
                    continue;
                }
            };
            let (preset, missing) = on_the_wire(preset);
            off.extend(missing.iter().map(|kind| kind.name().to_owned()));
            for kind in preset.kinds() {
                profile = profile.with(kind);
            }
        }
        // A server lives long, and all of its life is one world.
        let profile = profile.max_faults(u32::MAX).swarm(false);
        let seed = weather.seed.unwrap_or_else(any_seed);
        Wire::new(seed, &profile)?;
        let (questions, asked) = mpsc::channel::<Question>();
        thread::Builder::new()
            .name("faults".to_owned())
            .spawn(move || {
                let mut wire = Wire::new(seed, &profile).expect("it was made before");
                for question in asked {
                    question(&mut wire);
                }
            })?;
        Ok(Some(Self {
            seed,
            off,
            questions,
        }))
    }

    /// Returns what the thread of the faults answers.
    fn ask<T: Send + 'static>(&self, question: impl FnOnce(&mut Wire) -> T + Send + 'static) -> T {
        let (sender, answer) = mpsc::sync_channel(1);
        let question = Box::new(move |wire: &mut Wire| {
            // Whoever asks waits.
            let _ = sender.send(question(wire));
        });
        self.questions
            .send(question)
            .expect("the thread lives as long as its questions");
        answer.recv().expect("the thread answers each question")
    }

    /// Returns the lines that tell which faults have struck.
    pub(crate) fn told(&self) -> String {
        let struck = self.ask(|wire| wire.struck());
        let again = format!("--seed {}", self.seed);
        match struck.len() {
            0 => format!("durasim: no fault struck ({again})"),
            count => {
                let faults = if count == 1 { "fault" } else { "faults" };
                let lines = struck.join("\n  ");
                format!("durasim: {count} {faults} struck ({again}):\n  {lines}")
            }
        }
    }
}

/// Returns a seed that no other run is likely to have.
fn any_seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| u64::from(since.subsec_nanos()) ^ since.as_secs())
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults")
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}

impl Network for Faults {
    fn request(
        &mut self,
        now_ms: u64,
        call: u64,
        request: &mut Request,
        timeout: Option<Duration>,
    ) -> Passage {
        let mut sent = request.clone();
        let timeout_ms = timeout.map(|it| u64::try_from(it.as_millis()).unwrap_or(u64::MAX));
        let (passage, sent) = self.ask(move |wire| {
            let passage = wire.request(now_ms, call, &mut sent, timeout_ms);
            (passage, sent)
        });
        *request = sent;
        on_the_network(passage)
    }

    fn answer(&mut self, now_ms: u64, call: u64, answer: &Result<Response, Status>) -> Passage {
        let answer = answer.clone();
        on_the_network(self.ask(move |wire| wire.answer(now_ms, call, &answer)))
    }

    fn forget(&mut self, call: u64) {
        self.ask(move |wire| wire.forget(call));
    }
}

fn on_the_network(passage: wire::Passage) -> Passage {
    let late = |lateness: wire::Lateness| Lateness {
        time: Duration::from_millis(lateness.ms),
        messages: lateness.messages,
    };
    match passage {
        wire::Passage::OnTime => Passage::OnTime,
        wire::Passage::Late(lateness) => Passage::Late(late(lateness)),
        wire::Passage::Twice(lateness) => Passage::Twice(late(lateness)),
        wire::Passage::Refused(status) => Passage::Refused(status),
        wire::Passage::Unanswered(status) => Passage::Unanswered(status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(names: &[&str]) -> Result<Option<Faults>, String> {
        let faults = names.iter().map(|name| name.parse().unwrap()).collect();
        let weather = Weather {
            faults,
            seed: Some(7),
            log: false,
        };
        Faults::of(&weather).map_err(|error| error.to_string())
    }

    #[test]
    fn a_preset_has_what_can_happen_over_the_wire_and_names_the_rest() {
        let faults = faults(&["all"]).unwrap().unwrap();
        assert!(faults.off.iter().any(|name| name == "worker_crash"));
        assert_eq!(faults.told(), "durasim: no fault struck (--seed 7)");
    }

    #[test]
    fn a_fault_that_needs_a_worker_of_durasims_own_is_refused_by_name() {
        let refused = faults(&["signal_delay", "worker_crash"]).unwrap_err();
        assert!(
            refused.contains("the faults worker_crash; over the wire"),
            "{refused}"
        );
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let unknown = "crash".parse::<FaultName>().unwrap_err();
        assert!(unknown.contains("one of all, crashes"), "{unknown}");
    }
}
