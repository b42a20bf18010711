//! Colours for terminals.

use std::io::IsTerminal;

/// The choice between colours and plain text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colors {
    /// Plain text.
    Off,
    /// ANSI escape sequences.
    On,
}

/// The role of a piece of text, which decides its colour.
#[derive(Clone, Copy)]
pub(super) enum Role {
    Failure,
    Label,
    Location,
    Expected,
    Actual,
    /// The words of a changed line that differ.
    ExpectedWord,
    ActualWord,
    Faint,
    Command,
}

impl Colors {
    /// Returns `On` if this output is a terminal, unless `NO_COLOR` is set to anything
    /// (<https://no-color.org>).
    pub fn detect(output: &impl IsTerminal) -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self::decide(refused, output.is_terminal())
    }

    fn decide(refused: bool, terminal: bool) -> Self {
        if terminal && !refused {
            Self::On
        } else {
            Self::Off
        }
    }

    /// Returns the text in the colour of its role.
    pub(super) fn paint(self, role: Role, text: &str) -> String {
        if self == Self::Off || text.is_empty() {
            return text.to_owned();
        }
        let sequence = match role {
            Role::Failure => "1;31",
            Role::Label | Role::Faint => "2",
            Role::Location => "36",
            Role::Expected => "32",
            Role::Actual => "31",
            Role::ExpectedWord => "1;42;30",
            Role::ActualWord => "1;41;37",
            Role::Command => "1",
        };
        format!("\u{1b}[{sequence}m{text}\u{1b}[0m")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_terminal_that_does_not_refuse_gets_colours() {
        assert_eq!(Colors::decide(false, true), Colors::On);
        assert_eq!(Colors::decide(true, true), Colors::Off);
        assert_eq!(Colors::decide(false, false), Colors::Off);
    }

    #[test]
    fn text_without_colours_is_left_alone() {
        assert_eq!(Colors::Off.paint(Role::Failure, "DS101"), "DS101");
        assert_eq!(
            Colors::On.paint(Role::Location, "a.rs:1"),
            "\u{1b}[36ma.rs:1\u{1b}[0m"
        );
    }
}
