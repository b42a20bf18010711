"""Tasks that a worker gets without a poll."""

import uuid

from patterns import ACTIVITIES, WORKFLOWS, FetchAndProcess
from temporalio.worker import Worker

QUEUE = "eager"


async def test_a_worker_gets_the_first_task_of_a_workflow_that_it_starts(local):
    async with Worker(
        local.client, task_queue=QUEUE, workflows=WORKFLOWS, activities=ACTIVITIES
    ):
        handle = await local.client.start_workflow(
            FetchAndProcess.run,
            "example.com",
            id=f"w-{uuid.uuid4()}",
            task_queue=QUEUE,
            request_eager_start=True,
        )
        assert await handle.result() == "PAGE OF EXAMPLE.COM"
        history = await handle.fetch_history()
    started = history.events[0].workflow_execution_started_event_attributes
    assert started.eager_execution_accepted
