//! The workflow types that a worker can run, each with the factory of its instances.

use std::{collections::BTreeMap, fmt, rc::Rc, sync::Arc};

use temporalio_common::{
    WorkflowDefinition,
    data_converters::{
        DataConverter, GenericPayloadConverter, PayloadConversionError, PayloadConverter,
        SerializationContext, SerializationContextData, WorkflowSerializationContext,
    },
};
use temporalio_protos::{
    coresdk::workflow_activation::InitializeWorkflow, temporal::api::common::v1::Payload,
};
use temporalio_sdk::{WorkflowRegistrationError, workflow_replayer::WorkflowReplayerOptions};
use temporalio_workflow::{
    __private::sdk::{GuestWorkflowInstance, WorkflowHost, WorkflowInit, WorkflowInstance},
    BaseWorkflowContext, InternalPatchActivationCallback as PatchActivationCallback,
    workflow_interceptors::WorkflowInterceptorConstructor,
    workflows::{WorkflowDefinitionDescriptor, WorkflowImplementation},
};

/// The input of a factory: what one workflow instance is made from.
pub(crate) struct InstanceInput {
    pub(crate) namespace: String,
    pub(crate) task_queue: String,
    pub(crate) run_id: String,
    pub(crate) initialize_workflow: InitializeWorkflow,
    pub(crate) data_converter: DataConverter,
    pub(crate) patch_activation_callback: Option<PatchActivationCallback>,
    pub(crate) host: Rc<dyn WorkflowHost>,
}

/// The reason for which an instance cannot be created.
#[derive(Debug)]
pub(crate) enum NoInstance {
    UnknownType,
    Conversion(PayloadConversionError),
}

type Factory = Arc<
    dyn Fn(
            InstanceInput,
            Vec<WorkflowInterceptorConstructor>,
        ) -> Result<Box<dyn WorkflowInstance>, PayloadConversionError>
        + Send
        + Sync,
>;

/// A closure that registers the same implementation with the SDK's own replayer.
type ReplayerRegistration = Arc<
    dyn Fn(&mut WorkflowReplayerOptions) -> Result<(), WorkflowRegistrationError> + Send + Sync,
>;

#[derive(Clone)]
struct Registered {
    descriptor: WorkflowDefinitionDescriptor,
    factory: Factory,
    replayer: ReplayerRegistration,
}

/// The reason for which a workflow type cannot be registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistrationError {
    /// Another implementation has the same workflow type.
    #[error("workflow type {workflow_type} is already registered")]
    DuplicateWorkflowType {
        /// The type that was registered twice.
        workflow_type: String,
    },
    /// A factory would bypass the `#[init]` method that the workflow type has.
    #[error(
        "workflow type {workflow_type} has an #[init] method and cannot be registered with a \
         factory"
    )]
    FactoryWithInit {
        /// The type with an `#[init]` method.
        workflow_type: String,
    },
}

/// The workflow types that a worker can run.
///
/// Definitions are cheap to clone, and `Send + Sync`, so a history can be replayed on another
/// thread with the same definitions.
#[derive(Clone, Default)]
pub struct WorkflowDefinitions {
    workflows: Arc<BTreeMap<String, Registered>>,
    interceptors: Vec<WorkflowInterceptorConstructor>,
}

impl WorkflowDefinitions {
    /// Returns definitions without any workflow type.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a workflow implementation under the type name of its definition.
    ///
    /// # Errors
    ///
    /// [`RegistrationError::DuplicateWorkflowType`] if the type is registered already.
    pub fn register<W>(&mut self) -> Result<&mut Self, RegistrationError>
    where
        W: WorkflowImplementation,
        <W::Run as WorkflowDefinition>::Input: Send,
    {
        let factory: Factory = Arc::new(|input, interceptors| {
            let (arguments, converter, context) = into_parts(input, interceptors);
            GuestWorkflowInstance::<W>::instantiate(arguments, converter, context)
        });
        self.insert(
            W::definition(),
            factory,
            Arc::new(|options| options.register_workflow::<W>().map(drop)),
        )
    }

