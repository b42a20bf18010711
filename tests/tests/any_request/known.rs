//! The ids and tokens that callers were told, by the names of their fields.

use std::collections::BTreeMap;

use prost_reflect::{DynamicMessage, ReflectMessage, Value};

/// Older ones are forgotten.
const MOST: usize = 6;

#[derive(Default)]
pub(crate) struct Known(BTreeMap<String, Vec<Vec<u8>>>);

impl Known {
    /// Returns what was told under a name, the newest last.
    pub(crate) fn of(&self, name: &str) -> Vec<&[u8]> {
        let known = self.0.get(name).into_iter().flatten();
        known.map(Vec::as_slice).collect()
    }

    /// Learns the ids and tokens in an answer.
    pub(crate) fn learn(&mut self, answer: &DynamicMessage) {
        for (field, value) in answer.fields() {
            self.learn_value(field.name(), value);
        }
    }

    fn learn_value(&mut self, name: &str, value: &Value) {
        match value {
            Value::String(text) if is_learned(name) => self.keep(name, text.as_bytes()),
            Value::Bytes(bytes) if is_learned(name) => self.keep(name, bytes),
            Value::Message(message) if message.descriptor().name() != "Payload" => {
                self.learn(message);
            }
            Value::List(values) => {
                for value in values {
                    self.learn_value(name, value);
                }
            }
            _ => {}
        }
    }

    fn keep(&mut self, name: &str, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let kept = self.0.entry(name.to_owned()).or_default();
        kept.retain(|known| known != bytes);
        kept.push(bytes.to_owned());
        if kept.len() > MOST {
            kept.remove(0);
        }
    }
}

fn is_learned(name: &str) -> bool {
    name.ends_with("_token") || name.ends_with("_id") || name == "id"
}
