//! The methods by which a cluster carries Nexus requests from one namespace to another.

use tonic::Status;

use crate::{
    api::rpc::PollNexusTaskQueueResponse,
    frontend::nexus_task,
    matching,
    messages::nexus_completion::CompleteNexusOperationRequest,
    state::{
        abroad::{GuestRequest, Parcel},
        service::Service,
        task_queues::{Poller, QueueKey},
    },
};

impl Service {
    /// Takes the parcels for other namespaces.
    pub(crate) fn take_parcels(&mut self) -> Vec<Parcel> {
        std::mem::take(&mut self.parcels)
    }

    /// Offers a request of a run in another namespace to the workers of this one.
    pub(crate) fn accept_request(&mut self, now_ms: u64, task_queue: &str, request: GuestRequest) {
        self.advance(now_ms);
        matching::offer_guest_request(self, task_queue, request);
    }

    /// Returns the task for a worker in another namespace; `None` if the request is stale.
    pub(crate) fn start_request(
        &mut self,
        now_ms: u64,
        request: &GuestRequest,
    ) -> Option<PollNexusTaskQueueResponse> {
        self.advance(now_ms);
        matching::start_nexus_task::start_abroad(self, request)
    }

    /// Answers a poll that met a request of another namespace. Without a task it goes on waiting.
    pub(crate) fn answer_poll(
        &mut self,
        poller: Poller,
        queue: QueueKey,
        task: Option<PollNexusTaskQueueResponse>,
    ) {
        let id = poller.id;
        if let Some(task) = task {
            self.reply(id, Ok(task.into()));
        } else if let Err(refused) = matching::poll(self, queue, poller) {
            self.reply(id, Err(refused));
        }
    }

    /// Ends an operation of a run of this namespace.
    ///
    /// # Errors
    ///
    /// NOT_FOUND if no run waits for the operation.
    pub(crate) fn accept_completion(
        &mut self,
        now_ms: u64,
        completion: CompleteNexusOperationRequest,
    ) -> Result<(), Status> {
        self.advance(now_ms);
        let completed = nexus_task::complete(self, completion).map(|_| ());
        self.settle();
        completed
    }
}
