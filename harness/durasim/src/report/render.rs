//! The text of a report, in the one order that all reports share.

use std::fmt::Write;

use super::{
    Failure, FailureCode, FailureReport, FaultPlanWords, Found, HistoryExcerpt, Mark, ShownHistory,
    SourceLine, Spent,
    debug_text::shortened,
    diff,
    paint::{Colors, Role},
};
use crate::{codes, words::duration_words};

/// The width of the labels on the left.
const LABEL_WIDTH: usize = 10;

/// The number of choices of order or latency that are shown one by one: if there are more, only
/// their number is shown.
const ORDERINGS_SHOWN: usize = 4;

/// The number of kinds of faults up to which the cure of each is shown.
const CURES_SHOWN: usize = 3;

/// The lines of a report, written one by one.
struct Page {
    colors: Colors,
    text: String,
}

/// Returns the text of a report.
pub(super) fn report(report: &FailureReport, colors: Colors) -> String {
    let FailureReport { failure, found } = report;
    let mut page = Page::new(colors);
    page.failure(failure, location(failure, found), found.inputs.as_deref());
    page.plan(found);
    page.block("remedy", &remedies(failure, found.plan.as_ref()));
    page.block("spent", &[spent(found.spent)]);
    if !found.real_io.is_empty() {
        let activities = found.real_io.join(", ");
        let words = format!("of {activities}: this world cannot be repeated exactly");
        page.block("real I/O", &wrap(&words));
    }
    if let Some(file) = &found.saved {
        page.block("saved", &[format!("in {file}; it runs first from now on")]);
    }
    page.block("page", &[codes::page(failure.code.code())]);
    if let Some(file) = &found.view {
        page.block("picture", std::slice::from_ref(file));
    }
    page.line("");
    page.line(&colors.paint(Role::Command, &command(found)));
    page.text
}

/// Returns the text of a failure alone.
pub(super) fn failure(failure: &Failure, colors: Colors) -> String {
    let mut page = Page::new(colors);
    page.failure(failure, failure.location.as_ref(), None);
    page.block("remedy", &wrap(&remedy(failure)));
    page.text
}

/// Returns the line to show: a failure that does not know its own line is at least the test's.
fn location<'a>(failure: &'a Failure, found: &'a Found) -> Option<&'a SourceLine> {
    failure.location.as_ref().or(found.test_line.as_ref())
}

