//! Requests of a broken or hostile caller: any of their fields, however deep, is set to a bad
//! value.
//!
//! The changes are made to the bytes and need only protobuf's wire format, so they reach every
//! field of every message. Durations become negative or too long, enums unknown, factors "not a
//! number", ids empty or endless, payloads too large.

use proptest::prelude::*;

/// A change to one of the fields of a request.
#[derive(Clone, Debug)]
pub(crate) struct Spoil {
    /// The place of the field among all fields of all depths.
    place: u16,
    how: u8,
}

pub(crate) fn spoil() -> impl Strategy<Value = Spoil> {
    (any::<u16>(), any::<u8>()).prop_map(|(place, how)| Spoil { place, how })
}

/// A field in the bytes.
struct Field {
    key: u64,
    value: Value,
}

enum Value {
    Varint(u64),
    Fixed64([u8; 8]),
    Fixed32([u8; 4]),
    Bytes(Vec<u8>),
    /// Bytes that can be read as fields: a message or, by chance, a string.
    Message(Vec<Field>),
}

impl Spoil {
    /// Returns the changed request.
    pub(crate) fn apply(&self, bytes: &[u8]) -> Vec<u8> {
        let Some(mut fields) = parse(bytes) else {
            return bytes.to_vec();
        };
        let mut left = usize::from(self.place)
            .checked_rem(count(&fields))
            .unwrap_or(0);
        spoil_one(&mut fields, &mut left, self.how);
        written(&fields)
    }
}

fn count(fields: &[Field]) -> usize {
    fields
        .iter()
        .map(|field| match &field.value {
            Value::Message(fields) => 1 + count(fields),
            _ => 1,
        })
        .sum()
}

/// Spoils the field that comes after `left` others. Returns `true` if there is one.
fn spoil_one(fields: &mut Vec<Field>, left: &mut usize, how: u8) -> bool {
    for place in 0..fields.len() {
        if *left == 0 {
            match how % 16 {
                0 => drop(fields.remove(place)),
                1 => {
                    let again = Field {
                        key: fields[place].key,
                        value: spoiled(&fields[place].value, how / 16),
                    };
                    fields.push(again);
                }
                _ => fields[place].value = spoiled(&fields[place].value, how / 16),
            }
            return true;
        }
        *left -= 1;
        if let Value::Message(fields) = &mut fields[place].value
            && spoil_one(fields, left, how)
        {
            return true;
        }
    }
    false
}

fn spoiled(value: &Value, how: u8) -> Value {
    match value {
        Value::Varint(number) => Value::Varint(match how % 8 {
            0 => 0,
            1 => u64::MAX,
            2 => i64::MAX.cast_unsigned(),
            3 => i64::MIN.cast_unsigned(),
            4 => i32::MAX.unsigned_abs().into(),
            5 => i64::from(i32::MIN).cast_unsigned(),
            6 => number.wrapping_add(1),
            _ => number.wrapping_neg(),
        }),
        Value::Fixed64(_) => {
            const NUMBERS: [f64; 6] = [
                f64::NAN,
                f64::INFINITY,
                f64::NEG_INFINITY,
                -1.0,
                0.0,
                f64::MAX,
            ];
            Value::Fixed64(NUMBERS[usize::from(how) % NUMBERS.len()].to_le_bytes())
        }
        Value::Fixed32(_) => {
            const NUMBERS: [f32; 6] = [
                f32::NAN,
                f32::INFINITY,
                f32::NEG_INFINITY,
                -1.0,
                0.0,
                f32::MAX,
            ];
            Value::Fixed32(NUMBERS[usize::from(how) % NUMBERS.len()].to_le_bytes())
        }
        Value::Bytes(_) | Value::Message(_) => Value::Bytes(match how % 16 {
            0..=3 => Vec::new(),
            4 | 5 => vec![b'x'; 1001],
            6 | 7 => vec![b'x'; 1000],
            8 => vec![b'x'; 3 << 20],
            9 => vec![0xff; 3],
            10 => vec![0],
            11 => "\u{1f980}".repeat(300).into_bytes(),
            12 => b"workflow-0".to_vec(),
            13 => vec![
                0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01,
            ],
            14 => b"-1".to_vec(),
            _ => b"temporal-sys/x".to_vec(),
        }),
    }
}

/// Reads the bytes as fields, if they consist of nothing else.
fn parse(mut bytes: &[u8]) -> Option<Vec<Field>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        if key >> 3 == 0 || key >> 3 > 0x1fff_ffff {
            return None;
        }
        let value = match key & 7 {
            0 => Value::Varint(varint(&mut bytes)?),
            1 => Value::Fixed64(take(&mut bytes, 8)?.try_into().ok()?),
            5 => Value::Fixed32(take(&mut bytes, 4)?.try_into().ok()?),
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                let inner = take(&mut bytes, length)?;
                match parse(inner) {
                    Some(fields) if !fields.is_empty() => Value::Message(fields),
                    _ => Value::Bytes(inner.to_vec()),
                }
            }
            _ => return None,
        };
        fields.push(Field { key, value });
    }
    Some(fields)
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = *take(bytes, 1)?.first()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn written(fields: &[Field]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for field in fields {
        write_varint(&mut bytes, field.key);
        match &field.value {
            Value::Varint(number) => write_varint(&mut bytes, *number),
            Value::Fixed64(value) => bytes.extend(value),
            Value::Fixed32(value) => bytes.extend(value),
            Value::Bytes(value) => write_bytes(&mut bytes, value),
            Value::Message(fields) => write_bytes(&mut bytes, &written(fields)),
        }
    }
    bytes
}

fn write_bytes(bytes: &mut Vec<u8>, value: &[u8]) {
    write_varint(bytes, value.len() as u64);
    bytes.extend(value);
}

fn write_varint(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(u8::try_from(number & 0x7f).expect("seven bits") | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).expect("seven bits"));
}
