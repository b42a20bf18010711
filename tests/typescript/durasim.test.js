// The SDK's own test environments, on durasim in the place of the servers that it downloads.
const assert = require('node:assert/strict');
const path = require('node:path');
const { after, before, describe, it } = require('node:test');
const { TestWorkflowEnvironment } = require('@temporalio/testing');
const { DefaultLogger, Runtime, Worker } = require('@temporalio/worker');
const { add, approve, status } = require('./workflows');

const server = {
  executable: {
    type: 'existing-path',
    path: process.env.DURASIM ?? path.join(__dirname, '../../target/debug/durasim'),
  },
};
const taskQueue = 'patterns';
const activities = {
  async greet(user) {
    if (user === 'bob' && attempts++ < 2) throw new Error('not yet');
    return `hello ${user}`;
  },
};
let attempts = 0;

Runtime.install({ logger: new DefaultLogger('ERROR') });

const environments = {
  skipping: () => TestWorkflowEnvironment.createTimeSkipping({ server }),
  local: () => TestWorkflowEnvironment.createLocal({ server }),
};

for (const [name, create] of Object.entries(environments)) {
  describe(name, () => {
    let env, worker, running, workflow;

    before(async () => {
      env = await create();
      workflow = env.client.workflow;
      worker = await Worker.create({
        connection: env.nativeConnection,
        taskQueue,
        workflowsPath: require.resolve('./workflows'),
        activities,
      });
      running = worker.run();
    });

    after(async () => {
      worker.shutdown();
      await running;
      await env.teardown();
    });

    it('takes signals, queries and updates', async () => {
      const handle = await workflow.start('approval', { taskQueue, workflowId: 'signals' });
      assert.equal(await handle.query(status), 'pending');
      assert.equal(await handle.executeUpdate(add, { args: ['tea'] }), 1);
      await handle.signal(approve);
      assert.equal(await handle.result(), 'approved: tea');
      assert.equal(await handle.query(status), 'approved');
    });

    it('cancels a workflow, which cleans up', async () => {
      const handle = await workflow.start('waiter', { taskQueue, workflowId: 'cancelled' });
      await handle.cancel();
      await assert.rejects(handle.result(), { name: 'WorkflowFailedError' });
    });

    it('lists workflows', async () => {
      await workflow.start('approval', { taskQueue, workflowId: 'listed' });
      const query = "WorkflowId = 'listed' AND ExecutionStatus = 'Running'";
      const found = [];
      for await (const run of workflow.list({ query })) found.push(run.workflowId);
      assert.deepEqual(found, ['listed']);
      await workflow.getHandle('listed').terminate('done with it');
    });

    if (name === 'skipping') {
      it('skips a month', async () => {
        const options = { args: ['ann'], taskQueue, workflowId: 'month' };
        assert.equal(await workflow.execute('reminder', options), 'hello ann');
      });

      it('retries an activity', async () => {
        const options = { args: ['bob'], taskQueue, workflowId: 'retried' };
        assert.equal(await workflow.execute('reminder', options), 'hello bob');
        assert.equal(attempts, 3);
      });

      it('lets a wait time out', async () => {
        const options = { taskQueue, workflowId: 'expired' };
        assert.equal(await workflow.execute('approval', options), 'expired');
      });
    }
  });
}