impl Page {
    fn new(colors: Colors) -> Self {
        Self {
            colors,
            text: String::new(),
        }
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// Writes a label, and lines beside it.
    fn block(&mut self, label: &str, lines: &[String]) {
        for (index, line) in lines.iter().enumerate() {
            let label = if index == 0 { label } else { "" };
            let padding = " ".repeat(LABEL_WIDTH - label.len());
            self.line(&format!(
                "  {}{padding}{line}",
                self.colors.paint(Role::Label, label)
            ));
        }
    }

    /// Writes a heading after an empty line, and indented lines below it.
    fn section(&mut self, heading: &str, lines: &[String]) {
        self.line("");
        self.line(&format!("  {}", self.colors.paint(Role::Label, heading)));
        for line in lines {
            self.line(&format!("    {line}"));
        }
    }

    /// Writes what broke, and an empty line.
    fn failure(&mut self, failure: &Failure, location: Option<&SourceLine>, inputs: Option<&str>) {
        let code = self.colors.paint(Role::Failure, &failure.code.to_string());
        self.line(&format!("{code}: {}", failure.what));
        if let Some(workflow) = &failure.workflow {
            self.block("workflow", &[workflow.to_string()]);
        }
        if let Some(location) = location {
            let place = self.colors.paint(Role::Location, &location.to_string());
            self.block("at", &[place]);
        }
        if let Some(message) = &failure.message {
            let message = lines(without_backtrace(message));
            self.section("message", &each_shortened(message));
        }
        if let Some(inputs) = inputs {
            self.section("inputs", &lines(inputs));
        }
        if let Some(comparison) = &failure.comparison {
            let heading = format!(
                "{} (- {}, + {})",
                comparison.label, comparison.expected_from, comparison.actual_from
            );
            let lines = diff::lines(comparison, self.colors);
            self.section(&heading, &lines);
        }
        self.history(failure);
        if let Some(diagnosis) = &failure.diagnosis {
            self.section("diagnosis", &each_shortened(diagnosis.lines()));
        }
        for shown in &failure.histories {
            self.shown_history(shown);
        }
        self.line("");
    }

    fn history(&mut self, failure: &Failure) {
        let Some(history) = &failure.history else {
            return;
        };
        let has = |mark: Mark| history.lines.iter().any(|line| line.mark == mark);
        let heading = match (has(Mark::Expected), has(Mark::Actual)) {
            (_, true) => "history (- what it holds, + what the code does)",
            (true, false) => "history (- the event in question)",
            (false, false) => "history, the last events",
        };
        self.events(heading, history);
    }

    /// Writes the end of a history.
    fn shown_history(&mut self, shown: &ShownHistory) {
        let ShownHistory { workflow, events } = shown;
        let heading = match events.before {
            0 => format!("history of {workflow}"),
            before => format!(
                "history of {workflow}, the last {} of {} events (DURASIM_HISTORY=1 shows all)",
                events.lines.len(),
                before + events.lines.len()
            ),
        };
        let events = HistoryExcerpt {
            before: 0,
            ..events.clone()
        };
        self.events(&heading, &events);
    }

    /// Writes a heading, and the lines of an excerpt with their marks.
    fn events(&mut self, heading: &str, history: &HistoryExcerpt) {
        let mut lines = Vec::new();
        if history.before > 0 {
            lines.push(
                self.colors
                    .paint(Role::Faint, &format!("  … {}", events(history.before))),
            );
        }
        for (line, text) in history.lines.iter().zip(history.laid_out()) {
            let (sign, role) = match line.mark {
                Mark::Context => (" ", Role::Faint),
                Mark::Expected => ("-", Role::Expected),
                Mark::Actual => ("+", Role::Actual),
            };
            lines.push(self.colors.paint(role, &format!("{sign} {text}")));
        }
        if history.after > 0 {
            lines.push(
                self.colors
                    .paint(Role::Faint, &format!("  … {}", events(history.after))),
            );
        }
        self.section(heading, &lines);
    }

    fn plan(&mut self, found: &Found) {
        let Some(plan) = &found.plan else { return };
        let times: Vec<_> = plan
            .faults
            .iter()
            .map(|fault| format!("+{}", duration_words(fault.at_ms)))
            .collect();
        let width = times.iter().map(String::len).max().unwrap_or(0);
        let mut lines = vec![plan_heading(plan)];
        for (time, fault) in times.iter().zip(&plan.faults) {
            lines.push(format!("{time:<width$}  {}", fault.words));
        }
        lines.extend(orderings(&plan.orderings));
        if plan.drifted > 0 {
            lines.push(match plan.drifted {
                1 => "1 saved choice matches no point of the test any more and was ignored".into(),
                count => format!(
                    "{count} saved choices match no point of the test any more and were ignored"
                ),
            });
        }
        self.block("plan", &lines);
    }
}

/// Returns lines with the `Debug` text of SDK errors shortened.
fn each_shortened(lines: Vec<String>) -> Vec<String> {
    lines.iter().map(|line| shortened(line)).collect()
}

/// Returns the words of an error without the backtrace that `anyhow` appends if `RUST_BACKTRACE` is
/// set: dozens of frames of the SDK and of durasim, which differ from machine to machine.
fn without_backtrace(message: &str) -> &str {
    message
        .split_once("\n\nStack backtrace:")
        .map_or(message, |(message, _)| message)
}

/// Returns the choices of order and latency: each by itself if there are few.
fn orderings(words: &[String]) -> Vec<String> {
    match words {
        [] => Vec::new(),
        [one] => vec![format!("and order or latency: {one}")],
        few if few.len() <= ORDERINGS_SHOWN => {
            let heading = format!("and {} choices of order or latency:", few.len());
            std::iter::once(heading)
                .chain(few.iter().map(|words| format!("  {words}")))
                .collect()
        }
        many => vec![format!("and {} choices of order or latency", many.len())],
    }
}

/// Returns the effect of shrinking: `12 faults -> 2`.
fn plan_heading(plan: &FaultPlanWords) -> String {
    let left = plan.faults.len();
    let noun = if plan.found == 1 { "fault" } else { "faults" };
    match (plan.found, left) {
        (0, 0) => "no faults".to_owned(),
        (found, 0) => format!("{found} {noun} -> none: it fails without any"),
        (found, left) if found == left => format!("{found} {noun}"),
        (found, left) => format!("{found} {noun} -> {left}"),
    }
}

/// Returns the remedy for a failure and, if faults are its cause, what code does against them.
fn remedies(failure: &Failure, plan: Option<&FaultPlanWords>) -> Vec<String> {
    let mut cures: Vec<&str> = Vec::new();
    let faults = plan.map_or(&[][..], |plan| &plan.faults);
    for cure in faults.iter().filter_map(|fault| fault.cure) {
        if !cures.contains(&cure) {
            cures.push(cure);
        }
    }
    // A workflow that hangs is another matter: most cures are against wrong effects.
    let follows_from_faults = matches!(
        failure.code,
        FailureCode::Panic
            | FailureCode::Error
            | FailureCode::Idempotency
            | FailureCode::EffectsOnce
            | FailureCode::Invariant
    );
    if !follows_from_faults || cures.is_empty() || cures.len() > CURES_SHOWN {
        return wrap(&remedy(failure));
    }
    // The remedy of the code is for failures of which nothing more precise is known.
    let precise = precise_remedy(failure);
    let precise = precise.iter().map(String::as_str);
    let remedies: Vec<_> = precise.chain(cures).map(wrap).collect();
    if let [only] = remedies.as_slice() {
        return only.clone();
    }
    remedies.iter().flat_map(|lines| listed(lines)).collect()
}

fn remedy(failure: &Failure) -> String {
    precise_remedy(failure).unwrap_or_else(|| failure.code.remedy().to_owned())
}

/// Returns the remedy of a failure, if there is one that is more precise than that of its code.
fn precise_remedy(failure: &Failure) -> Option<String> {
    let of_diagnosis = || failure.diagnosis.as_ref()?.remedy();
    failure.remedy.clone().or_else(of_diagnosis)
}

fn spent(spent: Spent) -> String {
    let counted = |count: u64, one: &str, many: &str| {
        format!(
            "{} {}",
            thousands(count),
            if count == 1 { one } else { many }
        )
    };
    let mut words = format!(
        "{}, {}",
        counted(spent.worlds, "simulated world", "simulated worlds"),
        counted(spent.steps, "step", "steps")
    );
    if spent.shrink_runs > 0 {
        let _ = write!(
            words,
            ", {} to shrink",
            counted(spent.shrink_runs, "more world", "more worlds")
        );
    }
    words
}

/// Returns the command that brings the failure back. It is the last line of a report, where it is
/// easy to find and to copy.
pub(super) fn command(found: &Found) -> String {
    if let Some(command) = &found.command {
        return command.clone();
    }
    // The test runner matches on the path within the crate.
    let filter = found
        .test
        .split_once("::")
        .map_or(found.test.as_str(), |(_, within)| within);
    match found.seed {
        Some(seed) => format!("DURASIM_SEED={seed} cargo test {filter}"),
        None => format!("cargo test {filter}"),
    }
}

fn events(count: usize) -> String {
    format!(
        "{count} more {}",
        if count == 1 { "event" } else { "events" }
    )
}

/// Returns `1,234,567` for `1234567`.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut words = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            words.push(',');
        }
        words.push(digit);
    }
    words
}

/// Returns the lines of a text.
fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

/// Returns the lines of one remedy of several.
fn listed(lines: &[String]) -> Vec<String> {
    let signs = std::iter::once("- ").chain(std::iter::repeat("  "));
    let lines = lines.iter().zip(signs);
    lines.map(|(line, sign)| format!("{sign}{line}")).collect()
}

/// Breaks prose into lines that fit beside a label.
fn wrap(prose: &str) -> Vec<String> {
    const WIDTH: usize = 88;
    let mut lines: Vec<String> = Vec::new();
    for word in prose.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
