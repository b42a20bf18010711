//! Protocol buffers as JSON: what Temporal's command line and web UI write and read.
//!
//! The SDK's own types serialize by the names of their Rust fields; the other tools follow the
//! mapping of protocol buffers (<https://protobuf.dev/programming-guides/json>), and so does this:
//! names in camel case, enums by name, 64-bit numbers as text, bytes in base 64. It reads the
//! descriptors that the SDK is built from, so that no field is named here. Well-known types other
//! than times and spans of time do not occur.

use std::{collections::BTreeMap, sync::LazyLock};

use prost::{
    Message,
    encoding::{WireType, decode_key, decode_varint},
};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet,
    field_descriptor_proto::Type,
};
use serde_json::{Map, Value, json};

/// The message and enum types of Temporal's API.
pub(crate) struct Descriptors {
    messages: BTreeMap<String, DescriptorProto>,
    enums: BTreeMap<String, EnumDescriptorProto>,
}

/// A field as it stands in an encoded message.
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl Descriptors {
    /// Those that the SDK was built from, read once for the process.
    pub(crate) fn of_temporal() -> &'static Self {
        static DESCRIPTORS: LazyLock<Descriptors> = LazyLock::new(Descriptors::read);
        &DESCRIPTORS
    }

    fn read() -> Self {
        let bytes = include_bytes!(env!("TEMPORAL_DESCRIPTORS")).as_slice();
        let files =
            FileDescriptorSet::decode(bytes).expect("the SDK's descriptors are well formed");
        let mut all = Self {
            messages: BTreeMap::new(),
            enums: BTreeMap::new(),
        };
        for file in files.file {
            let package = format!(".{}", file.package());
            all.add_enums(&package, file.enum_type);
            for message in file.message_type {
                all.add_message(&package, message);
            }
        }
        all
    }

    fn add_message(&mut self, scope: &str, mut message: DescriptorProto) {
        let name = format!("{scope}.{}", message.name());
        self.add_enums(&name, std::mem::take(&mut message.enum_type));
        for nested in std::mem::take(&mut message.nested_type) {
            self.add_message(&name, nested);
        }
        self.messages.insert(name, message);
    }

    fn add_enums(&mut self, scope: &str, enums: Vec<EnumDescriptorProto>) {
        for each in enums {
            self.enums.insert(format!("{scope}.{}", each.name()), each);
        }
    }

    /// The JSON of an encoded message of the type `name`, such as
    /// `.temporal.api.history.v1.History`.
    ///
    /// # Panics
    ///
    /// If there is no such type, or the bytes are none of its messages.
    pub(crate) fn json(&self, name: &str, mut bytes: &[u8]) -> Value {
        match name {
            ".google.protobuf.Timestamp" => {
                return json!(
                    prost_types::Timestamp::decode(bytes)
                        .expect("a time")
                        .to_string()
                );
            }
            ".google.protobuf.Duration" => {
                return json!(
                    prost_types::Duration::decode(bytes)
                        .expect("a span of time")
                        .to_string()
                );
            }
            _ => {}
        }
        let message = self
            .messages
            .get(name)
            .unwrap_or_else(|| panic!("there is no message type {name}"));
        let mut object = Map::new();
        while !bytes.is_empty() {
            let (number, value) = next_field(&mut bytes);
            let field = message.field.iter().find(|field| field.number() == number);
            let Some(field) = field else { continue };
            self.put(&mut object, field, &value);
        }
        Value::Object(object)
    }

    fn put(&self, object: &mut Map<String, Value>, field: &FieldDescriptorProto, value: &Wire<'_>) {
        let name = field.json_name().to_owned();
        if let (Some(entry), Wire::Bytes(bytes)) = (self.map_entry(field), value) {
            let entry_json = self.json(entry, bytes);
            let key = match &entry_json["key"] {
                Value::String(key) => key.clone(),
                Value::Null => String::new(),
                other => other.to_string(),
            };
            let entries = object
                .entry(name)
                .or_insert_with(|| Value::Object(Map::new()));
            entries[key] = entry_json["value"].clone();
        } else if field.label() == prost_types::field_descriptor_proto::Label::Repeated {
            let items = object.entry(name).or_insert_with(|| json!([]));
            items
                .as_array_mut()
                .expect("a repeated field is an array")
                .extend(self.items(field, value));
        } else {
            object.insert(name, self.value(field, value));
        }
    }

    /// The entry type of a map field.
    fn map_entry<'a>(&self, field: &'a FieldDescriptorProto) -> Option<&'a str> {
        let entry = self.messages.get(field.type_name())?;
        entry
            .options
            .as_ref()
            .is_some_and(prost_types::MessageOptions::map_entry)
            .then(|| field.type_name())
    }

    /// One item of a repeated field, or as many as are packed together.
    fn items(&self, field: &FieldDescriptorProto, value: &Wire<'_>) -> Vec<Value> {
        let packs = !matches!(field.r#type(), Type::String | Type::Bytes | Type::Message);
        let Wire::Bytes(bytes) = value else {
            return vec![self.value(field, value)];
        };
        if !packs {
            return vec![self.value(field, value)];
        }
        let mut bytes = *bytes;
        let mut items = Vec::new();
        while !bytes.is_empty() {
            let number = match field.r#type() {
                Type::Double | Type::Fixed64 | Type::Sfixed64 => fixed(&mut bytes, 8),
                Type::Float | Type::Fixed32 | Type::Sfixed32 => fixed(&mut bytes, 4),
                _ => decode_varint(&mut bytes).expect("a packed number"),
            };
            items.push(self.value(field, &Wire::Number(number)));
        }
        items
    }

    #[allow(
        clippy::cast_possible_truncation,
        reason = "a 32-bit field is encoded in 64 bits, sign included"
    )]
    fn value(&self, field: &FieldDescriptorProto, value: &Wire<'_>) -> Value {
        match (field.r#type(), value) {
            (Type::String, Wire::Bytes(bytes)) => json!(String::from_utf8_lossy(bytes)),
            (Type::Bytes, Wire::Bytes(bytes)) => json!(base64(bytes)),
            (Type::Message, Wire::Bytes(bytes)) => self.json(field.type_name(), bytes),
            (Type::Bool, Wire::Number(number)) => json!(*number != 0),
            (Type::Enum, Wire::Number(number)) => self.enum_name(field.type_name(), *number as i32),
            (Type::Int32 | Type::Sfixed32, Wire::Number(number)) => json!(*number as i32),
            (Type::Uint32 | Type::Fixed32, Wire::Number(number)) => json!(*number as u32),
            (Type::Int64 | Type::Sfixed64, Wire::Number(number)) => {
                json!(number.cast_signed().to_string())
            }
            (Type::Uint64 | Type::Fixed64, Wire::Number(number)) => json!(number.to_string()),
            (Type::Sint32 | Type::Sint64, Wire::Number(number)) => {
                let signed = (number >> 1).cast_signed() ^ -((number & 1).cast_signed());
                if field.r#type() == Type::Sint32 {
                    json!(signed)
                } else {
                    json!(signed.to_string())
                }
            }
            (Type::Double, Wire::Number(number)) => json!(f64::from_bits(*number)),
            (Type::Float, Wire::Number(number)) => json!(f32::from_bits(*number as u32)),
            (kind, _) => panic!("field {} is no {kind:?} on the wire", field.name()),
        }
    }

    /// The name of an enum's value; a value without a name is its number.
    fn enum_name(&self, name: &str, number: i32) -> Value {
        let values = self.enums.get(name).map_or(&[][..], |each| &each.value);
        let named = values.iter().find(|value| value.number() == number);
        named.map_or(json!(number), |value| json!(value.name()))
    }
}

