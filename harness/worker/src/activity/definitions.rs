//! The activities that a worker can run: real ones, the instances that they need, and mocks.

use std::{
    any::TypeId,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures::{FutureExt, future::BoxFuture};
use temporalio_common::{
    ActivityDefinition, ActivityError,
    data_converters::{PayloadConversionError, TemporalSerializable},
};
use temporalio_sdk::activities::ExecutableActivity;

use super::{
    attempt::ActivityAttempt,
    call::ActivityCall,
    code::{Code, Instance, Invocation, Invoked},
    heartbeat::DetailTypes,
    outcome::ActivityOutcome,
    payloads::{decode, encode},
    run,
};

/// The activities of one worker.
///
/// The SDK's own type of that name cannot be read, so activities are registered here one by one. A
/// mock takes precedence over the activity that it replaces, whichever was registered first.
#[derive(Clone, Default)]
pub struct ActivityDefinitions {
    real: BTreeMap<String, RealActivity>,
    mocks: BTreeMap<String, Invocation>,
    instances: BTreeMap<TypeId, Instance>,
    detail_types: DetailTypes,
}

#[derive(Clone)]
struct RealActivity {
    /// The type of the instance to call the activity on, with its name; `None` if the activity has
    /// no receiver.
    receiver: Option<(TypeId, &'static str)>,
    invoke: Invocation,
}

/// The reason for which an activity cannot be registered: something was registered twice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ActivityRegistrationError {
    /// The activity type has an implementation already.
    #[error("activity `{activity_type}` is registered twice")]
    DuplicateActivity {
        /// The activity type.
        activity_type: String,
    },
    /// The activity type has a mock already.
    #[error("activity `{activity_type}` is mocked twice")]
    DuplicateMock {
        /// The activity type.
        activity_type: String,
    },
    /// There is an instance of the type already.
    #[error(
        "two instances of `{implementer}` are given, and its activities can be called on one only"
    )]
    DuplicateImplementer {
        /// The name of the type in Rust.
        implementer: &'static str,
    },
}

/// An activity that was scheduled on a worker which cannot run it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unregistered {
    /// The activity type.
    pub activity_type: String,
    /// The task queue of the activity.
    pub task_queue: String,
    /// The activity types that the worker can run, in alphabetical order.
    pub registered: Vec<String>,
    /// The type of the instance to call the activity on, if the activity is registered and only the
    /// instance is missing.
    pub missing_instance: Option<&'static str>,
}

impl std::error::Error for Unregistered {}

impl std::fmt::Display for Unregistered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            activity_type,
            task_queue,
            registered,
            missing_instance,
        } = self;
        if let Some(implementer) = missing_instance {
            return write!(
                f,
                "activity `{activity_type}` on task queue `{task_queue}` needs an instance of \
                 `{implementer}`; give the worker one with `.implementer(..)`, or mock the activity"
            );
        }
        write!(
            f,
            "activity `{activity_type}` is not registered on task queue `{task_queue}`; "
        )?;
        match registered.as_slice() {
            [] => write!(f, "no activity is registered there")?,
            names => write!(f, "registered are `{}`", names.join("`, `"))?,
        }
        write!(
            f,
            "; register it with `.activity(..)` or mock it with `.mock_activity(..)`"
        )
    }
}

