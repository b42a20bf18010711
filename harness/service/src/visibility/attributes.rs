//! Search attributes that a query names, and the value that a run has for each.

use crate::{
    api::{
        common::Payload,
        enums::{IndexedValueType as Type, WorkflowExecutionStatus},
        workflow::WorkflowExecutionInfo,
    },
    base::{
        search_attributes::{RESERVED_PREFIX, SYSTEM, SearchAttributeRegistry, own_type},
        time::{duration_ms, instant_ms},
    },
    visibility::values::Value,
};

/// A search attribute that a query names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attribute {
    /// The name as the query has it.
    pub(crate) alias: String,
    pub(crate) name: String,
    /// The type; `None` for an attribute that is not registered, whose values tell their type.
    pub(crate) value_type: Option<Type>,
}

impl Attribute {
    /// Returns the attribute of this name. The server's own are found with and without their
    /// prefix.
    ///
    /// # Errors
    ///
    /// The name, if no attribute of this name is registered and the registry has to know all.
    pub(crate) fn named(alias: &str, registry: &SearchAttributeRegistry) -> Result<Self, String> {
        let toggled = match alias.strip_prefix(RESERVED_PREFIX) {
            Some("ScheduleId") => "WorkflowId".to_owned(),
            Some(bare) => bare.to_owned(),
            None if alias == "ScheduleId" => "WorkflowId".to_owned(),
            None => format!("{RESERVED_PREFIX}{alias}"),
        };
        let known = [alias, &toggled].into_iter().find_map(|name| {
            let value_type = registry.custom_type(name).or_else(|| own_type(name))?;
            Some((name.to_owned(), value_type))
        });
        let (name, value_type) = match known {
            Some((name, value_type)) => (name, Some(value_type)),
            None if registry.accepts_any() => (alias.to_owned(), None),
            None => return Err(alias.to_owned()),
        };
        Ok(Self {
            alias: alias.to_owned(),
            name,
            value_type,
        })
    }

    /// Returns `true` if runs may be grouped by the attribute.
    pub(crate) fn may_group(&self) -> bool {
        self.name == "ExecutionStatus"
            || self.name == "TemporalNamespaceDivision"
            || self.name.starts_with("TemporalLowCardinalityKeyword")
    }

    /// Returns the values of the attribute for a run: several for a list, none if it is not set.
    pub(crate) fn values(&self, run: &WorkflowExecutionInfo) -> Vec<Value> {
        if SYSTEM.iter().any(|(name, _)| *name == self.name) {
            return self.system_value(run).into_iter().collect();
        }
        self.indexed(run).map(Value::of_payload).unwrap_or_default()
    }

    fn indexed<'a>(&self, run: &'a WorkflowExecutionInfo) -> Option<&'a Payload> {
        let attributes = run.search_attributes.as_ref()?;
        attributes.indexed_fields.get(&self.name)
    }

    /// Returns the value of a system attribute, if it is set.
    fn system_value(&self, run: &WorkflowExecutionInfo) -> Option<Value> {
        let text = |text: &str| Some(Value::Text(text.to_owned()));
        let execution = run.execution.as_ref();
        let parent = run.parent_execution.as_ref();
        let root = run.root_execution.as_ref();
        let at = |time: Option<_>| time.as_ref().map(|at| Value::Time(instant_ms(at)));
        match self.name.as_str() {
            "WorkflowId" => execution.and_then(|it| text(&it.workflow_id)),
            "RunId" => execution.and_then(|it| text(&it.run_id)),
            "WorkflowType" => run.r#type.as_ref().and_then(|it| text(&it.name)),
            "StartTime" => at(run.start_time),
            "ExecutionTime" => at(run.execution_time),
            "CloseTime" => at(run.close_time),
            "ExecutionStatus" => text(status_name(run.status())),
            "TaskQueue" => text(&run.task_queue),
            "HistoryLength" => Some(Value::Int(run.history_length)),
            "HistorySizeBytes" => Some(Value::Int(run.history_size_bytes)),
            "StateTransitionCount" => Some(Value::Int(run.state_transition_count)),
            "ExecutionDuration" => run
                .execution_duration
                .as_ref()
                .map(|it| Value::Int(nanos(duration_ms(Some(it))))),
            "ParentWorkflowId" => parent.and_then(|it| text(&it.workflow_id)),
            "ParentRunId" => parent.and_then(|it| text(&it.run_id)),
            "RootWorkflowId" => root.and_then(|it| text(&it.workflow_id)),
            "RootRunId" => root.and_then(|it| text(&it.run_id)),
            _ => None,
        }
    }
}

fn nanos(ms: u64) -> i64 {
    i64::try_from(ms.saturating_mul(1_000_000)).unwrap_or(i64::MAX)
}

/// Returns the name of a status, as queries have it: `Running`, `ContinuedAsNew`.
pub(crate) fn status_name(status: WorkflowExecutionStatus) -> &'static str {
    match status {
        WorkflowExecutionStatus::Unspecified => "Unspecified",
        WorkflowExecutionStatus::Running => "Running",
        WorkflowExecutionStatus::Completed => "Completed",
        WorkflowExecutionStatus::Failed => "Failed",
        WorkflowExecutionStatus::Canceled => "Canceled",
        WorkflowExecutionStatus::Terminated => "Terminated",
        WorkflowExecutionStatus::ContinuedAsNew => "ContinuedAsNew",
        WorkflowExecutionStatus::TimedOut => "TimedOut",
        WorkflowExecutionStatus::Paused => "Paused",
    }
}

/// Returns the status of a name: `Running`, or `WORKFLOW_EXECUTION_STATUS_RUNNING`.
pub(crate) fn status_of_name(name: &str) -> Option<WorkflowExecutionStatus> {
    (0..16)
        .filter_map(|number| WorkflowExecutionStatus::try_from(number).ok())
        .find(|status| status_name(*status) == name || status.as_str_name() == name)
}
