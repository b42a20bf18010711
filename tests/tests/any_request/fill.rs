//! Requests, filled by the descriptors of their fields.

use prost_reflect::{
    Cardinality, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value,
};

use super::known::Known;

/// Deeper messages stay empty: a failure may have a cause without end.
pub(crate) const DEPTH: u8 = 6;

/// A finite source of numbers; after its end, zeros.
pub(crate) struct Picks<'a>(std::slice::Iter<'a, u8>);

impl<'a> Picks<'a> {
    pub(crate) fn new(picks: &'a [u8]) -> Self {
        Self(picks.iter())
    }

    fn next(&mut self) -> u8 {
        self.0.next().copied().unwrap_or(0)
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::from(self.next()) % all.len()]
    }

    /// Returns `true` in this share of 256.
    fn strikes(&mut self, share: u8) -> bool {
        self.next() < share
    }
}

/// Mixes a number to a byte, without a pattern.
pub(crate) fn mixed(number: u64) -> u8 {
    let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 31))
        .wrapping_mul(0xbf58_476d_1ce4_e5b9)
        .to_be_bytes()[0]
}

/// Returns a message of this type.
pub(crate) fn message(
    of: &MessageDescriptor,
    picks: &mut Picks<'_>,
    known: &Known,
    depth: u8,
) -> DynamicMessage {
    let mut message = DynamicMessage::new(of.clone());
    for field in of.fields() {
        let taken = field
            .containing_oneof()
            .is_some_and(|oneof| oneof.fields().any(|field| message.has_field(&field)));
        let share = match field.kind() {
            _ if is_essential(&field) => 250,
            Kind::Message(_) if depth < DEPTH => 90,
            Kind::Message(_) | Kind::Enum(_) => 150,
            _ => 200,
        };
        if taken || depth == 0 || !picks.strikes(share) {
            continue;
        }
        let value = if field.is_map() {
            entry(&field, picks, known, depth)
        } else if field.cardinality() == Cardinality::Repeated {
            let count = picks.next() % 3;
            Value::List(
                (0..count)
                    .map(|_| value(&field, picks, known, depth))
                    .collect(),
            )
        } else {
            value(&field, picks, known, depth)
        };
        message.set_field(&field, value);
    }
    message
}

/// Returns `true` for a field without which most requests are refused.
fn is_essential(field: &FieldDescriptor) -> bool {
    let name = field.name();
    let essential = [
        "namespace",
        "name",
        "execution",
        "workflow_execution",
        "query",
        "meta",
        "input",
        "action",
        "start_workflow",
        "schedule",
        "endpoint",
        "service",
        "operation",
        "id",
        "update_mask",
        "update_ref",
    ];
    let endings = [
        "_id",
        "_name",
        "_type",
        "task_token",
        "task_queue",
        "timeout",
    ];
    essential.contains(&name) || endings.iter().any(|ending| name.ends_with(ending))
}

fn entry(field: &FieldDescriptor, picks: &mut Picks<'_>, known: &Known, depth: u8) -> Value {
    let Kind::Message(entry) = field.kind() else {
        unreachable!("a map has entries")
    };
    let key = MapKey::String(picks.one_of(&["CustomKeywordField", "a", ""]).to_owned());
    let keys_are_texts = matches!(entry.map_entry_key_field().kind(), Kind::String);
    let value = value(&entry.map_entry_value_field(), picks, known, depth);
    Value::Map(keys_are_texts.then_some((key, value)).into_iter().collect())
}