fn next_field<'a>(bytes: &mut &'a [u8]) -> (i32, Wire<'a>) {
    let (number, wire_type) = decode_key(bytes).expect("a field's number");
    let value = match wire_type {
        WireType::Varint => Wire::Number(decode_varint(bytes).expect("a number")),
        WireType::SixtyFourBit => Wire::Number(fixed(bytes, 8)),
        WireType::ThirtyTwoBit => Wire::Number(fixed(bytes, 4)),
        WireType::LengthDelimited => {
            let length = decode_varint(bytes).expect("a length");
            let (content, rest) =
                bytes.split_at(usize::try_from(length).expect("a length that fits"));
            *bytes = rest;
            Wire::Bytes(content)
        }
        WireType::StartGroup | WireType::EndGroup => panic!("Temporal's messages have no groups"),
    };
    (i32::try_from(number).expect("a field's number"), value)
}

fn fixed(bytes: &mut &[u8], width: usize) -> u64 {
    let (content, rest) = bytes.split_at(width);
    *bytes = rest;
    content
        .iter()
        .rev()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |i: usize| u32::from(chunk.get(i).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            let digit = (bits >> (18 - 6 * i)) & 0x3f;
            text.push(if i <= chunk.len() {
                char::from(ALPHABET[digit as usize])
            } else {
                '='
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use temporalio_protos::temporal::api::{
        common::v1::{Payload, Payloads},
        enums::v1::EventType,
        history::v1::{
            History, HistoryEvent, WorkflowExecutionCompletedEventAttributes,
            history_event::Attributes,
        },
    };

    use super::*;

    #[test]
    fn a_history_is_written_as_the_command_line_writes_it() {
        let payload = Payload {
            metadata: [("encoding".to_owned(), b"json/plain".to_vec())].into(),
            data: b"\"done\"".to_vec(),
            ..Payload::default()
        };
        let completed = WorkflowExecutionCompletedEventAttributes {
            result: Some(Payloads {
                payloads: vec![payload],
            }),
            workflow_task_completed_event_id: 4,
            ..WorkflowExecutionCompletedEventAttributes::default()
        };
        let event = HistoryEvent {
            event_id: 5,
            event_time: Some(
                std::time::SystemTime::UNIX_EPOCH
                    .checked_add(std::time::Duration::from_millis(1_704_067_200_003))
                    .unwrap()
                    .into(),
            ),
            event_type: EventType::WorkflowExecutionCompleted.into(),
            attributes: Some(Attributes::WorkflowExecutionCompletedEventAttributes(
                completed,
            )),
            ..HistoryEvent::default()
        };
        let history = History {
            events: vec![event],
        }
        .encode_to_vec();
        assert_eq!(
            Descriptors::of_temporal().json(".temporal.api.history.v1.History", &history),
            json!({ "events": [{
                "eventId": "5",
                "eventTime": "2024-01-01T00:00:00.003Z",
                "eventType": "EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED",
                "workflowExecutionCompletedEventAttributes": {
                    "result": { "payloads": [{
                        "metadata": { "encoding": "anNvbi9wbGFpbg==" },
                        "data": "ImRvbmUi",
                    }] },
                    "workflowTaskCompletedEventId": "4",
                },
            }] })
        );
    }

    #[test]
    fn bytes_are_padded_in_base_64() {
        let encoded: Vec<_> = [&b""[..], b"f", b"fo", b"foo", b"foob"].map(base64).into();
        assert_eq!(encoded, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]);
    }
}