impl ActivityDefinitions {
    /// Registers an activity that `#[activities]` generated.
    ///
    /// An activity with a receiver is called on the instance that was passed, or will be passed, to
    /// [`implementer`](Self::implementer).
    ///
    /// # Errors
    ///
    /// An activity of that type is registered already.
    pub fn register<AD: ExecutableActivity>(
        &mut self,
    ) -> Result<&mut Self, ActivityRegistrationError> {
        let activity_type = AD::definition().name().to_owned();
        if self.real.contains_key(&activity_type) {
            return Err(ActivityRegistrationError::DuplicateActivity { activity_type });
        }
        let receiver = AD::REQUIRES_INSTANCE.then(|| {
            (
                TypeId::of::<AD::Implementer>(),
                std::any::type_name::<AD::Implementer>(),
            )
        });
        let invoke: Invocation = Arc::new(|instance, payloads, context| {
            let receiver = instance.map(|instance| {
                instance
                    .downcast::<AD::Implementer>()
                    .unwrap_or_else(|_| unreachable!("instances are found by their type"))
            });
            let input =
                match decode::<AD::Input>(context.data_converter.payload_converter(), payloads) {
                    Ok(input) => input,
                    Err(error) => return failed(error),
                };
            AD::execute(receiver, *context.hand_out(), input)
                .map(move |output| encode(context.data_converter.payload_converter(), &output?))
                .boxed()
        });
        self.real
            .insert(activity_type, RealActivity { receiver, invoke });
        self.know_types_of::<AD>();
        Ok(self)
    }

