//! Names and literals of a query, resolved: attributes, and values of their types.
//!
//! Source: `temporalio/temporal: common/persistence/visibility/store/query/converter.go`, also of
//! the messages.

use std::fmt::Display;

use tonic::Status;

use crate::{
    api::enums::{IndexedValueType as Type, WorkflowExecutionStatus},
    base::search_attributes::{SearchAttributeRegistry, type_name},
    visibility::{
        attributes::{Attribute, status_name, status_of_name},
        condition::Condition,
        syntax::{Expression, Literal, Operator},
        values::{Value, time_of},
    },
};

const INVALID: &str = "invalid expression";
const UNSUPPORTED: &str = "operation is not supported";

/// Returns INVALID_ARGUMENT for a query that is not one.
pub(super) fn malformed(reason: impl Display) -> Status {
    Status::invalid_argument(format!("invalid query: malformed SQL query: {reason}"))
}

/// Returns INVALID_ARGUMENT for a query with a part that the server does not take.
pub(super) fn unsupported(part: impl Display) -> Status {
    Status::invalid_argument(format!("invalid query: {UNSUPPORTED}: {part}"))
}

fn invalid(reason: impl Display) -> Status {
    Status::invalid_argument(format!("invalid query: {INVALID}: {reason}"))
}

/// Returns the attribute of a name.
pub(super) fn attribute(
    name: &str,
    registry: &SearchAttributeRegistry,
) -> Result<Attribute, Status> {
    let unknown = |name: String| {
        invalid(format!(
            "column name '{name}' is not a valid search attribute"
        ))
    };
    Attribute::named(name, registry).map_err(unknown)
}

/// Resolves the names and literals of an expression.
pub(super) fn condition(
    expression: Expression,
    registry: &SearchAttributeRegistry,
) -> Result<Condition, Status> {
    let condition = |expression| condition(expression, registry);
    let attribute = |name: &str| attribute(name, registry);
    let all = |operands: Vec<Expression>| -> Result<Vec<_>, Status> {
        operands.into_iter().map(condition).collect()
    };
    Ok(match expression {
        Expression::And(operands) => Condition::And(all(operands)?),
        Expression::Or(operands) => Condition::Or(all(operands)?),
        Expression::Not(negated) => Condition::Not(Box::new(condition(*negated)?)),
        Expression::IsNull { name } => Condition::IsNull(attribute(&name)?),
        Expression::Between { name, from, to } => {
            let attribute = attribute(&name)?;
            if let Some(unordered @ (Type::Bool | Type::KeywordList | Type::Text)) =
                attribute.value_type
            {
                return Err(invalid(format!(
                    "cannot do range condition on search attribute '{name}' of type {}",
                    type_name(unordered)
                )));
            }
            let (from, to) = (value(&attribute, from)?, value(&attribute, to)?);
            Condition::Between {
                attribute,
                from,
                to,
            }
        }
        Expression::Compare {
            name,
            operator,
            literals,
        } => {
            let attribute = attribute(&name)?;
            check_operator(&attribute, operator)?;
            let values = literals
                .into_iter()
                .map(|literal| value(&attribute, literal))
                .collect::<Result<_, _>>()?;
            Condition::Compare {
                attribute,
                operator,
                values,
            }
        }
    })
}

fn check_operator(attribute: &Attribute, operator: Operator) -> Result<(), Status> {
    let Some(value_type) = attribute.value_type else {
        return Ok(());
    };
    let is_prefix = matches!(operator, Operator::StartsWith | Operator::NotStartsWith);
    let is_equality = matches!(operator, Operator::Equal | Operator::NotEqual);
    let is_supported = match value_type {
        Type::Keyword => true,
        Type::KeywordList => is_equality || matches!(operator, Operator::In | Operator::NotIn),
        Type::Text => is_equality,
        _ => !is_prefix,
    };
    if is_supported {
        return Ok(());
    }
    Err(unsupported(format!(
        "operator '{}' not supported for {} type search attribute '{}'",
        operator_name(operator),
        type_name(value_type),
        attribute.alias
    )))
}

/// Returns the value of a literal, as the type of its attribute has it.
fn value(attribute: &Attribute, literal: Literal) -> Result<Value, Status> {
    if attribute.name == "ExecutionStatus" {
        return status(literal);
    }
    if attribute.name == "ExecutionDuration" {
        return duration(literal);
    }
    let Some(value_type) = attribute.value_type else {
        return Ok(untyped(literal));
    };
    let wrong = |literal: &Literal| {
        let (name, value_type) = (&attribute.alias, type_name(value_type));
        Err(invalid(format!(
            "invalid value type for search attribute {name} of type {value_type}: {}",
            literal_words(literal)
        )))
    };
    match (value_type, literal) {
        (Type::Int | Type::Double, Literal::Int(number)) => Ok(Value::Int(number)),
        (Type::Int | Type::Double, Literal::Double(number)) => Ok(Value::Double(number)),
        (Type::Bool, Literal::Bool(yes)) => Ok(Value::Bool(yes)),
        (Type::Datetime, Literal::Int(nanos)) => {
            Ok(Value::Time(u64::try_from(nanos / 1_000_000).unwrap_or(0)))
        }
        (Type::Datetime, Literal::Text(text)) => time_of(&text)
            .map(Value::Time)
            .ok_or_else(|| invalid(format!("unable to parse datetime '{text}'"))),
        (Type::Keyword | Type::KeywordList | Type::Text, Literal::Text(text)) => {
            Ok(Value::Text(text))
        }
        (_, other) => wrong(&other),
    }
}

