"""Faults over the wire: `durasim serve --seed N --faults PRESET`, under an ordinary Python worker."""

import asyncio
import re
import signal
from datetime import timedelta

import pytest
from conftest import DURASIM
from patterns import ACTIVITIES, WORKFLOWS, FetchAndProcess
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.worker import Replayer, Worker


class Served:
    """A server with faults, and what it printed."""

    def __init__(self, process, first_line):
        self.process = process
        self.address = re.search(r"127\.0\.0\.1:\d+", first_line).group()

    @classmethod
    async def start(cls, *arguments):
        process = await asyncio.create_subprocess_exec(
            DURASIM,
            *("serve", "--port", "0", *arguments),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        line = await process.stdout.readline()
        return cls(process, line.decode())

    async def stop(self) -> str:
        self.process.send_signal(signal.SIGTERM)
        out, _ = await self.process.communicate()
        return out.decode()


@workflow.defn
class Order:
    """Collects three items by signal, each once, and pays for them."""

    def __init__(self) -> None:
        self.items: list[str] = []

    @workflow.run
    async def run(self) -> list[str]:
        await workflow.wait_condition(lambda: len(self.items) == 3)
        await workflow.execute_activity(
            pay,
            len(self.items),
            start_to_close_timeout=timedelta(seconds=1),
            retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=50)),
        )
        await workflow.sleep(timedelta(days=1))
        return sorted(self.items)

    @workflow.signal
    def add(self, item: str) -> None:
        if item not in self.items:
            self.items.append(item)


@activity.defn
async def pay(items: int) -> int:
    return items


async def order(client: Client, number: int) -> list[str]:
    handle = await client.start_workflow(
        Order.run, id=f"order-{number}", task_queue="orders"
    )
    await asyncio.gather(*(handle.signal(Order.add, item) for item in "abc"))
    result = await handle.result()
    replayed = await Replayer(workflows=[Order]).replay_workflow(
        await handle.fetch_history()
    )
    assert replayed.replay_failure is None
    return result


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_sound_workflow_survives_what_strikes(seed):
    faults = "client_unavailable,signal_delay,signal_reorder,message_delay,cache_eviction,activity_completion_lost"
    served = await Served.start(
        "--time", "skipping", "--seed", str(seed), "--faults", faults
    )
    client = await Client.connect(served.address)
    async with Worker(
        client, task_queue="orders", workflows=[Order], activities=[pay]
    ):
        results = await asyncio.gather(*(order(client, number) for number in range(5)))
    assert results == [["a", "b", "c"]] * 5
    out = await served.stop()
    assert f"faults struck (--seed {seed})" in out
    assert "hold signal add to Order#" in out


async def test_all_that_can_strike_over_the_wire():
    served = await Served.start("--faults", "messages", "--seed", "5")
    client = await Client.connect(served.address)
    async with Worker(
        client, task_queue="orders", workflows=[Order, *WORKFLOWS], activities=ACTIVITIES
    ):
        handles = [
            await client.start_workflow(
                FetchAndProcess.run, "example.com", id=f"page-{n}", task_queue="orders"
            )
            for n in range(5)
        ]
        pages = [await handle.result() for handle in handles]
    assert pages == ["PAGE OF EXAMPLE.COM"] * 5
    out = await served.stop()
    assert "durasim draws faults from --seed 5; only tests in Rust" in out


async def test_a_fault_that_needs_a_worker_of_durasim_is_refused():
    process = await asyncio.create_subprocess_exec(
        DURASIM,
        *("serve", "--port", "0", "--faults", "worker_crash"),
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await process.communicate()
    assert process.returncode == 1
    assert "has the faults worker_crash; over the wire there are" in err.decode()
