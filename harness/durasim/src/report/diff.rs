//! Two texts, line by line, with the words that differ picked out.

use similar::{ChangeTag, TextDiff};

use super::{
    Comparison,
    lined_up::lined_up,
    paint::{Colors, Role},
};

/// The number of unchanged lines that are kept around a change; longer stretches are skipped.
const CONTEXT: usize = 3;

/// Returns the lines of the comparison, `-` for expected and `+` for actual. Elements of lists that
/// only moved are not shown, if there is any other difference.
pub(super) fn lines(comparison: &Comparison, colors: Colors) -> Vec<String> {
    let Comparison {
        expected, actual, ..
    } = comparison;
    let (lined_up, moved) = lined_up(expected, actual);
    let only_moved = moved > 0 && lined_up.lines().eq(expected.lines());
    let mut lines = if only_moved {
        differences(expected, actual, colors)
    } else {
        differences(expected, &lined_up, colors)
    };
    let note = match moved {
        0 => return lines,
        _ if only_moved => "  the same elements, in another order".to_owned(),
        1 => "  1 equal element is at another place".to_owned(),
        moved => format!("  {moved} equal elements are at other places"),
    };
    lines.push(colors.paint(Role::Faint, &note));
    lines
}

/// Returns the lines that differ, with those around them.
fn differences(expected: &str, actual: &str, colors: Colors) -> Vec<String> {
    let diff = TextDiff::from_lines(expected, actual);
    let mut lines = Vec::new();
    let groups = diff.grouped_ops(CONTEXT);
    if groups.is_empty() {
        // Equal as text, different as values: a Debug that hides what differs.
        lines.push(colors.paint(
            Role::Faint,
            "both print the same; their `Debug` hides what differs",
        ));
    }
    let total = expected.lines().count();
    let mut shown = 0;
    for group in &groups {
        let Some(first) = group.first() else { continue };
        skipped(&mut lines, first.old_range().start - shown, colors);
        for op in group {
            for change in diff.iter_inline_changes(op) {
                let (sign, role, word) = match change.tag() {
                    ChangeTag::Equal => (" ", Role::Faint, Role::Faint),
                    ChangeTag::Delete => ("-", Role::Expected, Role::ExpectedWord),
                    ChangeTag::Insert => ("+", Role::Actual, Role::ActualWord),
                };
                let mut line = colors.paint(role, &format!("{sign} "));
                for (emphasized, text) in change.iter_strings_lossy() {
                    let text = text.trim_end_matches('\n');
                    line.push_str(&colors.paint(if emphasized { word } else { role }, text));
                }
                lines.push(line.trim_end().to_owned());
            }
            shown = op.old_range().end;
        }
    }
    if !groups.is_empty() {
        skipped(&mut lines, total.saturating_sub(shown), colors);
    }
    lines
}

fn skipped(lines: &mut Vec<String>, count: usize, colors: Colors) {
    if count > 0 {
        let noun = if count == 1 { "line" } else { "lines" };
        lines.push(colors.paint(Role::Faint, &format!("  … {count} equal {noun}")));
    }
}
