"""The environments of these tests: `durasim` in the place of the servers that the SDK downloads."""

import os
from pathlib import Path

import pytest_asyncio
from temporalio.testing import WorkflowEnvironment

DURASIM = os.environ.get(
    "DURASIM", str(Path(__file__).parents[2] / "target" / "debug" / "durasim")
)


@pytest_asyncio.fixture(scope="session")
async def skipping():
    """A time-skipping environment, as any Python test has it, on durasim."""
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=DURASIM
    ) as env:
        yield env


@pytest_asyncio.fixture(scope="session")
async def local():
    """A development server in real time, as any Python test has it, on durasim."""
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=DURASIM
    ) as env:
        yield env
