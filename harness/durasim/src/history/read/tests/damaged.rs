//! Damaged files: whatever is in them, the reader answers.

use pretty_assertions::assert_eq;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{History, read, timer_run};

/// Replaces one value somewhere in a JSON by another.
fn damage(value: &mut Value, path: &[usize], by: &Value) {
    let next = |len: usize| path.first().map(|step| step % len.max(1));
    match value {
        Value::Array(list) if !list.is_empty() && !path.is_empty() => {
            let index = next(list.len()).unwrap_or(0);
            damage(&mut list[index], &path[1..], by);
        }
        Value::Object(object) if !object.is_empty() && !path.is_empty() => {
            let index = next(object.len()).unwrap_or(0);
            let value = object.values_mut().nth(index).expect("it is within");
            damage(value, &path[1..], by);
        }
        value => value.clone_from(by),
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
        Just(json!([{ "metadata": {}, "data": 1 }])),
    ]
}

/// Reads bytes; what can be read can be shown and written.
fn survives(bytes: &[u8]) {
    for history in History::read_all(bytes).unwrap_or_default() {
        let _ = history.outline();
        let written = History::from_json(history.to_json()).expect("it was read before");
        assert_eq!(written.outline(), history.outline());
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        survives(&bytes);
    }

    #[test]
    fn no_damage_to_a_file_makes_the_reader_panic(
        at in 0..10_000_usize,
        bytes in prop::collection::vec(any::<u8>(), 0..4),
        cut in 0..3_usize,
        binary in any::<bool>(),
    ) {
        let mut file = if binary {
            read(&timer_run()).to_protobuf()
        } else {
            timer_run().to_string().into_bytes()
        };
        let at = at % file.len();
        let end = (at + cut).min(file.len());
        file.splice(at..end, bytes);
        survives(&file);
    }

    #[test]
    fn no_value_in_a_wrong_place_makes_the_reader_panic(
        path in prop::collection::vec(any::<usize>(), 1..8), value in any_value(),
    ) {
        let mut run = timer_run();
        damage(&mut run, &path, &value);
        survives(run.to_string().as_bytes());
    }
}
