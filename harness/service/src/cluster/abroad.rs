//! The way of Nexus requests and completions from one namespace to another.

use crate::{
    cluster::Cluster,
    messages::request::Request,
    run::token,
    state::abroad::{Content, Parcel},
};

impl Cluster {
    /// Carries all parcels, and those that come of them.
    pub(super) fn carry(&mut self, now_ms: u64) {
        loop {
            let namespaces = self.namespaces.values_mut();
            let parcels: Vec<Parcel> = namespaces
                .flat_map(|namespace| namespace.service.take_parcels())
                .collect();
            if parcels.is_empty() {
                return;
            }
            for parcel in parcels {
                self.deliver(now_ms, parcel);
            }
        }
    }

    fn deliver(&mut self, now_ms: u64, parcel: Parcel) {
        // A request to a namespace that is gone finds no worker, and is given up.
        let receiver = self.namespaces.get_mut(&*parcel.namespace);
        let receiver = receiver.map(|namespace| &mut namespace.service);
        match parcel.content {
            Content::Request {
                task_queue,
                request,
            } => {
                if let Some(receiver) = receiver {
                    receiver.accept_request(now_ms, &task_queue, request);
                }
            }
            Content::Poll {
                host,
                queue,
                poller,
                request,
            } => {
                let task = receiver.and_then(|home| home.start_request(now_ms, &request));
                if let Some(host) = self.namespaces.get_mut(&*host) {
                    host.service.answer_poll(poller, queue, task);
                }
            }
            // If no run waits for the operation any more, its end is of no use.
            Content::Completion(completion) => {
                if let Some(receiver) = receiver {
                    let _ = receiver.accept_completion(now_ms, *completion);
                }
            }
        }
    }
}

/// Sends the answer to a request of another namespace home: replaces its token and its namespace by
/// those of the run.
pub(super) fn send_home(request: &mut Request) {
    let (namespace, task_token) = match request {
        Request::RespondNexusTaskCompleted(request) => {
            (&mut request.namespace, &mut request.task_token)
        }
        Request::RespondNexusTaskFailed(request) => {
            (&mut request.namespace, &mut request.task_token)
        }
        _ => return,
    };
    if let Some((home, token)) = token::home_of(task_token) {
        *namespace = home;
        *task_token = token;
    }
}
