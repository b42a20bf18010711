//! `service_outage`: for a while the service refuses every call of everybody.
//!
//! On a real cluster all frontends restart, a database stalls, or a namespace is over its limit of
//! requests: the service answers UNAVAILABLE or RESOURCE_EXHAUSTED to clients and workers alike.
//! Its own timers run on, and tasks pile up in its queues. The polls of workers fail, and workers
//! poll again with a growing backoff; completions and heartbeats, and the calls of clients, are
//! made again by the official client (`temporalio-client: src/retry.rs`). So when the outage is
//! over, everything comes at once. A call that waits at the service already, such as that for the
//! result of a workflow, waits on.
//!
//! The official client gives up on a call after ten seconds. A drawn outage is over in two, and the
//! next one comes no sooner than half a minute later; it spares the calls that the official client
//! does not make again. One that is placed by hand may last for any time: then calls fail, and
//! completions are lost.

use durasim_service::Rpc;
use tonic::{Code, Status};

use super::client_unavailable::is_made_again;
use crate::{
    faults::{
        moments::{CallView, Direction, Fate, Moment, Outage},
        rule::{Family, FaultRule, Injection, Injector, Opportunity, Telling, fault},
        words::message_words,
    },
    words::duration_words,
};

/// The duration of an outage that is drawn, in virtual milliseconds. It is short enough not to fail
/// activities that are waiting to start.
const LASTS_MS: u64 = 2_000;

fault! {
    /// The service answers UNAVAILABLE to every call of clients and workers, for a while.
    ///
    /// It begins with a client's call, or with the completion of a workflow task: place it with
    /// [`of_signal`](crate::Fault::of_signal) or [`at`](crate::Fault::at), and say with
    /// [`by`](crate::Fault::by) how long it lasts, two seconds unless you do. With
    /// [`resource_exhausted`](crate::Fault::resource_exhausted) the answer is RESOURCE_EXHAUSTED,
    /// after which callers wait longer.
    ServiceOutage
}

fn lasts_ms(injection: &Injection) -> u64 {
    injection.delay.map_or(LASTS_MS, |delay| delay.ms)
}

fn code(injection: &Injection) -> Code {
    injection.pick(&[Code::Unavailable, Code::ResourceExhausted])
}

impl FaultRule for ServiceOutage {
    fn odds(&self) -> f64 {
        0.03
    }

    fn family(&self) -> Option<Family> {
        Some(Family::Messages)
    }

    fn telling(&self, _: Moment) -> Telling {
        Telling::Late
    }

    fn cure(&self) -> &'static str {
        "the service may be away for a while, and then everything comes at once: let workflow code \
         depend on no order of what happens meanwhile, and leave timeouts the time for it"
    }

    fn places(&self) -> &'static str {
        "where a client calls the service, and where a worker completes a workflow task"
    }

    fn message(&self, injector: &mut dyn Injector, message: &CallView<'_>) -> Option<Fate> {
        let rpc = message.rpc?;
        let is_point = match message.worker {
            None => is_made_again(rpc),
            Some(_) => rpc == Rpc::RespondWorkflowTaskCompleted,
        };
        if message.direction != Direction::Request || !is_point {
            return None;
        }
        let opportunity = Opportunity::new(message.label, Moment::Message)
            .ways(2)
            .tolerated_if(injector.tolerates_lost_tasks())
            .tolerated_when(message.tolerates_outage);
        let injection = injector.inject(opportunity, &|injection| {
            let answer = match code(injection) {
                Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
                _ => "UNAVAILABLE",
            };
            format!(
                "answer every call with {answer} for {}, from {} on",
                duration_words(lasts_ms(injection)),
                message_words(message.label)
            )
        })?;
        let words = "the service is down (fault service_outage)";
        Some(Fate::Outage(Outage {
            ms: lasts_ms(&injection),
            status: Status::new(code(&injection), words),
            by_hand: injection.by_hand,
        }))
    }
}
