//! Deliveries from one workflow to another, which the service carries: the start of a child and its
//! end, signals, cancel requests. They are messages like any other: each has a latency, and may
//! meet faults.

use durasim_engine::Choices;
use durasim_service::{DeliveryId, DeliveryKind, DeliverySummary};

use super::{
    network::{Hold, Message},
    state::State,
    tolerance::tolerance,
};
use crate::{
    faults::{Delay, DeliveryFate, DeliveryView, HOLD_MS, LATE_DELIVERY_MS},
    label::{Action, Delivery, Label, Name},
    recording::Touch,
};

impl State {
    /// Sends the deliveries that came up on their way: latency, then what faults make of each.
    pub(super) fn carry_deliveries(&mut self) {
        for delivery in self.service.take_new_deliveries() {
            let label = self.delivery(&delivery);
            let taken = self.choices.taken_count();
            let latency =
                self.latency
                    .delay(&mut self.choices, self.now_ms, Label::Delivery(label));
            let fault = self.fault_of_delivery(&delivery, label);
            let delay = latency + fault;
            if delay == Delay::default() {
                self.watch_faults(None, None);
                continue;
            }
            let touch = if fault == Delay::default() {
                Touch::None
            } else {
                Touch::Held
            };
            self.watch_delivery(&delivery, Label::Delivery(label), touch);
            let held_by = (delay.events > 0).then(|| last_entry(&self.choices, taken));
            self.service.hold_delivery(delivery.id);
            let message = Message::Delivery(delivery.id, held_by.flatten());
            let hold = Hold::at_most(HOLD_MS);
            self.calls
                .network
                .send_held(self.now_ms, delay, message, hold);
        }
    }

    /// Lets timers under a second fire when a server would, whose timer queue reads a second ahead.
    pub(super) fn postpone_short_timers(&mut self) {
        for timer in self.service.take_short_timers() {
            let workflow = self.names.known(&timer.workflow_id);
            let fires_ms = self
                .latency
                .of_short_timer(&mut self.choices, self.now_ms, workflow);
            self.service.postpone(&timer, fires_ms);
        }
    }

    /// Asks the faults what becomes of a delivery. Returns the delay that they add.
    fn fault_of_delivery(&mut self, delivery: &DeliverySummary, label: Delivery) -> Delay {
        if !self.faults.any() {
            return Delay::default();
        }
        let tolerance = tolerance!(self);
        let view = DeliveryView {
            delivery: label,
            tolerates_delay: tolerance.tolerates_late_delivery(delivery, LATE_DELIVERY_MS),
            is_answered: matches!(label.action, Action::Signal(_) | Action::Cancel),
            tolerates_repeat: tolerance.tolerates_second_delivery(delivery),
        };
        self.faults.hurry(tolerance.hurries());
        match self.faults.delivery(&mut self.choices, self.now_ms, &view) {
            Some(DeliveryFate::Late(delay)) => return delay,
            Some(DeliveryFate::AnswerLost) => self.service.lose_delivery_answer(delivery.id),
            None => {}
        }
        Delay::default()
    }

    /// Makes a delivery that was under way.
    pub(super) fn make_delivery(&mut self, id: DeliveryId, held_by: Option<usize>) {
        if let Some(entry) = held_by {
            self.tell_arrival_of(entry, "it");
        }
        self.record("deliver", format_args!("between workflows"));
        self.watch_delivered(id);
        self.service.release_delivery(self.now_ms, id);
    }

    /// Returns the label of a delivery.
    fn delivery(&mut self, delivery: &DeliverySummary) -> Delivery {
        let receiver = &delivery.receiver.workflow_id;
        let (receiver, action) = match &delivery.kind {
            DeliveryKind::StartChild { workflow_type } => {
                (self.names.appears(receiver, workflow_type), Action::Start)
            }
            DeliveryKind::ChildClosed => (self.names.known(receiver), Action::ChildEnd),
            DeliveryKind::ParentClosed => (self.names.known(receiver), Action::ParentEnd),
            DeliveryKind::Signal { name } => {
                (self.names.known(receiver), Action::Signal(Name::new(name)))
            }
            _ => (self.names.known(receiver), Action::Cancel),
        };
        Delivery {
            sender: self.names.known(&delivery.sender.workflow_id),
            receiver,
            action,
        }
    }
}

/// Returns the number of the last entry on the tape, if it has more than so many.
fn last_entry(choices: &Choices, more_than: usize) -> Option<usize> {
    let count = choices.taken_count();
    (count > more_than).then(|| count - 1)
}
