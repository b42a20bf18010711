"""The patterns of Temporal in Python, unchanged, under the SDK's own test environment on durasim."""

import asyncio
import time
import uuid
from datetime import timedelta

import pytest
from patterns import (
    ACTIVITIES,
    WORKFLOWS,
    Approval,
    Batch,
    Cart,
    FetchAndProcess,
    LargeFile,
    Parent,
    Reminder,
    Shopping,
    Versioned,
    Waiter,
)
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
)
from temporalio.exceptions import CancelledError, WorkflowAlreadyStartedError
from temporalio.service import RPCError
from temporalio.worker import Replayer, Worker

QUEUE = "patterns"


@pytest.fixture(params=["skipping", "local"])
def env(request, skipping, local):
    return {"skipping": skipping, "local": local}[request.param]


@pytest.fixture
async def worker(env):
    async with Worker(
        env.client, task_queue=QUEUE, workflows=WORKFLOWS, activities=ACTIVITIES
    ) as worker:
        yield worker


@pytest.fixture
async def skipping_worker(skipping):
    async with Worker(
        skipping.client, task_queue=QUEUE, workflows=WORKFLOWS, activities=ACTIVITIES
    ) as worker:
        yield worker


def new_id() -> str:
    return f"w-{uuid.uuid4()}"


async def replays(handle) -> None:
    """Has the SDK replay the history that durasim wrote."""
    replayer = Replayer(workflows=WORKFLOWS)
    result = await replayer.replay_workflow(await handle.fetch_history())
    assert result.replay_failure is None


async def test_activities_follow_each_other(env, worker):
    handle = await env.client.start_workflow(
        FetchAndProcess.run, "example.com", id=new_id(), task_queue=QUEUE
    )
    assert await handle.result() == "PAGE OF EXAMPLE.COM"
    await replays(handle)


async def test_a_failing_activity_is_retried(skipping, skipping_worker):
    url = f"flaky-{uuid.uuid4()}"
    result = await skipping.client.execute_workflow(
        FetchAndProcess.run, url, id=new_id(), task_queue=QUEUE
    )
    assert result == f"PAGE OF {url.upper()}"


async def test_a_month_takes_a_moment(skipping, skipping_worker):
    began, at = time.monotonic(), await skipping.get_current_time()
    result = await skipping.client.execute_workflow(
        Reminder.run, "ann", id=new_id(), task_queue=QUEUE
    )
    assert result == "reminded ann"
    assert time.monotonic() - began < 10
    assert await skipping.get_current_time() - at >= timedelta(days=30)


async def test_an_approval_by_signal(env, worker):
    handle = await env.client.start_workflow(
        Approval.run, "item-1", id=new_id(), task_queue=QUEUE
    )
    assert await handle.query(Approval.status) == "pending"
    await handle.signal(Approval.approve)
    assert await handle.result() == "processed item-1"
    assert await handle.query(Approval.status) == "approved"
    await replays(handle)


async def test_an_approval_expires(skipping, skipping_worker):
    handle = await skipping.client.start_workflow(
        Approval.run, "item-1", id=new_id(), task_queue=QUEUE
    )
    await skipping.sleep(timedelta(hours=23))
    assert await handle.query(Approval.status) == "pending"
    assert await handle.result() == "expired"


async def test_a_batch_keeps_the_errors(env, worker):
    result = await env.client.execute_workflow(
        Batch.run, ["a", "bad", "c"], id=new_id(), task_queue=QUEUE
    )
    assert result == {
        "results": ["  page of a ", "  page of c "],
        "errors": ["bad: ActivityError"],
    }


async def test_a_retry_gets_the_details_of_the_last_heartbeat(
    skipping, skipping_worker
):
    first, lines = await skipping.client.execute_workflow(
        LargeFile.run, 100, id=new_id(), task_queue=QUEUE
    )
    assert 0 < first <= 51 and lines == 100


