"""Schedules in Python, on durasim: time skips from action to action."""

import uuid
from datetime import datetime, timedelta, timezone

import pytest
from patterns import Approval
from temporalio import workflow
from temporalio.client import (
    Schedule,
    ScheduleActionExecutionStartWorkflow,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleBackfill,
    ScheduleCalendarSpec,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleState,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Worker

QUEUE = "schedules"
HOUR = timedelta(hours=1)


@workflow.defn
class Total:
    """Adds one to the result of the run before it."""

    @workflow.run
    async def run(self) -> int:
        last = workflow.get_last_completion_result(int) or 0
        return last + 1


def new_id() -> str:
    return f"s-{uuid.uuid4()}"


def totals(schedule_id: str) -> ScheduleActionStartWorkflow:
    return ScheduleActionStartWorkflow(
        Total.run, id=f"total-{schedule_id}", task_queue=QUEUE
    )


def hourly(schedule_id: str, **state) -> Schedule:
    return Schedule(
        action=totals(schedule_id),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=HOUR)]),
        state=ScheduleState(**state),
    )


@pytest.fixture
async def worker(skipping):
    async with Worker(
        skipping.client, task_queue=QUEUE, workflows=[Total, Approval]
    ) as worker:
        yield worker


async def test_a_schedule_acts_while_time_skips(skipping, worker):
    schedule_id = new_id()
    handle = await skipping.client.create_schedule(schedule_id, hourly(schedule_id))
    await skipping.sleep(timedelta(days=1))
    info = (await handle.describe()).info
    assert info.num_actions == 24
    assert info.num_actions_skipped_overlap == 0
    last = info.recent_actions[-1].action
    assert isinstance(last, ScheduleActionExecutionStartWorkflow)
    run = skipping.client.get_workflow_handle(last.workflow_id)
    # Each run gets the result of the run before it.
    assert await run.result() == 24
    await handle.delete()


async def test_a_schedule_does_not_hurry_a_test_that_waits_for_a_workflow(
    skipping, worker
):
    schedule_id = new_id()
    handle = await skipping.client.create_schedule(schedule_id, hourly(schedule_id))
    result = await skipping.client.execute_workflow(
        Approval.run, "order", id=new_id(), task_queue=QUEUE
    )
    assert result == "expired"
    # It waited for a day.
    assert (await handle.describe()).info.num_actions >= 24
    await handle.delete()


async def test_a_paused_schedule_acts_only_when_it_is_told_to(skipping, worker):
    schedule_id = new_id()
    handle = await skipping.client.create_schedule(
        schedule_id, hourly(schedule_id, paused=True, note="not yet")
    )
    await skipping.sleep(10 * HOUR)
    assert (await handle.describe()).info.num_actions == 0
    await handle.trigger(overlap=ScheduleOverlapPolicy.ALLOW_ALL)
    now = await skipping.get_current_time()
    await handle.backfill(
        ScheduleBackfill(
            start_at=now - 5 * HOUR,
            end_at=now,
            overlap=ScheduleOverlapPolicy.BUFFER_ALL,
        )
    )
    await skipping.sleep(timedelta(minutes=1))
    assert (await handle.describe()).info.num_actions == 6
    await handle.unpause(note="now")
    await skipping.sleep(2 * HOUR)
    description = await handle.describe()
    assert description.schedule.state.note == "now"
    assert description.info.num_actions == 8
    await handle.delete()


async def test_a_schedule_has_so_many_actions(skipping, worker):
    schedule_id = new_id()
    schedule = hourly(schedule_id, limited_actions=True, remaining_actions=3)
    handle = await skipping.client.create_schedule(schedule_id, schedule)
    await skipping.sleep(timedelta(days=1))
    description = await handle.describe()
    assert description.info.num_actions == 3
    assert description.schedule.state.remaining_actions == 0


async def test_an_update_moves_a_schedule_to_another_time_zone(skipping, worker):
    schedule_id = new_id()
    handle = await skipping.client.create_schedule(schedule_id, hourly(schedule_id))

    def to_new_york(update: ScheduleUpdateInput) -> ScheduleUpdate:
        schedule = update.description.schedule
        morning = ScheduleCalendarSpec(hour=[ScheduleRange(9)])
        schedule.spec = ScheduleSpec(
            calendars=[morning], time_zone_name="America/New_York"
        )
        schedule.policy = SchedulePolicy(overlap=ScheduleOverlapPolicy.BUFFER_ONE)
        return ScheduleUpdate(schedule=schedule)

    await handle.update(to_new_york)
    description = await handle.describe()
    assert description.schedule.policy.overlap == ScheduleOverlapPolicy.BUFFER_ONE
    times = description.info.next_action_times
    assert len(times) == 10
    assert {time.astimezone(timezone.utc).hour for time in times} <= {13, 14}
    await handle.delete()


async def test_an_id_is_taken_once_and_a_schedule_is_found_by_it(skipping):
    schedule_id = new_id()
    client = skipping.client
    handle = await client.create_schedule(
        schedule_id, hourly(schedule_id), memo={"owner": "ann"}
    )
    with pytest.raises(ScheduleAlreadyRunningError):
        await client.create_schedule(schedule_id, hourly(schedule_id))
    found = [
        entry
        async for entry in await client.list_schedules(f"ScheduleId = '{schedule_id}'")
    ]
    assert [entry.id for entry in found] == [schedule_id]
    assert await found[0].memo_value("owner") == "ann"
    assert found[0].info.next_action_times[0] > datetime.now(timezone.utc)
    await handle.delete()
    with pytest.raises(RPCError) as error:
        await handle.describe()
    assert error.value.status == RPCStatusCode.NOT_FOUND