    /// Registers a workflow implementation whose instances the factory `make` returns.
    ///
    /// # Errors
    ///
    /// [`RegistrationError::DuplicateWorkflowType`] if the type is registered already, and
    /// [`RegistrationError::FactoryWithInit`] if the workflow has an `#[init]` method.
    pub fn register_with_factory<W, F>(&mut self, make: F) -> Result<&mut Self, RegistrationError>
    where
        W: WorkflowImplementation,
        <W::Run as WorkflowDefinition>::Input: Send,
        F: Fn() -> W + Send + Sync + 'static,
    {
        let workflow_type = W::definition().workflow_type;
        if W::HAS_INIT {
            return Err(RegistrationError::FactoryWithInit { workflow_type });
        }
        let make = Arc::new(make);
        let replayer: ReplayerRegistration = {
            let make = make.clone();
            Arc::new(move |options| {
                let make = make.clone();
                options
                    .register_workflow_with_factory::<W, _>(move || make())
                    .map(drop)
            })
        };
        let factory: Factory = Arc::new(move |input, interceptors| {
            let (arguments, converter, context) = into_parts(input, interceptors);
            let data = SerializationContextData::Workflow(WorkflowSerializationContext::new());
            let run_input = converter
                .from_payloads(&SerializationContext::new(&data, &converter), arguments)?;
            Ok(Box::new(GuestWorkflowInstance::<W>::new_with_workflow(
                make(),
                context,
                Some(run_input),
            )))
        });
        self.insert(W::definition(), factory, replayer)
    }

    /// Adds an interceptor to every workflow instance, inside of those added before.
    pub fn workflow_interceptor(
        &mut self,
        constructor: WorkflowInterceptorConstructor,
    ) -> &mut Self {
        self.interceptors.push(constructor);
        self
    }

    /// Adds the workflow types of `others`, except those that are registered here already and those
    /// for which `leaves_out` returns `true`. Adds the interceptors of `others` if there are none
    /// here.
    pub fn inherit(&mut self, others: &Self, leaves_out: impl Fn(&str) -> bool) {
        let workflows = Arc::make_mut(&mut self.workflows);
        for (workflow_type, registered) in &*others.workflows {
            if !leaves_out(workflow_type) {
                workflows
                    .entry(workflow_type.clone())
                    .or_insert_with(|| registered.clone());
            }
        }
        if self.interceptors.is_empty() {
            self.interceptors.clone_from(&others.interceptors);
        }
    }

    /// Returns the registered workflow types, in alphabetical order.
    pub fn types(&self) -> impl Iterator<Item = &str> {
        self.workflows.keys().map(String::as_str)
    }

    /// Returns `true` if an implementation of this workflow type is registered.
    pub fn contains(&self, workflow_type: &str) -> bool {
        self.workflows.contains_key(workflow_type)
    }

    /// Returns the names of the signals that a workflow type handles, in the order of its
    /// definition; `None` if the type is not registered.
    pub fn signals(&self, workflow_type: &str) -> Option<Vec<String>> {
        self.workflows
            .get(workflow_type)
            .map(|registered| registered.descriptor.signals.clone())
    }

    /// Registers everything with the SDK's own replayer, interceptors included.
    ///
    /// # Errors
    ///
    /// One of the workflow types is registered there already.
    pub fn register_with_replayer(
        &self,
        options: &mut WorkflowReplayerOptions,
    ) -> Result<(), WorkflowRegistrationError> {
        for registered in self.workflows.values() {
            (registered.replayer)(options)?;
        }
        options.register_workflow_interceptors(self.interceptors.clone());
        Ok(())
    }

    /// Creates an instance of a workflow type.
    pub(crate) fn instantiate(
        &self,
        workflow_type: &str,
        input: InstanceInput,
    ) -> Result<Box<dyn WorkflowInstance>, NoInstance> {
        let registered = self
            .workflows
            .get(workflow_type)
            .ok_or(NoInstance::UnknownType)?;
        (registered.factory)(input, self.interceptors.clone()).map_err(NoInstance::Conversion)
    }

    fn insert(
        &mut self,
        descriptor: WorkflowDefinitionDescriptor,
        factory: Factory,
        replayer: ReplayerRegistration,
    ) -> Result<&mut Self, RegistrationError> {
        let workflow_type = descriptor.workflow_type.clone();
        if self.workflows.contains_key(&workflow_type) {
            return Err(RegistrationError::DuplicateWorkflowType { workflow_type });
        }
        Arc::make_mut(&mut self.workflows).insert(
            workflow_type,
            Registered {
                descriptor,
                factory,
                replayer,
            },
        );
        Ok(self)
    }
}

impl fmt::Debug for WorkflowDefinitions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.types()).finish()
    }
}

fn into_parts(
    input: InstanceInput,
    interceptors: Vec<WorkflowInterceptorConstructor>,
) -> (Vec<Payload>, PayloadConverter, BaseWorkflowContext) {
    let arguments = input.initialize_workflow.arguments.clone();
    let converter = input.data_converter.payload_converter().clone();
    let init = WorkflowInit {
        namespace: input.namespace,
        task_queue: input.task_queue,
        run_id: input.run_id,
        initialize_workflow: input.initialize_workflow,
    };
    let context = BaseWorkflowContext::from_raw(
        init,
        input.data_converter,
        input.host,
        input.patch_activation_callback,
        interceptors,
    );
    (arguments, converter, context)
}