async def test_children_run_beside_each_other(skipping, skipping_worker):
    at = await skipping.get_current_time()
    result = await skipping.client.execute_workflow(
        Parent.run, ["a", "b", "c"], id=new_id(), task_queue=QUEUE
    )
    assert result == ["A", "B", "C"]
    assert await skipping.get_current_time() - at < timedelta(hours=2)


async def test_a_patch(env, worker):
    handle = await env.client.start_workflow(
        Versioned.run, "page", id=new_id(), task_queue=QUEUE
    )
    assert await handle.result() == "v2 page"
    await replays(handle)


async def test_updates_and_continue_as_new(skipping, skipping_worker):
    handle = await skipping.client.start_workflow(
        Shopping.run, Cart(), id=new_id(), task_queue=QUEUE
    )
    with pytest.raises(WorkflowUpdateFailedError):
        await handle.execute_update(Shopping.add, "")
    for count, item in enumerate(["tea", "milk", "salt", "rice"], start=1):
        assert await handle.execute_update(Shopping.add, item) == count
    await handle.signal(Shopping.close)
    assert await handle.result() == ["tea", "milk", "salt", "rice"]


async def test_a_cancelled_workflow_cleans_up(env, worker):
    handle = await env.client.start_workflow(Waiter.run, id=new_id(), task_queue=QUEUE)
    await handle.cancel()
    with pytest.raises(WorkflowFailureError) as failure:
        await handle.result()
    assert isinstance(failure.value.cause, CancelledError)
    types = [event.event_type async for event in handle.fetch_history_events()]
    assert len(types) > 8
    await replays(handle)


async def test_a_workflow_id_is_taken_once(env, worker):
    workflow_id = new_id()
    await env.client.start_workflow(
        Approval.run, "item", id=workflow_id, task_queue=QUEUE
    )
    with pytest.raises(WorkflowAlreadyStartedError):
        await env.client.start_workflow(
            Approval.run, "item", id=workflow_id, task_queue=QUEUE
        )
    await env.client.get_workflow_handle(workflow_id).terminate("done with it")


async def test_fifty_workflows_beside_each_other(env, worker):
    results = await asyncio.gather(
        *[
            env.client.execute_workflow(
                FetchAndProcess.run, f"page-{n}", id=new_id(), task_queue=QUEUE
            )
            for n in range(50)
        ]
    )
    assert results == [f"PAGE OF PAGE-{n}" for n in range(50)]


async def test_workflows_are_listed_and_counted(env, worker):
    prefix = f"listed-{uuid.uuid4()}"
    for n in range(3):
        await env.client.execute_workflow(
            Versioned.run, "page", id=f"{prefix}-{n}", task_queue=QUEUE
        )
    query = f"WorkflowId STARTS_WITH '{prefix}' AND ExecutionStatus = 'Completed'"
    ids = [found.id async for found in env.client.list_workflows(query)]
    assert sorted(ids) == [f"{prefix}-{n}" for n in range(3)]
    assert (await env.client.count_workflows(query)).count == 3
    grouped = await env.client.count_workflows(f"{query} GROUP BY ExecutionStatus")
    assert [(g.group_values, g.count) for g in grouped.groups] == [(["Completed"], 3)]


async def test_search_attributes_are_registered_set_and_queried(env, worker):
    customer = SearchAttributeKey.for_keyword(f"Customer{uuid.uuid4().hex}")
    attributes = TypedSearchAttributes([SearchAttributePair(customer, "ann")])

    async def start():
        return await env.client.start_workflow(
            Approval.run,
            "item",
            id=new_id(),
            task_queue=QUEUE,
            search_attributes=attributes,
        )

    with pytest.raises(RPCError, match="no mapping defined"):
        await start()
    await env.client.operator_service.add_search_attributes(
        AddSearchAttributesRequest(
            namespace="default",
            search_attributes={customer.name: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD},
        )
    )
    handle = await start()
    query = f"{customer.name} = 'ann'"
    assert [found.id async for found in env.client.list_workflows(query)] == [handle.id]
    await handle.terminate("done with it")
