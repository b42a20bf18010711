"""Workflows by pattern, as people write them in Python; they know nothing of durasim."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError

calls: dict[str, int] = {}


def count(name: str) -> int:
    calls[name] = calls.get(name, 0) + 1
    return calls[name]


@activity.defn
async def fetch_data(url: str) -> str:
    if "flaky" in url and count(url) < 3:
        raise RuntimeError("connection reset")
    if "bad" in url:
        raise ApplicationError("no such page", non_retryable=True)
    return f"  page of {url} "


@activity.defn
async def process_data(raw: str) -> str:
    return raw.strip().upper()


@activity.defn
async def process_data_v2(raw: str) -> str:
    return f"v2 {raw.strip()}"


@activity.defn
async def process_item(item_id: str) -> str:
    return f"processed {item_id}"


@activity.defn
async def process_large_file(lines: int) -> list[int]:
    """Works line by line, and goes on where a lost attempt stopped."""
    details = activity.info().heartbeat_details
    first = details[0] if details else 0
    for line in range(first, lines):
        activity.heartbeat(line + 1)
        if line == lines // 2 and activity.info().attempt == 1:
            raise RuntimeError("the disk is away")
        await asyncio.sleep(0)
    return [first, lines]


@workflow.defn
class FetchAndProcess:
    @workflow.run
    async def run(self, url: str) -> str:
        raw = await workflow.execute_activity(
            fetch_data,
            url,
            start_to_close_timeout=timedelta(minutes=2),
            retry_policy=RetryPolicy(maximum_attempts=3),
        )
        return await workflow.execute_activity(
            process_data, raw, start_to_close_timeout=timedelta(minutes=5)
        )


@workflow.defn
class Approval:
    def __init__(self) -> None:
        self._approved = False
        self._status = "pending"

    @workflow.run
    async def run(self, item_id: str) -> str:
        try:
            await workflow.wait_condition(
                lambda: self._approved, timeout=timedelta(hours=24)
            )
        except asyncio.TimeoutError:
            self._status = "expired"
            return "expired"
        return await workflow.execute_activity(
            process_item, item_id, start_to_close_timeout=timedelta(minutes=5)
        )

    @workflow.signal
    async def approve(self) -> None:
        self._approved = True
        self._status = "approved"

    @workflow.query
    def status(self) -> str:
        return self._status


@workflow.defn
class Batch:
    def __init__(self) -> None:
        self._results: list[str] = []
        self._errors: list[str] = []

    @workflow.run
    async def run(self, urls: list[str]) -> dict[str, list[str]]:
        for url in urls:
            try:
                self._results.append(
                    await workflow.execute_activity(
                        fetch_data,
                        url,
                        start_to_close_timeout=timedelta(minutes=2),
                        retry_policy=RetryPolicy(maximum_attempts=2),
                    )
                )
            except Exception as error:
                self._errors.append(f"{url}: {type(error).__name__}")
        return {"results": self._results, "errors": self._errors}


@workflow.defn
class LargeFile:
    @workflow.run
    async def run(self, lines: int) -> list[int]:
        return await workflow.execute_activity(
            process_large_file,
            lines,
            start_to_close_timeout=timedelta(hours=1),
            heartbeat_timeout=timedelta(seconds=30),
        )


@workflow.defn
class Child:
    @workflow.run
    async def run(self, item: str) -> str:
        await asyncio.sleep(3600)
        return item.upper()


@workflow.defn
class Parent:
    @workflow.run
    async def run(self, items: list[str]) -> list[str]:
        handles = []
        for item in items:
            handles.append(
                await workflow.start_child_workflow(
                    Child.run, item, id=f"{workflow.info().workflow_id}-{item}"
                )
            )
        return list(await asyncio.gather(*handles))


@workflow.defn
class Versioned:
    @workflow.run
    async def run(self, url: str) -> str:
        process = process_data
        if workflow.patched("use-v2-processor"):
            process = process_data_v2
        return await workflow.execute_activity(
            process, url, start_to_close_timeout=timedelta(minutes=5)
        )


@dataclass
class Cart:
    items: list[str] = field(default_factory=list)


@workflow.defn
class Shopping:
    """An entity: updates change it, and it continues as new every third one."""

    @workflow.init
    def __init__(self, cart: Cart) -> None:
        self._cart = cart
        self._closed = False
        self._updates = 0

    @workflow.run
    async def run(self, cart: Cart) -> list[str]:
        await workflow.wait_condition(lambda: self._closed or self._updates >= 3)
        await workflow.wait_condition(workflow.all_handlers_finished)
        if not self._closed:
            workflow.continue_as_new(self._cart)
        return self._cart.items

    @workflow.update
    async def add(self, item: str) -> int:
        await asyncio.sleep(1)
        self._cart.items.append(item)
        self._updates += 1
        return len(self._cart.items)

    @add.validator
    def check(self, item: str) -> None:
        if not item:
            raise ValueError("an item has a name")

    @workflow.signal
    def close(self) -> None:
        self._closed = True


@workflow.defn
class Reminder:
    @workflow.run
    async def run(self, user: str) -> str:
        await asyncio.sleep(timedelta(days=30).total_seconds())
        return f"reminded {user}"


@workflow.defn
class Waiter:
    """Waits until it is cancelled, and cleans up."""

    @workflow.run
    async def run(self) -> str:
        try:
            await asyncio.sleep(3600)
            return "done"
        except asyncio.CancelledError:
            await workflow.execute_activity(
                process_item, "clean-up", start_to_close_timeout=timedelta(minutes=1)
            )
            raise


WORKFLOWS = [
    FetchAndProcess,
    Approval,
    Batch,
    LargeFile,
    Child,
    Parent,
    Versioned,
    Shopping,
    Reminder,
    Waiter,
]
ACTIVITIES = [
    fetch_data,
    process_data,
    process_data_v2,
    process_item,
    process_large_file,
]