/// Returns the value of a literal beside an attribute whose type is not known.
fn untyped(literal: Literal) -> Value {
    match literal {
        Literal::Text(text) => time_of(&text).map_or(Value::Text(text), Value::Time),
        Literal::Int(number) => Value::Int(number),
        Literal::Double(number) => Value::Double(number),
        Literal::Bool(yes) => Value::Bool(yes),
    }
}

fn status(literal: Literal) -> Result<Value, Status> {
    let status = match &literal {
        Literal::Text(name) => status_of_name(name),
        Literal::Int(number) => i32::try_from(*number)
            .ok()
            .and_then(|number| WorkflowExecutionStatus::try_from(number).ok()),
        Literal::Double(_) | Literal::Bool(_) => None,
    };
    let status = status.ok_or_else(|| {
        let words = literal_words(&literal);
        invalid(format!("invalid ExecutionStatus value {words}"))
    })?;
    Ok(Value::Text(status_name(status).to_owned()))
}

/// Returns a duration in nanoseconds: a number of them, or a text such as `1h30m` or `00:01:30`.
fn duration(literal: Literal) -> Result<Value, Status> {
    let nanos = match &literal {
        Literal::Int(nanos) => Some(*nanos),
        Literal::Text(text) => clock_duration(text).or_else(|| unit_duration(text)),
        Literal::Double(_) | Literal::Bool(_) => None,
    };
    nanos.map(Value::Int).ok_or_else(|| {
        let words = literal_words(&literal);
        invalid(format!(
            "invalid duration value for search attribute ExecutionDuration: {words}"
        ))
    })
}

/// Reads `hours:minutes:seconds`.
fn clock_duration(text: &str) -> Option<i64> {
    let parts: Vec<i64> = text
        .split(':')
        .map(|part| part.parse().ok().filter(|number| *number >= 0))
        .collect::<Option<_>>()?;
    let [hours, minutes, seconds] = parts[..] else {
        return None;
    };
    let minutes = hours.checked_mul(60)?.checked_add(minutes)?;
    let seconds = minutes.checked_mul(60)?.checked_add(seconds)?;
    seconds.checked_mul(1_000_000_000)
}

/// Reads a duration as Go writes it, `1h30m0.5s`, with days as the server adds them.
fn unit_duration(text: &str) -> Option<i64> {
    const UNITS: &[(&str, f64)] = &[
        ("ns", 1.0),
        ("us", 1e3),
        ("ms", 1e6),
        ("s", 1e9),
        ("m", 60e9),
        ("h", 3600e9),
        ("d", 86_400e9),
    ];
    let (mut rest, mut nanos) = (text, 0.0);
    while !rest.is_empty() {
        let digits = rest.find(|it: char| !it.is_ascii_digit() && it != '.')?;
        let amount: f64 = rest[..digits].parse().ok()?;
        let end = rest[digits..].find(|it: char| it.is_ascii_digit());
        let unit_end = end.map_or(rest.len(), |end| digits + end);
        let unit = &rest[digits..unit_end];
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
        nanos += amount * factor;
        rest = &rest[unit_end..];
    }
    #[allow(
        clippy::cast_possible_truncation,
        reason = "a duration beyond the range is as long as the longest"
    )]
    (!text.is_empty()).then_some(nanos as i64)
}

fn literal_words(literal: &Literal) -> String {
    match literal {
        Literal::Text(text) => format!("'{text}'"),
        Literal::Int(number) => number.to_string(),
        Literal::Double(number) => number.to_string(),
        Literal::Bool(yes) => yes.to_string(),
    }
}

fn operator_name(operator: Operator) -> &'static str {
    match operator {
        Operator::Equal => "=",
        Operator::NotEqual => "!=",
        Operator::Less => "<",
        Operator::LessOrEqual => "<=",
        Operator::Greater => ">",
        Operator::GreaterOrEqual => ">=",
        Operator::In => "IN",
        Operator::NotIn => "NOT IN",
        Operator::StartsWith => "STARTS_WITH",
        Operator::NotStartsWith => "NOT STARTS_WITH",
    }
}
