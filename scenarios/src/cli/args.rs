//! The arguments of the command line.

use std::{num::NonZero, ops::Range, thread};

use durasim::FaultProfile;
use scenarios::{
    registry::{self, UnknownScenario},
    scenario::Scenario,
};

/// The text of `scenarios help`.
pub(super) const USAGE: &str = "\
scenarios: Temporal workflows by pattern, sound and flawed, run under durasim

Usage: scenarios [COMMAND], that is, cargo run -p scenarios -- [COMMAND]

Commands:
  list [--json]                shows all scenarios
  run NAME [--seed N] [--view FILE]
                               runs one world and shows its histories and faults, and draws it
                               in an HTML file
  sweep NAME|--all --seeds A..B [--jobs N]
                               runs the worlds of seeds A to B, B excluded
  history NAME [--seed N] [--workflow ID]
                               prints the history of one run in Temporal's JSON format
  score [--sound-seeds N] [--jobs N]
                               checks that each flaw is found and that there is no false alarm
  help                         shows this text
  (none)                       shows a tour of durasim in under a minute

Options:
  --json                       prints one JSON object a line; for `run`, `sweep` and `score`
  --faults PRESET              none, crashes, activities, messages, or all (the default);
                               for `run`, `sweep` and `history`

Exit status: 0 if every check held, 1 if a check failed, 2 if the command line is invalid";

/// A command, with its options.
pub(super) enum Command {
    Tour,
    Help,
    List { json: bool },
    Run(RunOptions),
    Sweep(SweepOptions),
    History(HistoryOptions),
    Score(ScoreOptions),
}

/// A preset of faults, by the name that `--faults` gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Faults {
    None,
    Crashes,
    Activities,
    Messages,
    All,
}

impl Faults {
    const NAMES: [(&str, Self); 5] = [
        ("none", Self::None),
        ("crashes", Self::Crashes),
        ("activities", Self::Activities),
        ("messages", Self::Messages),
        ("all", Self::All),
    ];

    /// Returns the profile of the preset: `all` is every fault that the scenario is to meet.
    pub(super) fn profile(self, scenario: &Scenario) -> FaultProfile {
        match self {
            Self::None => FaultProfile::none(),
            Self::Crashes => FaultProfile::crashes(),
            Self::Activities => FaultProfile::activities(),
            Self::Messages => FaultProfile::messages(),
            Self::All => scenario.faults(),
        }
    }

    /// Returns the argument that selects this preset, with a space before it; nothing for the
    /// default.
    pub(super) fn argument(self) -> String {
        let named = Self::NAMES
            .iter()
            .find(|(_, faults)| *faults == self && self != Self::All);
        named
            .map(|(name, _)| format!(" --faults {name}"))
            .unwrap_or_default()
    }
}

/// The options of `run`.
pub(super) struct RunOptions {
    pub(super) scenario: &'static Scenario,
    pub(super) seed: u64,
    pub(super) faults: Faults,
    pub(super) json: bool,
    /// The file to draw the world in.
    pub(super) view: Option<String>,
}

/// The options of `sweep`.
pub(super) struct SweepOptions {
    pub(super) scenarios: Vec<&'static Scenario>,
    pub(super) seeds: Range<u64>,
    pub(super) jobs: NonZero<usize>,
    pub(super) faults: Faults,
    pub(super) json: bool,
}

/// The options of `history`.
pub(super) struct HistoryOptions {
    pub(super) scenario: &'static Scenario,
    pub(super) seed: u64,
    pub(super) faults: Faults,
    pub(super) workflow: Option<String>,
}

/// The options of `score`.
pub(super) struct ScoreOptions {
    pub(super) sound_seeds: u64,
    pub(super) jobs: NonZero<usize>,
    pub(super) json: bool,
}

