//! The progress of a search, for the people who wait: a bar on a terminal, else a line now and
//! then.

use std::{
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::words::duration_words;

/// The time between two lines, where no terminal shows a bar.
const BETWEEN_LINES: Duration = Duration::from_secs(10);

/// The time between two changes of the bar.
const BETWEEN_DRAWS: Duration = Duration::from_millis(100);

/// The progress of one search.
pub(super) struct Progress {
    test: String,
    began: Instant,
    /// The time of the last sign of life, since the beginning.
    shown: Duration,
    /// The bar, if there is a terminal.
    bar: Option<ProgressBar>,
}

#[allow(clippy::disallowed_methods, reason = "people wait in real time")]
impl Progress {
    /// Begins to count the time of a search of this test. Nothing is shown before it has taken a
    /// while.
    pub(super) fn begin(test: &str) -> Self {
        let bar = io::stderr().is_terminal().then(|| bar(test));
        Self {
            test: test.to_owned(),
            began: Instant::now(),
            shown: Duration::ZERO,
            bar,
        }
    }

    /// Shows the number of worlds that were run, and that of those which are known of, if the time
    /// has come.
    pub(super) fn ran(&mut self, worlds: u64, known: impl FnOnce() -> u64) {
        let elapsed = self.began.elapsed();
        let between = match self.bar {
            Some(_) => BETWEEN_DRAWS,
            None => BETWEEN_LINES,
        };
        if elapsed < self.shown + between {
            return;
        }
        self.shown = elapsed;
        match &self.bar {
            Some(bar) => {
                bar.set_length(known());
                bar.set_position(worlds);
            }
            None => say(&line(&self.test, worlds, known(), elapsed)),
        }
    }

    /// Ends the search.
    pub(super) fn end(self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// Ends the search, and tells how in these words and the time that it took.
    pub(super) fn end_with(self, words: &str) {
        let elapsed = time_words(self.began.elapsed());
        let line = format!("durasim: {}: {words}; it took {elapsed}", self.test);
        self.end();
        say(&line);
    }
}

fn bar(test: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len} worlds, {eta} left");
    let style = style.expect("the template is written here");
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    bar.set_style(style);
    bar.set_prefix(test.to_owned());
    bar
}

/// Returns the line of a search that goes on.
fn line(test: &str, worlds: u64, known: u64, elapsed: Duration) -> String {
    let elapsed = time_words(elapsed);
    format!("durasim: {test}: {worlds} of at least {known} worlds explored in {elapsed}")
}

fn time_words(elapsed: Duration) -> String {
    duration_words(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
}

/// Prints a line where a test runner does not keep it to itself.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;

    fn without_terminal() -> Progress {
        Progress {
            bar: None,
            ..Progress::begin("shop::pays")
        }
    }

    #[test]
    fn an_exploration_without_a_terminal_shows_a_line_every_ten_seconds() {
        let mut progress = without_terminal();
        let asked = std::cell::Cell::new(0);
        let mut ran = |after_secs: u64| {
            progress.began -= Duration::from_secs(after_secs);
            progress.ran(7, || {
                asked.set(asked.get() + 1);
                9
            });
        };
        ran(9);
        ran(2);
        ran(3);
        ran(8);
        assert_eq!(asked.get(), 2, "at 11 and at 22 seconds");
        assert_eq!(
            line("shop::pays", 7, 9, Duration::from_secs(11)),
            "durasim: shop::pays: 7 of at least 9 worlds explored in 11s"
        );
    }
}
