"""Activities and Nexus operations beside workflows: standalone, paused, behind an endpoint."""

import asyncio
import uuid
from datetime import timedelta

import pytest
from payments import BankHandler, Order, Payment, charge, watch
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.nexus.v1 import EndpointSpec, EndpointTarget
from temporalio.api.operatorservice.v1 import CreateNexusEndpointRequest
from temporalio.api.workflowservice.v1 import (
    PauseActivityRequest,
    UnpauseActivityRequest,
)
from temporalio.client import ActivityFailureError
from temporalio.exceptions import CancelledError
from temporalio.worker import Worker

QUEUE = "bank"


@pytest.fixture
def client(local):
    return local.client


def bank(client):
    return Worker(
        client,
        task_queue=QUEUE,
        workflows=[Order, Payment],
        activities=[charge, watch],
        nexus_service_handlers=[BankHandler()],
    )


async def test_a_client_awaits_a_standalone_activity_that_is_retried(client):
    async with bank(client):
        handle = await client.start_activity(
            charge,
            100,
            id=f"charge-{uuid.uuid4()}",
            task_queue=QUEUE,
            start_to_close_timeout=timedelta(seconds=10),
        )
        assert await handle.result() == 100
        description = await handle.describe()
        assert description.attempt == 3


async def test_a_standalone_activity_is_cancelled(client):
    async with bank(client):
        handle = await client.start_activity(
            watch,
            id=f"watch-{uuid.uuid4()}",
            task_queue=QUEUE,
            start_to_close_timeout=timedelta(minutes=5),
            heartbeat_timeout=timedelta(seconds=1),
        )
        await asyncio.sleep(0.5)
        await handle.cancel()
        with pytest.raises(ActivityFailureError) as failed:
            await handle.result()
        assert isinstance(failed.value.__cause__, CancelledError)


async def test_a_paused_activity_waits_until_it_is_unpaused(client):
    service = client.workflow_service
    async with bank(client):
        handle = await client.start_workflow(
            Payment.run, 100, id=f"payment-{uuid.uuid4()}", task_queue=QUEUE
        )
        execution = WorkflowExecution(workflow_id=handle.id)
        while not (await handle.describe()).raw_description.pending_activities:
            await asyncio.sleep(0.05)
        await service.pause_activity(
            PauseActivityRequest(
                namespace=client.namespace, execution=execution, type="charge"
            )
        )
        await asyncio.sleep(4)
        pending = (await handle.describe()).raw_description.pending_activities[0]
        assert pending.paused
        await service.unpause_activity(
            UnpauseActivityRequest(
                namespace=client.namespace, execution=execution, unpause_all=True
            )
        )
        assert await handle.result() == 100


async def test_a_workflow_calls_an_operation_with_a_workflow_behind_it(client):
    endpoint = f"bank-{uuid.uuid4()}"
    target = EndpointTarget.Worker(namespace=client.namespace, task_queue=QUEUE)
    await client.operator_service.create_nexus_endpoint(
        CreateNexusEndpointRequest(
            spec=EndpointSpec(name=endpoint, target=EndpointTarget(worker=target))
        )
    )
    async with bank(client):
        result = await client.execute_workflow(
            Order.run, args=[endpoint, 100], id=f"order-{uuid.uuid4()}", task_queue=QUEUE
        )
        assert result == 100