/// A command line that is invalid.
#[derive(Debug, thiserror::Error)]
pub(super) enum UsageError {
    #[error("unknown command `{0}`; the commands are list, run, sweep, history, score and help")]
    UnknownCommand(String),
    #[error(transparent)]
    UnknownScenario(#[from] UnknownScenario),
    #[error("`{command}` does not take `{argument}`")]
    UnknownArgument {
        command: &'static str,
        argument: String,
    },
    #[error("`{0}` needs the name of a scenario; run `scenarios list` for all names")]
    NoScenario(&'static str),
    #[error("`sweep` takes either a name or --all, not both")]
    NameAndAll,
    #[error("`sweep` needs --seeds A..B, such as --seeds 0..1000")]
    NoSeeds,
    #[error("`{0}` needs a value")]
    NoValue(&'static str),
    #[error("`{0}` takes no value")]
    FlagWithValue(&'static str),
    #[error("`{command}` takes only one {wanted}, but `{argument}` is a second")]
    SaidTwice {
        command: &'static str,
        wanted: &'static str,
        argument: String,
    },
    #[error("`{option}` takes {expected}, not `{value}`")]
    BadValue {
        option: &'static str,
        expected: &'static str,
        value: String,
    },
}

/// Parses the arguments, without the name of the program.
///
/// # Errors
///
/// If an argument is unknown, missing or malformed.
pub(super) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Command, UsageError> {
    let Some(command) = arguments.next() else {
        return Ok(Command::Tour);
    };
    let (command, known): (_, &[_]) = match command.as_str() {
        "help" | "--help" | "-h" => return Ok(Command::Help),
        "list" => ("list", &["--json"]),
        "run" => ("run", &["NAME", "--seed", "--faults", "--json", "--view"]),
        "sweep" => (
            "sweep",
            &["NAME", "--all", "--seeds", "--jobs", "--faults", "--json"],
        ),
        // `history` always prints JSON; `--json` is accepted for consistency.
        "history" => (
            "history",
            &["NAME", "--seed", "--workflow", "--faults", "--json"],
        ),
        "score" => ("score", &["--sound-seeds", "--jobs", "--json"]),
        _ => return Err(UsageError::UnknownCommand(command)),
    };
    let words = Words::read(command, known, arguments)?;
    match command {
        _ if words.help => Ok(Command::Help),
        "list" => Ok(words.list()),
        "run" => words.run(),
        "sweep" => words.sweep(),
        "history" => words.history(),
        _ => Ok(words.score()),
    }
}

/// The arguments of a command, split but not yet combined.
#[derive(Default)]
struct Words {
    command: &'static str,
    help: bool,
    name: Option<String>,
    all: bool,
    json: bool,
    seed: Option<u64>,
    workflow: Option<String>,
    view: Option<String>,
    seeds: Option<Range<u64>>,
    sound_seeds: Option<u64>,
    jobs: Option<NonZero<usize>>,
    faults: Option<Faults>,
}

impl Words {
    fn read(
        command: &'static str,
        known: &[&'static str],
        mut arguments: impl Iterator<Item = String>,
    ) -> Result<Self, UsageError> {
        let mut words = Self {
            command,
            ..Self::default()
        };
        let mut said = Vec::new();
        while let Some(argument) = arguments.next() {
            let (option, attached) = match argument.split_once('=') {
                Some((option, value)) if option.starts_with("--") => {
                    (option, Some(value.to_owned()))
                }
                _ => (argument.as_str(), None),
            };
            if matches!(option, "--help" | "-h") {
                return Ok(Self {
                    help: true,
                    ..words
                });
            }
            let wanted = if option.starts_with('-') {
                option
            } else {
                "NAME"
            };
            let Some(wanted) = known.iter().copied().find(|known| *known == wanted) else {
                return Err(UsageError::UnknownArgument { command, argument });
            };
            if said.contains(&wanted) {
                return Err(UsageError::SaidTwice {
                    command,
                    wanted,
                    argument,
                });
            }
            said.push(wanted);
            if matches!(wanted, "--all" | "--json") && attached.is_some() {
                return Err(UsageError::FlagWithValue(wanted));
            }
            let mut value = || {
                attached
                    .clone()
                    .or_else(|| arguments.next())
                    .ok_or(UsageError::NoValue(wanted))
            };
            match wanted {
                "NAME" => words.name = Some(argument),
                "--all" => words.all = true,
                "--json" => words.json = true,
                "--seed" => words.seed = Some(number(wanted, "a whole number", value()?)?),
                "--workflow" => words.workflow = Some(value()?),
                "--view" => words.view = Some(value()?),
                "--seeds" => words.seeds = Some(range(wanted, value()?)?),
                "--sound-seeds" => {
                    let seeds = number::<NonZero<u64>>(wanted, "a whole number from 1", value()?)?;
                    words.sound_seeds = Some(seeds.get());
                }
                "--jobs" => words.jobs = Some(number(wanted, "a whole number from 1", value()?)?),
                "--faults" => words.faults = Some(faults(wanted, value()?)?),
                _ => unreachable!("every known argument is read above"),
            }
        }
        Ok(words)
    }

    fn scenario(&self) -> Result<&'static Scenario, UsageError> {
        let name = self
            .name
            .as_deref()
            .ok_or(UsageError::NoScenario(self.command))?;
        Ok(registry::find(name)?)
    }

    fn jobs(&self) -> NonZero<usize> {
        self.jobs
            .or_else(|| thread::available_parallelism().ok())
            .unwrap_or(NonZero::<usize>::MIN)
    }

    fn list(self) -> Command {
        Command::List { json: self.json }
    }

    fn run(self) -> Result<Command, UsageError> {
        Ok(Command::Run(RunOptions {
            scenario: self.scenario()?,
            seed: self.seed.unwrap_or_default(),
            faults: self.faults.unwrap_or(Faults::All),
            json: self.json,
            view: self.view,
        }))
    }

    fn sweep(self) -> Result<Command, UsageError> {
        let scenarios = match (&self.name, self.all) {
            (Some(_), true) => return Err(UsageError::NameAndAll),
            // Flawed scenarios fail by design; they are swept by name.
            (None, true) => registry::sound().collect(),
            (_, false) => vec![self.scenario()?],
        };
        let jobs = self.jobs();
        Ok(Command::Sweep(SweepOptions {
            scenarios,
            seeds: self.seeds.ok_or(UsageError::NoSeeds)?,
            jobs,
            faults: self.faults.unwrap_or(Faults::All),
            json: self.json,
        }))
    }

    fn history(self) -> Result<Command, UsageError> {
        Ok(Command::History(HistoryOptions {
            scenario: self.scenario()?,
            seed: self.seed.unwrap_or_default(),
            faults: self.faults.unwrap_or(Faults::All),
            workflow: self.workflow,
        }))
    }

    fn score(self) -> Command {
        let jobs = self.jobs();
        let sound_seeds = self.sound_seeds.unwrap_or(10_000);
        Command::Score(ScoreOptions {
            sound_seeds,
            jobs,
            json: self.json,
        })
    }
}

fn number<N: std::str::FromStr>(
    option: &'static str,
    expected: &'static str,
    value: String,
) -> Result<N, UsageError> {
    value.parse().map_err(|_| UsageError::BadValue {
        option,
        expected,
        value,
    })
}

fn range(option: &'static str, value: String) -> Result<Range<u64>, UsageError> {
    let seeds = value
        .split_once("..")
        .and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    let expected = "a range A..B of whole numbers with A below B";
    seeds
        .filter(|seeds| !seeds.is_empty())
        .ok_or(UsageError::BadValue {
            option,
            expected,
            value,
        })
}

fn faults(option: &'static str, value: String) -> Result<Faults, UsageError> {
    let named = Faults::NAMES.iter().find(|(name, _)| *name == value);
    let expected = "none, crashes, activities, messages or all";
    named
        .map(|(_, faults)| *faults)
        .ok_or(UsageError::BadValue {
            option,
            expected,
            value,
        })
}
