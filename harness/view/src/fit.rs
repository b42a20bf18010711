//! The size of a view: long values are cut, so that a page stays small.

use serde_json::Value;

use crate::{Kind, View};

/// The size that a view of a thousand events may have, in bytes of JSON.
const SIZE: usize = 1_700_000;

/// The size that each further event may add.
const EACH: usize = 1_000;

/// The lengths to which values are cut, one after the other, until the view is small enough.
const LENGTHS: [usize; 4] = [2_048, 512, 128, 32];

/// Cuts the longest values of a view until it is small enough, and says so in a note.
pub(crate) fn fit(view: &mut View) {
    let last = view.worlds.last();
    let things = last.into_iter().flat_map(|world| &world.things);
    let events = things.filter(|thing| thing.kind == Kind::Event).count();
    let allowed = SIZE + EACH * events.saturating_sub(1_000);
    let mut cut_to = None;
    for length in LENGTHS {
        if view.to_json().len() <= allowed {
            break;
        }
        let things = view.worlds.iter_mut().flat_map(|world| &mut world.things);
        for body in things.filter_map(|thing| thing.body.as_mut()) {
            cut(body, length);
        }
        cut_to = Some(length);
    }
    view.notes.extend(cut_to.map(|length| {
        format!("values of more than {length} bytes are cut, so that the page stays small")
    }));
}

/// Cuts each value in an object that is too long.
fn cut(body: &mut Value, length: usize) {
    let Value::Object(fields) = body else { return };
    for value in fields.values_mut() {
        let whole = match value {
            Value::String(text) => text.clone(),
            Value::Array(_) | Value::Object(_) => value.to_string(),
            _ => continue,
        };
        if whole.len() > length {
            let start: String = whole.chars().take(length).collect();
            *value = Value::String(format!("{start}… (cut: {} bytes in all)", whole.len()));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Lane, LaneKind, Moment, Role, Thing, World};

    /// Returns a view of a thousand events, each with a value of so many bytes.
    fn view(bytes: usize) -> View {
        let mut world = World::new("w", Role::Passed);
        let lane = world.lane(Lane::new(LaneKind::Run, "r"));
        for order in 0..1_000 {
            let moment = Moment { at_ms: 0, order };
            let mut thing = Thing::new(Kind::Event, lane, moment, "TimerStarted");
            thing.body = Some(json!({ "input": ["x".repeat(bytes)], "attempt": 1 }));
            world.thing(thing);
        }
        View::new("t", vec![world])
    }

    #[test]
    fn a_view_of_a_thousand_events_is_small_however_long_its_values_are() {
        let mut small = view(100);
        let before = small.clone();
        fit(&mut small);
        assert_eq!(small, before);

        let mut large = view(5_000);
        fit(&mut large);
        assert!(large.to_json().len() <= SIZE);
        assert!(large.page().len() < 2_000_000);
        assert_eq!(large.notes.len(), 1, "{:?}", large.notes);
    }
}