fn value(field: &FieldDescriptor, picks: &mut Picks<'_>, known: &Known, depth: u8) -> Value {
    let small = [0_i8, 1, 1, 2, 3, 5, 20, -1];
    match field.kind() {
        Kind::String => Value::String(text(field.name(), picks, known)),
        Kind::Bytes => Value::Bytes(bytes(field.name(), picks, known).into()),
        Kind::Bool => Value::Bool(picks.strikes(128)),
        Kind::Enum(of) => {
            let count = u8::try_from(of.values().len()).unwrap_or(u8::MAX);
            let count = if picks.strikes(8) { count + 1 } else { count };
            Value::EnumNumber((picks.next() % count.max(1)).into())
        }
        Kind::Double => Value::F64(picks.one_of(&[1.0, 0.0, 0.5, 2.0, -1.0, f64::NAN])),
        Kind::Float => Value::F32(picks.one_of(&[1.0, 0.0, 0.5, 50.0, -1.0, f32::NAN])),
        Kind::Message(of) if of.full_name() == "temporal.api.common.v1.Payload" => {
            Value::Message(payload(&of))
        }
        Kind::Message(of) if of.full_name() == "google.protobuf.Duration" => {
            Value::Message(duration(&of, picks))
        }
        Kind::Message(of) => Value::Message(message(&of, picks, known, depth - 1)),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(if picks.strikes(4) {
            i32::MAX
        } else {
            picks.one_of(&small).into()
        }),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(if picks.strikes(4) {
            i64::MAX
        } else {
            picks.one_of(&small).into()
        }),
        Kind::Uint32 | Kind::Fixed32 => Value::U32(picks.next().into()),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(picks.next().into()),
    }
}

fn duration(of: &MessageDescriptor, picks: &mut Picks<'_>) -> DynamicMessage {
    let seconds = [1, 10, 10, 10, 60, 60, 90_000, 90_000, 90_000, 0, 0, -1];
    let mut duration = DynamicMessage::new(of.clone());
    duration.set_field_by_name("seconds", Value::I64(picks.one_of(&seconds)));
    duration
}

/// Returns the payload of a text in JSON.
fn payload(of: &MessageDescriptor) -> DynamicMessage {
    let mut payload = DynamicMessage::new(of.clone());
    let encoding = (
        MapKey::String("encoding".to_owned()),
        Value::Bytes("json/plain".into()),
    );
    payload.set_field_by_name("metadata", Value::Map([encoding].into()));
    payload.set_field_by_name("data", Value::Bytes("\"a\"".into()));
    payload
}

fn text(name: &str, picks: &mut Picks<'_>, known: &Known) -> String {
    if picks.strikes(8) {
        return picks
            .one_of(&["", " ", "\u{0}", "temporal-sys/x", "\u{1f980}"])
            .to_owned();
    }
    if picks.strikes(2) {
        return "x".repeat(1_001);
    }
    let told = known.of(name);
    let told: Vec<_> = told
        .into_iter()
        .filter_map(|it| str::from_utf8(it).ok())
        .collect();
    // A run id of another workflow names nothing.
    let share = if name.ends_with("run_id") { 50 } else { 150 };
    if !told.is_empty() && picks.strikes(share) {
        return picks.one_of(&told).to_owned();
    }
    let plausible: &[&str] = match name {
        "namespace" => &["default", "default", "default", "default", "elsewhere"],
        "workflow_id" => &["w0", "w0", "w1"],
        _ if name.ends_with("run_id") => &["", "", "", "", "", "", "", "no-uuid"],
        "query" => &[
            "",
            "WorkflowType = 'Random'",
            "ExecutionStatus = 'Running' AND CustomKeywordField IS NULL",
            "ActivityType = 'a'",
            "StartTime >",
        ],
        "build_id" => &["1.0", "2.0"],
        "deployment_name" => &["deployment"],
        "version" | "deployment_version" => {
            &["deployment.1.0", "deployment.2.0", "__unversioned__"]
        }
        "endpoint" => &["endpoint"],
        "url" => &["http://127.0.0.1:9/callback", "temporal://system"],
        "cron_schedule" => &["", "", "", "", "", "", "@every 20s", "nonsense"],
        "resource_id" => &["", "workflow:w0"],
        // A path in a field mask.
        "paths" => &[
            "task_queue.name",
            "versioning_override",
            "priority",
            "nonsense",
        ],
        _ => &["a", "b", "queue"],
    };
    picks.one_of(plausible).to_owned()
}

fn bytes(name: &str, picks: &mut Picks<'_>, known: &Known) -> Vec<u8> {
    let told = known.of(name);
    if !told.is_empty() && picks.strikes(230) {
        return picks.one_of(&told).to_owned();
    }
    picks.one_of(&[&b""[..], b"\x08\xff", b"token"]).to_owned()
}