    /// Sets the instance on which the activities of its type are called.
    ///
    /// # Errors
    ///
    /// There is an instance of that type already.
    pub fn implementer<T: Send + Sync + 'static>(
        &mut self,
        instance: Arc<T>,
    ) -> Result<&mut Self, ActivityRegistrationError> {
        let implementer = std::any::type_name::<T>();
        match self.instances.insert(TypeId::of::<T>(), instance) {
            None => Ok(self),
            Some(_) => Err(ActivityRegistrationError::DuplicateImplementer { implementer }),
        }
    }

    /// Registers a closure that is called instead of an activity.
    ///
    /// The attempt of a mock that panics ends in
    /// [`ActivityFault::MockPanicked`](super::ActivityFault::MockPanicked).
    ///
    /// `activity` is the marker by which workflows call the activity. Without a marker, use
    /// [`UntypedActivity::new`](temporalio_common::UntypedActivity::new), whose input and output
    /// are payloads.
    ///
    /// # Errors
    ///
    /// The activity type has a mock already.
    pub fn mock<AD, F, R>(
        &mut self,
        activity: &AD,
        mock: F,
    ) -> Result<&mut Self, ActivityRegistrationError>
    where
        AD: ActivityDefinition,
        F: Fn(ActivityCall<AD::Input>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<AD::Output, ActivityError>> + Send + 'static,
    {
        let activity_type = activity.name().to_owned();
        if self.mocks.contains_key(&activity_type) {
            return Err(ActivityRegistrationError::DuplicateMock { activity_type });
        }
        let invocation: Invocation = Arc::new(move |_, payloads, context| {
            let input =
                match decode::<AD::Input>(context.data_converter.payload_converter(), payloads) {
                    Ok(input) => input,
                    Err(error) => return failed(error),
                };
            mock(ActivityCall::new(input, context.clone()))
                .map(move |output| encode(context.data_converter.payload_converter(), &output?))
                .boxed()
        });
        self.mocks.insert(activity_type, invocation);
        self.know_types_of::<AD>();
        Ok(self)
    }

    /// Registers the type `T` of heartbeat details.
    ///
    /// The SDK hands heartbeat details to a test host as a `Box<dyn Any>`, so each type that occurs
    /// must be known before its values can become payloads. These types are always known:
    ///
    /// - `()`, `bool`, `char`, the integers and floats, `String`, `&'static str`,
    ///   `std::time::Duration` and `serde_json::Value`;
    /// - `Option<T>`, `Vec<T>` and `(T, T)` of these;
    /// - `RawValue`;
    /// - the input and output type of every activity that is registered here.
    ///
    /// An attempt that records details of another type ends in
    /// [`ActivityFault::UnknownHeartbeatDetails`](super::ActivityFault::UnknownHeartbeatDetails).
    /// Mocks may record any type, and local activities have no heartbeats.
    pub fn heartbeat_details<T: TemporalSerializable + 'static>(&mut self) -> &mut Self {
        self.detail_types.register::<T>();
        self
    }

    /// Adds the activities, mocks and instances of `others`, except for the activity types and
    /// instances that are here already.
    pub fn inherit(&mut self, others: &Self) {
        let own: BTreeSet<String> = self.names().into_iter().collect();
        let is_new = |name: &String| !own.contains(name);
        self.real.extend(
            others
                .real
                .clone()
                .into_iter()
                .filter(|(name, _)| is_new(name)),
        );
        self.mocks.extend(
            others
                .mocks
                .clone()
                .into_iter()
                .filter(|(name, _)| is_new(name)),
        );
        for (type_id, instance) in &others.instances {
            self.instances
                .entry(*type_id)
                .or_insert_with(|| instance.clone());
        }
        self.detail_types.inherit(&others.detail_types);
    }

    /// Returns `true` if the activity type is mocked.
    pub fn is_mocked(&self, activity_type: &str) -> bool {
        self.mocks.contains_key(activity_type)
    }

    /// Returns `true` if no activity is registered or mocked.
    pub fn is_empty(&self) -> bool {
        self.real.is_empty() && self.mocks.is_empty()
    }

    /// Returns the activity types that are registered or mocked, in alphabetical order.
    pub fn names(&self) -> Vec<String> {
        let names: BTreeSet<&String> = self.real.keys().chain(self.mocks.keys()).collect();
        names.into_iter().cloned().collect()
    }

    /// Checks that every activity which needs an instance has one, unless it is mocked.
    ///
    /// # Errors
    ///
    /// An activity, the first by its type, lacks its instance.
    pub fn check_instances(&self, task_queue: &str) -> Result<(), Unregistered> {
        let real = self
            .real
            .iter()
            .filter(|(activity_type, _)| !self.mocks.contains_key(*activity_type));
        for (activity_type, activity) in real {
            self.instance_for(activity, activity_type, task_queue)?;
        }
        Ok(())
    }

    /// Starts an attempt. The future does nothing until it is polled; a crash of the worker drops
    /// it.
    ///
    /// # Errors
    ///
    /// No activity of that type is registered, or the instance to call it on is missing.
    pub fn start(
        &self,
        attempt: ActivityAttempt,
    ) -> Result<BoxFuture<'static, ActivityOutcome>, Unregistered> {
        let activity_type = attempt.activity_type();
        let code = if let Some(mock) = self.mocks.get(activity_type) {
            Code {
                is_mock: true,
                instance: None,
                invoke: mock.clone(),
            }
        } else if let Some(activity) = self.real.get(activity_type) {
            Code {
                is_mock: false,
                instance: self.instance_for(activity, activity_type, attempt.task_queue())?,
                invoke: activity.invoke.clone(),
            }
        } else {
            return Err(self.unregistered(activity_type, attempt.task_queue(), None));
        };
        Ok(run::run(code, self.detail_types.clone(), Box::new(attempt)).boxed())
    }

    fn instance_for(
        &self,
        activity: &RealActivity,
        activity_type: &str,
        task_queue: &str,
    ) -> Result<Option<Instance>, Unregistered> {
        let Some((type_id, implementer)) = activity.receiver else {
            return Ok(None);
        };
        match self.instances.get(&type_id) {
            Some(instance) => Ok(Some(instance.clone())),
            None => Err(self.unregistered(activity_type, task_queue, Some(implementer))),
        }
    }

    fn unregistered(
        &self,
        activity_type: &str,
        task_queue: &str,
        missing_instance: Option<&'static str>,
    ) -> Unregistered {
        Unregistered {
            activity_type: activity_type.to_owned(),
            task_queue: task_queue.to_owned(),
            registered: self.names(),
            missing_instance,
        }
    }

    fn know_types_of<AD: ActivityDefinition>(&mut self) {
        self.detail_types.register::<AD::Input>();
        self.detail_types.register::<AD::Output>();
    }
}

fn failed(error: PayloadConversionError) -> Invoked {
    futures::future::ready(Err(error.into())).boxed()
}
