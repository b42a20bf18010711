//! The end of a sequence: workers without mistakes bring every run to its end, and every call gets
//! its answer.

use durasim_service::Rpc;
use temporalio_protos::temporal::api::{
    command::v1::{self as command, CancelWorkflowExecutionCommandAttributes, command::Attributes},
    common::v1::WorkflowExecution,
    nexus::v1::request::Variant as NexusRequest,
    taskqueue::v1::TaskQueue,
    update::v1::{self as update, WaitPolicy},
    workflowservice::v1::*,
};

use super::{
    commands::Begun,
    messages::UpdateMessage,
    parts::*,
    workers::{completion, poll_activity_task, poll_nexus_task, poll_workflow_task, query_answer},
    world::World,
};

/// More rounds than any sequence needs.
const ROUNDS: usize = 20_000;

impl World {
    /// Replaces every worker by one without mistakes. Nothing that was begun may be lost.
    pub(crate) fn settle(&mut self) {
        self.workflow_tasks.clear();
        self.activity_tasks.clear();
        self.nexus_tasks.clear();
        self.give_up_polls();
        self.service.rest_schedules();
        // At first the runs go on without any new command. The runs that still wait are woken after
        // that.
        self.rounds(300, false);
        let runs = self.service.executions();
        let open: Vec<_> = runs.filter(|run| run.open).collect();
        for run in open {
            self.wake(WorkflowExecution {
                workflow_id: run.workflow_id,
                run_id: run.run_id,
            });
        }
        self.rounds(ROUNDS, true);
        self.take_stock();
    }

    /// Wakes a run by a signal; by an update, if it takes no more signals.
    fn wake(&mut self, execution: WorkflowExecution) {
        self.send(SignalWorkflowExecutionRequest {
            namespace: namespace(),
            workflow_execution: Some(execution.clone()),
            signal_name: "end".to_owned(),
            ..SignalWorkflowExecutionRequest::default()
        });
        self.send(UpdateWorkflowExecutionRequest {
            namespace: namespace(),
            workflow_execution: Some(execution),
            wait_policy: Some(WaitPolicy { lifecycle_stage: 3 }),
            request: Some(update::Request {
                meta: Some(update::Meta {
                    update_id: "end".to_owned(),
                    ..update::Meta::default()
                }),
                input: Some(update::Input {
                    name: "end".to_owned(),
                    ..update::Input::default()
                }),
                ..update::Request::default()
            }),
            ..UpdateWorkflowExecutionRequest::default()
        });
    }

    fn take_stock(&self) {
        let open: Vec<_> = self.service.executions().filter(|run| run.open).collect();
        assert!(open.is_empty(), "nothing ends these: {open:#?}");
        assert!(
            self.unanswered.is_empty(),
            "never answered: {:?}",
            self.unanswered
        );
        assert_eq!(
            self.service.next_due_ms(),
            None,
            "something is due after everything has ended"
        );
    }

    fn rounds(&mut self, most: usize, closes: bool) {
        for _ in 0..most {
            if self.work_well(closes) {
                continue;
            }
            let Some(due_ms) = self.service.next_due_ms() else {
                return;
            };
            self.now_ms = self.now_ms.max(due_ms);
            self.service.fire(self.now_ms, 0);
            self.collect();
        }
    }

    /// Polls every queue once, and answers the tasks. Returns `true` if there was a task.
    fn work_well(&mut self, closes: bool) -> bool {
        for queue in self.service.task_queues() {
            if queue.backlog == 0 {
                continue;
            }
            if queue.is_activity {
                self.send(poll_activity_task(&queue.name));
                continue;
            }
            let mut poll = poll_workflow_task(queue.name.starts_with("sticky"));
            poll.task_queue = Some(TaskQueue {
                name: queue.name,
                ..poll.task_queue.unwrap_or_default()
            });
            self.send(poll);
        }
        self.send(poll_nexus_task());
        self.collect();
        self.give_up_polls();
        let (workflow_tasks, activity_tasks, nexus_tasks) = (
            std::mem::take(&mut self.workflow_tasks),
            std::mem::take(&mut self.activity_tasks),
            std::mem::take(&mut self.nexus_tasks),
        );
        let has_worked =
            !(workflow_tasks.is_empty() && activity_tasks.is_empty() && nexus_tasks.is_empty());
        for task in workflow_tasks {
            self.answer_well(task, closes);
        }
        for task in activity_tasks {
            self.send(RespondActivityTaskCompletedRequest {
                task_token: task.task_token,
                ..RespondActivityTaskCompletedRequest::default()
            });
        }
        for task in nexus_tasks {
            let is_start = matches!(
                task.request.and_then(|it| it.variant),
                Some(NexusRequest::StartOperation(_))
            );
            self.answer_nexus_task(task.task_token, is_start, 3);
        }
        self.collect();
        has_worked
    }

    fn answer_well(&mut self, task: PollWorkflowTaskQueueResponse, closes: bool) {
        if task.query.is_some() {
            return self.send(query_answer(task.task_token, 1));
        }
        let answers = task
            .messages
            .iter()
            .flat_map(|it| UpdateMessage::answers(&it.protocol_instance_id, 1));
        let mut completion = completion(
            task.task_token,
            &[],
            &Begun::default(),
            answers.collect(),
            0,
        );
        if closes {
            // This ends even a cron schedule.
            completion.commands.push(command::Command {
                attributes: Some(Attributes::CancelWorkflowExecutionCommandAttributes(
                    CancelWorkflowExecutionCommandAttributes::default(),
                )),
                ..command::Command::default()
            });
        }
        self.send(completion);
    }

    fn give_up_polls(&mut self) {
        let polls: Vec<_> = self
            .unanswered
            .iter()
            .filter(|(_, rpc)| {
                matches!(
                    rpc,
                    Rpc::PollWorkflowTaskQueue
                        | Rpc::PollActivityTaskQueue
                        | Rpc::PollNexusTaskQueue
                )
            })
            .map(|(id, _)| *id)
            .collect();
        for id in polls {
            self.abandon(id);
        }
    }
}
