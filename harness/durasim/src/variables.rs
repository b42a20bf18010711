//! The variables of the environment that durasim reads: all of them, and nothing else.

use crate::report::Failure;

/// The beginning of the name of every variable.
const PREFIX: &str = "DURASIM_";

/// Makes all that follows from the table of variables.
macro_rules! variables {
    ($($kind:ident = $name:literal value $value:literal what $what:literal)+) => {
        /// A variable of the environment.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Variable {
            $(
                #[doc = concat!("`", $name, "`: ", $what, ".")]
                $kind,
            )+
        }

        impl Variable {
            /// Every variable, in the order of the guide.
            const ALL: &[Self] = &[$(Self::$kind),+];

            /// Returns the name.
            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)+
                }
            }

            /// Returns an example of a value, and the effect of the variable.
            #[cfg(test)]
            fn row(self) -> (&'static str, &'static str) {
                match self {
                    $(Self::$kind => ($value, $what),)+
                }
            }
        }
    };
}

variables! {
    Seed = "DURASIM_SEED"
        value "17"
        what "runs the one world of this seed, after the fault-free world"
    Seeds = "DURASIM_SEEDS"
        value "10000"
        what "runs this many worlds, at least one, in each test that runs seeds"
    History = "DURASIM_HISTORY"
        value "1"
        what "tells the story of the picture as text, and shows the whole history of each \
              workflow that a report names"
    FreshProcess = "DURASIM_FRESH_PROCESS"
        value "0"
        what "replays nothing in a fresh process"
    View = "DURASIM_VIEW"
        value "1"
        what "draws a picture of the first world of a test that passes, or of the world of \
              `DURASIM_SEED`"
    Log = "DURASIM_LOG"
        value "1"
        what "tells the story of the world that failed, or of the first; or shows `tracing` events \
              of all worlds, by targets and levels such as `durasim=debug,payments=info`"
}

impl Variable {
    /// Returns the value, if the variable is set to anything.
    pub(crate) fn get(self) -> Option<String> {
        std::env::var(self.name())
            .ok()
            .filter(|value| !value.trim().is_empty())
    }

    /// Returns `true` if the variable is set, and not switched off.
    pub(crate) fn is_on(self) -> bool {
        self.get()
            .is_some_and(|value| !["0", "off"].contains(&value.trim()))
    }

    /// Returns the whole number that the variable holds, if it is set.
    ///
    /// # Errors
    ///
    /// If it holds anything but a number of at least this much.
    pub(crate) fn number(self, least: u64) -> Result<Option<u64>, Box<Failure>> {
        let Some(text) = self.get() else {
            return Ok(None);
        };
        let number = text.trim().parse().ok().filter(|number| *number >= least);
        number.map(Some).map_or_else(
            || {
                refuse(format!(
                    "{} must be a whole number from {least} to {}, not {text:?}",
                    self.name(),
                    u64::MAX
                ))
            },
            Ok,
        )
    }
}

/// Refuses variables that look like durasim's and are not.
///
/// # Errors
///
/// If there is such a variable: most likely the name of another one, misspelt.
pub(crate) fn check() -> Result<(), Box<Failure>> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    match unknown(names) {
        None => Ok(()),
        Some(name) => refuse(format!(
            "there is no variable {name}; those that durasim reads are {}",
            known()
        )),
    }
}

/// Returns the first of these names that looks like durasim's and is not.
fn unknown(names: impl Iterator<Item = String>) -> Option<String> {
    let is_known = |name: &str| Variable::ALL.iter().any(|it| it.name() == name);
    names
        .filter(|name| name.starts_with(PREFIX) && !is_known(name))
        .min()
}

/// Returns the names of all variables.
fn known() -> String {
    let names: Vec<_> = Variable::ALL.iter().map(|it| it.name()).collect();
    names.join(", ")
}

fn refuse<T>(message: String) -> Result<T, Box<Failure>> {
    Err(Box::new(Failure::setup(message)))
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;

    #[test]
    fn the_guide_lists_every_variable_and_no_other() {
        let guide = include_str!("../docs/guide.md");
        let rows: Vec<_> = guide
            .lines()
            .filter(|line| line.starts_with("| `DURASIM_"))
            .collect();
        let expected: Vec<_> = Variable::ALL
            .iter()
            .map(|it| {
                let (value, what) = it.row();
                format!("| `{}` | `{value}` | {what} |", it.name())
            })
            .collect();
        assert_eq!(rows, expected);
    }

    #[test]
    fn a_misspelt_variable_is_unknown() {
        let names = ["PATH", "DURASIM_SEED", "DURASIM_SEDES", "DURASIM_LOG"];
        assert_eq!(
            unknown(names.map(str::to_owned).into_iter()).as_deref(),
            Some("DURASIM_SEDES")
        );
    }
}
