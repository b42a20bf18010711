//! The workflow types a worker can run, each with the factory of its instances.

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
use temporalio_workflow::{
    __private::sdk::{GuestWorkflowInstance, WorkflowHost, WorkflowInit, WorkflowInstance},
    BaseWorkflowContext,
    workflow_interceptors::WorkflowInterceptorConstructor,
    workflows::WorkflowImplementation,
};

/// What a host hands over to create one workflow instance.
pub(crate) struct InstanceInput {
    pub(crate) namespace: String,
    pub(crate) task_queue: String,
    pub(crate) run_id: String,
    pub(crate) initialize_workflow: InitializeWorkflow,
    pub(crate) data_converter: DataConverter,
    pub(crate) host: Rc<dyn WorkflowHost>,
}

type Factory = Arc<
    dyn Fn(
            InstanceInput,
            Vec<WorkflowInterceptorConstructor>,
        ) -> Result<Box<dyn WorkflowInstance>, PayloadConversionError>
        + Send
        + Sync,
>;

/// Why a workflow type cannot be registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistrationError {
    /// Another implementation has the same workflow type.
    #[error("workflow type {workflow_type} is already registered")]
    DuplicateWorkflowType {
        /// The type given twice.
        workflow_type: String,
    },
    /// A factory would bypass the `#[init]` method that the workflow type has.
    #[error("workflow type {workflow_type} has an #[init] method and cannot be registered with a factory")]
    FactoryWithInit {
        /// The type with an `#[init]` method.
        workflow_type: String,
    },
}

/// The workflow types a worker can run.
///
/// Cheap to clone, and `Send + Sync`, so that a history can be replayed on another thread with the same
/// definitions.
#[derive(Clone, Default)]
pub struct WorkflowDefinitions {
    factories: BTreeMap<String, Factory>,
    interceptors: Vec<WorkflowInterceptorConstructor>,
}

impl WorkflowDefinitions {
    /// No workflow types.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a workflow implementation under the type name that its definition has.
    ///
    /// # Errors
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
        self.insert(W::definition().workflow_type, factory)
    }

    /// Registers a workflow implementation whose instances the given factory makes.
    ///
    /// # Errors
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
        let factory: Factory = Arc::new(move |input, interceptors| {
            let (arguments, converter, context) = into_parts(input, interceptors);
            let data = SerializationContextData::Workflow(WorkflowSerializationContext::new());
            let run_input =
                converter.from_payloads(&SerializationContext::new(&data, &converter), arguments)?;
            Ok(Box::new(GuestWorkflowInstance::<W>::new_with_workflow(make(), context, Some(run_input))))
        });
        self.insert(workflow_type, factory)
    }

    /// Adds an interceptor that every workflow instance gets, outermost first.
    pub fn workflow_interceptor(&mut self, constructor: WorkflowInterceptorConstructor) -> &mut Self {
        self.interceptors.push(constructor);
        self
    }

    /// The registered workflow types, in alphabetical order.
    pub fn types(&self) -> impl Iterator<Item = &str> {
        self.factories.keys().map(String::as_str)
    }

    /// Whether an implementation of this workflow type is registered.
    pub fn contains(&self, workflow_type: &str) -> bool {
        self.factories.contains_key(workflow_type)
    }

    fn insert(&mut self, workflow_type: String, factory: Factory) -> Result<&mut Self, RegistrationError> {
        if self.factories.contains_key(&workflow_type) {
            return Err(RegistrationError::DuplicateWorkflowType { workflow_type });
        }
        self.factories.insert(workflow_type, factory);
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
    let context = BaseWorkflowContext::from_raw(init, input.data_converter, input.host, None, interceptors);
    (arguments, converter, context)
}
