"""A bank: activities that a client or a workflow calls, and a Nexus service with a workflow behind it."""

import asyncio
import uuid
from datetime import timedelta

import nexusrpc
from temporalio import activity, nexus, workflow
from temporalio.exceptions import ApplicationError


@activity.defn
async def charge(cents: int) -> int:
    """Refuses twice, and charges then."""
    if activity.info().attempt < 3:
        raise ApplicationError("not now")
    return cents


@activity.defn
async def watch() -> str:
    """Watches the vault until somebody asks it to stop."""
    while True:
        activity.heartbeat()
        await asyncio.sleep(0.05)


@workflow.defn
class Payment:
    @workflow.run
    async def run(self, cents: int) -> int:
        return await workflow.execute_activity(
            charge, cents, start_to_close_timeout=timedelta(seconds=10)
        )


@nexusrpc.service
class Bank:
    pay: nexusrpc.Operation[int, int]


@nexusrpc.handler.service_handler(service=Bank)
class BankHandler:
    @nexus.workflow_run_operation
    async def pay(
        self, ctx: nexus.WorkflowRunOperationContext, cents: int
    ) -> nexus.WorkflowHandle[int]:
        return await ctx.start_workflow(Payment.run, cents, id=f"payment-{uuid.uuid4()}")


@workflow.defn
class Order:
    """Pays by an operation of the bank."""

    @workflow.run
    async def run(self, endpoint: str, cents: int) -> int:
        client = workflow.create_nexus_client(service=Bank, endpoint=endpoint)
        return await client.execute_operation(Bank.pay, cents)
