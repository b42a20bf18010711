//! The story of a view as text, for a terminal.

use std::fmt::Write;

use crate::{Fate, Kind, Mark, Moment, Thing, View, World};

/// Returns the story of a view: one thing a line, each world after the other. It ends with a
/// newline.
pub(crate) fn text(view: &View) -> String {
    let mut text = format!("{}\n", view.title);
    if let Some(check) = &view.check {
        let _ = writeln!(text, "{} {}: {}", check.code, check.name, check.what);
    }
    for note in &view.notes {
        let _ = writeln!(text, "note: {note}");
    }
    for (index, world) in view.worlds.iter().enumerate() {
        text.push('\n');
        let difference = view.first_difference.as_ref().and_then(|difference| {
            if index + 1 == view.worlds.len() {
                difference.last
            } else {
                difference.first
            }
        });
        if !world.name.is_empty() {
            let _ = writeln!(text, "{}", world.name);
        }
        text.push_str(&story(world, difference));
    }
    if let Some(difference) = &view.first_difference {
        let _ = writeln!(text, "\nthe first difference (≠): {}", difference.words);
    }
    text
}

/// One line of a story.
struct Line {
    moment: Moment,
    /// The sign before it: `!` for a fault, `✗` for the check, `≠` for the first difference.
    sign: &'static str,
    who: String,
    id: String,
    words: String,
}

/// Returns the story of one world, in columns.
fn story(world: &World, difference: Option<usize>) -> String {
    let mut lines: Vec<_> = world
        .things
        .iter()
        .enumerate()
        .flat_map(|(id, thing)| lines(world, thing, difference == Some(id)))
        .collect();
    lines.sort_by_key(|line| line.moment.order);
    let times: Vec<_> = lines
        .iter()
        .map(|line| format!("+{}", duration(line.moment.at_ms)))
        .collect();
    let width = |of: &dyn Fn(usize) -> usize| (0..lines.len()).map(of).max().unwrap_or(0);
    let time = width(&|index| times[index].chars().count());
    let who = width(&|index| lines[index].who.chars().count());
    let id = width(&|index| lines[index].id.chars().count());
    let mut text = String::new();
    for (at, line) in times.iter().zip(&lines) {
        let (sign, whose, event) = (line.sign, &line.who, &line.id);
        let row = format!(
            "{sign} {at:<time$}  {whose:<who$}  {event:>id$}  {}",
            line.words
        );
        let _ = writeln!(text, "{}", row.trim_end());
    }
    text
}

/// Returns the lines of a thing: things that other lines tell already have none.
fn lines(world: &World, thing: &Thing, differs: bool) -> Vec<Line> {
    let name = |lane: usize| world.lanes.get(lane).map_or("", |lane| &lane.name);
    let sign = match thing.kind {
        Kind::Fault => "!",
        Kind::Check => "✗",
        _ if differs => "≠",
        _ => " ",
    };
    let line = |moment: Moment, words: String| Line {
        moment,
        sign,
        who: name(thing.lane).to_owned(),
        id: thing.event_id.map(|id| id.to_string()).unwrap_or_default(),
        words,
    };
    let with = |words: &str| match words {
        "" => thing.title.clone(),
        words => format!("{}  {words}", thing.title),
    };
    match thing.kind {
        Kind::Fault => vec![line(thing.moment, format!("fault: {}", thing.words))],
        Kind::Event | Kind::Check | Kind::Note => vec![line(thing.moment, with(&thing.words))],
        Kind::Message => message(thing, &line, &name),
        Kind::Process => {
            let mut lines = vec![line(thing.moment, format!("{} starts", thing.title))];
            if let Some(until) = thing.until {
                lines.push(line(until, format!("{} {}", thing.title, thing.words)));
            }
            lines
        }
        Kind::Attempt => {
            let mut lines = vec![line(thing.moment, format!("{} begins", thing.title))];
            if let Some(until) = thing.until {
                let end = match thing.words.as_str() {
                    "" => "ends",
                    words => words,
                };
                lines.push(line(until, format!("{} {end}", thing.title)));
            }
            lines
        }
        Kind::WorkflowTask if thing.mark == Some(Mark::Failed) => {
            vec![line(
                thing.until.unwrap_or(thing.moment),
                with(&thing.words),
            )]
        }
        // Events tell of these.
        Kind::WorkflowTask
        | Kind::Activity
        | Kind::Timer
        | Kind::Child
        | Kind::Update
        | Kind::Operation => Vec::new(),
    }
}

/// Returns the lines of a message that had an unusual fate.
fn message<'a>(
    thing: &Thing,
    line: &dyn Fn(Moment, String) -> Line,
    name: &dyn Fn(usize) -> &'a str,
) -> Vec<Line> {
    let to = thing.to.map_or("", name);
    let title = &thing.title;
    let end = thing.until.unwrap_or(thing.moment);
    match thing.fate {
        Some(Fate::Lost) => vec![line(thing.moment, format!("{title} to {to} is lost"))],
        Some(Fate::Refused) => vec![line(end, format!("{title} to {to} is refused"))],
        Some(Fate::Duplicate) => {
            vec![line(end, format!("a copy of {title} arrives at {to}"))]
        }
        Some(Fate::Held) => {
            let mut lines = vec![line(thing.moment, format!("{title} to {to} is held"))];
            if thing.until.is_some() {
                lines.push(line(end, format!("{title} arrives at {to} at last")));
            }
            lines
        }
        Some(Fate::Delivered | Fate::UnderWay) | None => Vec::new(),
    }
}

/// Returns a span of virtual time in words: `1d2h`, `1m30s`, `1.5s`, `40ms`, `0s`.
fn duration(ms: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m")];
    if ms == 0 {
        return "0s".to_owned();
    }
    let (mut left, mut words) = (ms, String::new());
    for (size, unit) in UNITS {
        if left >= size {
            let _ = write!(words, "{}{unit}", left / size);
            left %= size;
        }
    }
    match (left / 1000, left % 1000) {
        (0, 0) => {}
        (0, ms) => {
            let _ = write!(words, "{ms}ms");
        }
        (s, 0) => {
            let _ = write!(words, "{s}s");
        }
        (s, ms) => {
            let fraction = format!("{ms:03}");
            let _ = write!(words, "{s}.{}s", fraction.trim_end_matches('0'));
        }
    }
    words
}
