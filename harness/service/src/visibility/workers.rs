//! Queries for workers, over the fields of their heartbeats.
//!
//! Source: `temporalio/temporal: service/matching/workers/worker_query_engine.go`.

use tonic::Status;

use crate::{
    api::worker::WorkerHeartbeat,
    base::time::instant_ms,
    visibility::{
        syntax::{self, Expression, Literal, Operator},
        values::time_of,
    },
};

/// A query for workers.
pub(crate) struct WorkerQuery(Option<Expression>);

/// The value of a field of a heartbeat.
enum Field<'a> {
    Text(&'a str),
    Time(Option<u64>),
}

impl WorkerQuery {
    /// Reads a query. An empty one finds all workers.
    ///
    /// # Errors
    ///
    /// INVALID_ARGUMENT for a query that is malformed.
    pub(crate) fn parse(text: &str) -> Result<Self, Status> {
        let statement = syntax::parse(text).map_err(|position| {
            let message = format!("malformed query: syntax error at position {position}");
            Status::invalid_argument(message)
        })?;
        Ok(Self(statement.condition))
    }

    /// Returns `true` if the query finds a worker. A part that the server does not take, such as an
    /// unknown field, finds none.
    pub(crate) fn finds(&self, worker: &WorkerHeartbeat) -> bool {
        let condition = self.0.as_ref();
        condition.is_none_or(|it| holds(it, worker).unwrap_or(false))
    }
}

/// Returns `true` if an expression holds; `None` if the server takes no such expression. As there,
/// the operands after the one that decides are not looked at.
fn holds(expression: &Expression, worker: &WorkerHeartbeat) -> Option<bool> {
    match expression {
        Expression::And(operands) => {
            for operand in operands {
                if !holds(operand, worker)? {
                    return Some(false);
                }
            }
            Some(true)
        }
        Expression::Or(operands) => {
            for operand in operands {
                if holds(operand, worker)? {
                    return Some(true);
                }
            }
            Some(false)
        }
        Expression::Not(negated) => match &**negated {
            // `IS NOT NULL` and `NOT BETWEEN` are operators of their own.
            Expression::IsNull { .. } | Expression::Between { .. } => {
                holds(negated, worker).map(|it| !it)
            }
            _ => None,
        },
        Expression::IsNull { name } => Some(match field(name, worker)? {
            Field::Text(text) => text.is_empty(),
            Field::Time(at_ms) => at_ms.is_none(),
        }),
        Expression::Between { name, from, to } => match field(name, worker)? {
            Field::Time(Some(at_ms)) => Some((time(from)?..=time(to)?).contains(&at_ms)),
            Field::Time(None) => Some(false),
            Field::Text(_) => None,
        },
        Expression::Compare {
            name,
            operator,
            literals,
        } => compare(&field(name, worker)?, *operator, literals.first()?),
    }
}

fn compare(field: &Field, operator: Operator, literal: &Literal) -> Option<bool> {
    match field {
        Field::Text(text) => {
            let Literal::Text(wanted) = literal else {
                return None;
            };
            match operator {
                Operator::Equal => Some(text == wanted),
                Operator::NotEqual => Some(text != wanted),
                Operator::StartsWith => Some(text.starts_with(wanted.as_str())),
                Operator::NotStartsWith => Some(!text.starts_with(wanted.as_str())),
                _ => None,
            }
        }
        Field::Time(at_ms) => {
            let (at_ms, wanted) = (at_ms.unwrap_or(0), time(literal)?);
            match operator {
                Operator::Equal => Some(at_ms == wanted),
                Operator::NotEqual => Some(at_ms != wanted),
                Operator::Less => Some(at_ms < wanted),
                Operator::LessOrEqual => Some(at_ms <= wanted),
                Operator::Greater => Some(at_ms > wanted),
                Operator::GreaterOrEqual => Some(at_ms >= wanted),
                _ => None,
            }
        }
    }
}

fn time(literal: &Literal) -> Option<u64> {
    match literal {
        Literal::Text(text) => time_of(text),
        _ => None,
    }
}

/// Returns a field of a heartbeat; `None` if there is none of this name.
fn field<'a>(name: &str, worker: &'a WorkerHeartbeat) -> Option<Field<'a>> {
    let host = worker.host_info.as_ref();
    let version = worker.deployment_version.as_ref();
    let text = match name {
        "WorkerInstanceKey" => &worker.worker_instance_key,
        "WorkerIdentity" => &worker.worker_identity,
        "TaskQueue" => &worker.task_queue,
        "SdkName" => &worker.sdk_name,
        "SdkVersion" => &worker.sdk_version,
        "HostName" => host.map_or("", |it| &it.host_name),
        "DeploymentName" => version.map_or("", |it| &it.deployment_name),
        "BuildId" => version.map_or("", |it| &it.build_id),
        "WorkerStatus" | "Status" | "status" => status_name(worker),
        "StartTime" => return Some(Field::Time(worker.start_time.as_ref().map(instant_ms))),
        "HeartbeatTime" => {
            return Some(Field::Time(worker.heartbeat_time.as_ref().map(instant_ms)));
        }
        _ => return None,
    };
    Some(Field::Text(text))
}

/// Returns the name of the status of a worker, as Go shows it.
fn status_name(worker: &WorkerHeartbeat) -> &'static str {
    use crate::api::enums::WorkerStatus;

    match worker.status() {
        WorkerStatus::Unspecified => "Unspecified",
        WorkerStatus::Running => "Running",
        WorkerStatus::ShuttingDown => "ShuttingDown",
        WorkerStatus::Shutdown => "Shutdown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api::{enums::WorkerStatus, worker::WorkerHostInfo},
        base::time::timestamp,
    };

    fn finds(query: &str) -> bool {
        let worker = WorkerHeartbeat {
            worker_identity: "1@host".to_owned(),
            task_queue: "orders".to_owned(),
            host_info: Some(WorkerHostInfo {
                host_name: "host".to_owned(),
                ..WorkerHostInfo::default()
            }),
            status: WorkerStatus::Running.into(),
            start_time: Some(timestamp(1_704_067_200_000)),
            ..WorkerHeartbeat::default()
        };
        WorkerQuery::parse(query).unwrap().finds(&worker)
    }

    #[test]
    fn workers_are_found_by_the_fields_of_their_heartbeats() {
        for query in [
            "",
            "TaskQueue = 'orders'",
            "HostName STARTS_WITH 'ho' AND SdkName IS NULL",
            "TaskQueue = 'other' OR Status = 'Running'",
            "StartTime >= '2024-01-01T00:00:00Z'",
            "StartTime BETWEEN '2023-01-01T00:00:00Z' AND '2025-01-01T00:00:00Z'",
            "HeartbeatTime IS NULL",
        ] {
            assert!(finds(query), "{query}");
        }
        for query in [
            "TaskQueue != 'orders'",
            "StartTime > '2024-01-01T00:00:00Z'",
            "WorkerIdentity IS NULL",
        ] {
            assert!(!finds(query), "{query}");
        }
    }

    #[test]
    fn a_query_that_the_server_does_not_take_finds_no_worker() {
        for query in ["Color = 'red'", "NOT TaskQueue = 'x'", "TaskQueue > 'a'"] {
            assert!(!finds(query), "{query}");
        }
        assert!(WorkerQuery::parse("TaskQueue =").is_err());
    }
}
