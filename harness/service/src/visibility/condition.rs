//! Conditions, and the runs that they hold for.

use std::cmp::Ordering;

use crate::{
    api::{enums::IndexedValueType, workflow::WorkflowExecutionInfo},
    visibility::{attributes::Attribute, syntax::Operator, values::Value},
};

/// A condition on a run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Condition {
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Not(Box<Condition>),
    Compare {
        attribute: Attribute,
        operator: Operator,
        values: Vec<Value>,
    },
    Between {
        attribute: Attribute,
        from: Value,
        to: Value,
    },
    IsNull(Attribute),
}

impl Condition {
    /// Returns `true` if the condition holds for a run. As in SQL, a comparison with an attribute
    /// that is not set is neither true nor false, and so is its negation.
    pub(crate) fn holds(&self, run: &WorkflowExecutionInfo) -> bool {
        self.truth(run) == Some(true)
    }

    /// Returns the attributes that the condition compares.
    pub(super) fn attributes(&self) -> Vec<&Attribute> {
        match self {
            Self::And(operands) | Self::Or(operands) => {
                operands.iter().flat_map(Self::attributes).collect()
            }
            Self::Not(negated) => negated.attributes(),
            Self::Compare { attribute, .. }
            | Self::Between { attribute, .. }
            | Self::IsNull(attribute) => vec![attribute],
        }
    }

    fn truth(&self, run: &WorkflowExecutionInfo) -> Option<bool> {
        match self {
            Self::And(operands) => settled(operands, run, false),
            Self::Or(operands) => settled(operands, run, true),
            Self::Not(negated) => negated.truth(run).map(|truth| !truth),
            Self::IsNull(attribute) => Some(attribute.values(run).is_empty()),
            Self::Between {
                attribute,
                from,
                to,
            } => {
                let values = attribute.values(run);
                let value = values.first()?;
                Some(value.compare(from)?.is_ge() && value.compare(to)?.is_le())
            }
            Self::Compare {
                attribute,
                operator,
                values,
            } => compare(attribute, &attribute.values(run), *operator, values),
        }
    }
}

/// Returns `truth` if any operand has it, the opposite if all have that, and `None` otherwise.
fn settled(operands: &[Condition], run: &WorkflowExecutionInfo, truth: bool) -> Option<bool> {
    let mut all_known = true;
    for operand in operands {
        match operand.truth(run) {
            Some(known) if known == truth => return Some(truth),
            known => all_known &= known.is_some(),
        }
    }
    all_known.then_some(!truth)
}

fn compare(
    attribute: &Attribute,
    actual: &[Value],
    operator: Operator,
    wanted: &[Value],
) -> Option<bool> {
    let is_any = |left: &Value| {
        let mut wanted = wanted.iter();
        wanted.any(|right| left.compare(right) == Some(Ordering::Equal))
    };
    // Lists and texts are indexed word by word: the index has no entry for those not set.
    match attribute.value_type {
        Some(IndexedValueType::KeywordList) => {
            return Some(actual.iter().any(is_any) != is_negation(operator));
        }
        Some(IndexedValueType::Text) => {
            return Some(shares_word(actual, wanted) != is_negation(operator));
        }
        _ => {}
    }
    let (value, first) = (actual.first()?, wanted.first()?);
    Some(match operator {
        Operator::Equal | Operator::In => actual.iter().any(is_any),
        Operator::NotEqual | Operator::NotIn => !actual.iter().any(is_any),
        Operator::Less => value.compare(first)?.is_lt(),
        Operator::LessOrEqual => value.compare(first)?.is_le(),
        Operator::Greater => value.compare(first)?.is_gt(),
        Operator::GreaterOrEqual => value.compare(first)?.is_ge(),
        Operator::StartsWith => starts_with(value, first)?,
        Operator::NotStartsWith => !starts_with(value, first)?,
    })
}

fn is_negation(operator: Operator) -> bool {
    matches!(operator, Operator::NotEqual | Operator::NotIn)
}

fn starts_with(value: &Value, prefix: &Value) -> Option<bool> {
    match (value, prefix) {
        (Value::Text(value), Value::Text(prefix)) => Some(value.starts_with(prefix.as_str())),
        _ => None,
    }
}

/// Returns `true` if two texts have a word in common, whatever its case.
fn shares_word(actual: &[Value], wanted: &[Value]) -> bool {
    let words = |values: &[Value]| -> Vec<String> {
        let texts = values.iter().filter_map(|value| match value {
            Value::Text(text) => Some(text.to_lowercase()),
            _ => None,
        });
        let is_break = |it: char| !it.is_alphanumeric();
        let split =
            |text: String| -> Vec<String> { text.split(is_break).map(str::to_owned).collect() };
        texts
            .flat_map(split)
            .filter(|word| !word.is_empty())
            .collect()
    };
    let wanted = words(wanted);
    words(actual).iter().any(|word| wanted.contains(word))
}
