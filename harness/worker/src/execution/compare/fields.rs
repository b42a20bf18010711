//! Fields of commands and events, compared as far as the service leaves them unchanged.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    time::Duration,
};

use temporalio_protos::temporal::api::{
    common::v1::{Memo, Payload, Payloads, RetryPolicy},
    failure::v1::Failure,
    taskqueue::v1::TaskQueue,
};

use super::payloads::{difference, same_payloads};
use crate::time::{self, timeout};

/// A comparison of fields, up to the first difference.
#[derive(Debug, Default)]
pub(super) struct Fields {
    first: Option<String>,
}

impl Fields {
    pub(super) fn first(self) -> Option<String> {
        self.first
    }

    pub(super) fn check(
        &mut self,
        name: &str,
        same: bool,
        recorded: &(impl Debug + ?Sized),
        given: &(impl Debug + ?Sized),
    ) {
        if !same && self.first.is_none() {
            self.first = Some(format!(
                "{name}: history has {recorded:?}, the workflow now gives {given:?}"
            ));
        }
    }

    pub(super) fn equal<T: PartialEq + Debug>(&mut self, name: &str, recorded: &T, given: &T) {
        self.check(name, recorded == given, recorded, given);
    }

    /// Compares lists of payloads by their values.
    pub(super) fn payloads(
        &mut self,
        name: &str,
        recorded: Option<&Payloads>,
        given: Option<&Payloads>,
    ) {
        if self.first.is_none() && !same_payloads(recorded, given) {
            self.first = Some(format!("{name}: {}", difference(recorded, given)));
        }
    }

    /// Compares two payloads by their values.
    pub(super) fn payload(
        &mut self,
        name: &str,
        recorded: Option<&Payload>,
        given: Option<&Payload>,
    ) {
        let only = |payload: Option<&Payload>| {
            payload.map(|it| Payloads {
                payloads: vec![it.clone()],
            })
        };
        self.payloads(name, only(recorded).as_ref(), only(given).as_ref());
    }

    /// Compares memos field by field. An empty memo equals none.
    pub(super) fn memo(&mut self, recorded: Option<&Memo>, given: Option<&Memo>) {
        let fields = |memo: Option<&Memo>| -> BTreeMap<String, Payload> {
            memo.map(|memo| memo.fields.clone().into_iter().collect())
                .unwrap_or_default()
        };
        let (recorded, given) = (fields(recorded), fields(given));
        // In order: the difference that is shown must be the same in every process.
        for key in recorded.keys().chain(given.keys()).collect::<BTreeSet<_>>() {
            self.payload(&format!("memo {key}"), recorded.get(key), given.get(key));
        }
    }

    /// Compares durations that the service leaves unchanged.
    pub(super) fn duration(
        &mut self,
        name: &str,
        recorded: Option<prost_types::Duration>,
        given: Option<prost_types::Duration>,
    ) {
        let (recorded, given) = (time::duration(recorded), time::duration(given));
        if recorded != given {
            self.durations_differ(name, recorded, given);
        }
    }

    fn durations_differ(
        &mut self,
        name: &str,
        recorded: Option<Duration>,
        given: Option<Duration>,
    ) {
        let words =
            |duration: Option<Duration>| duration.map_or("none".to_owned(), |it| format!("{it:?}"));
        let (recorded, given) = (words(recorded), words(given));
        self.check(
            name,
            false,
            &format_args!("{recorded}"),
            &format_args!("{given}"),
        );
    }

    /// Compares task queues by name. If the command has none, the service fills in the workflow's.
    pub(super) fn queue(
        &mut self,
        name: &str,
        recorded: Option<&TaskQueue>,
        given: Option<&TaskQueue>,
    ) {
        let of = |queue: Option<&TaskQueue>| queue.map(|q| q.name.clone()).unwrap_or_default();
        if given.is_some_and(|queue| !queue.name.is_empty()) {
            self.equal(name, &of(recorded), &of(given));
        }
    }

    /// Compares timeouts that the service fills in if they are missing, and caps by others.
    pub(super) fn capped(
        &mut self,
        name: &str,
        recorded: Option<prost_types::Duration>,
        given: Option<prost_types::Duration>,
        caps: &[Option<Duration>],
    ) {
        let (Some(given), recorded) = (timeout(given), timeout(recorded)) else {
            return;
        };
        let capped =
            recorded.is_some_and(|recorded| recorded < given && caps.contains(&Some(recorded)));
        if recorded != Some(given) && !capped {
            self.durations_differ(name, recorded, Some(given));
        }
    }

    /// Compares retry policies, whose missing fields the service fills in.
    pub(super) fn retry_policy(
        &mut self,
        name: &str,
        recorded: Option<&RetryPolicy>,
        given: Option<&RetryPolicy>,
    ) {
        let Some(of) = given else { return };
        let same = recorded.is_some_and(|recorded| {
            let interval =
                |given, recorded| timeout(given).is_none() || timeout(given) == timeout(recorded);
            interval(of.initial_interval, recorded.initial_interval)
                && interval(of.maximum_interval, recorded.maximum_interval)
                && (of.backoff_coefficient == 0.0
                    || of.backoff_coefficient.to_bits() == recorded.backoff_coefficient.to_bits())
                && of.maximum_attempts == recorded.maximum_attempts
                && of.non_retryable_error_types == recorded.non_retryable_error_types
        });
        self.check(name, same, &recorded, &given);
    }
}

/// Returns `true` if an enum field of a command was set.
pub(super) fn given(value: i32) -> bool {
    value != 0
}

/// Returns `true` if two failures are the same, apart from their stack traces.
pub(super) fn same_failure(a: Option<&Failure>, b: Option<&Failure>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => {
            a.message == b.message
                && a.failure_info == b.failure_info
                && a.encoded_attributes == b.encoded_attributes
                && same_failure(a.cause.as_deref(), b.cause.as_deref())
        }
        (None, None) => true,
        _ => false,
    }
}
