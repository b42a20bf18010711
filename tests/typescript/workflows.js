// Workflows as people write them; they know nothing of durasim.
const workflow = require('@temporalio/workflow');

const { greet } = workflow.proxyActivities({ startToCloseTimeout: '1 minute' });

exports.approve = workflow.defineSignal('approve');
exports.status = workflow.defineQuery('status');
exports.add = workflow.defineUpdate('add');

exports.reminder = async function reminder(user) {
  await workflow.sleep('30 days');
  return greet(user);
};

exports.approval = async function approval() {
  let approved = false;
  const items = [];
  workflow.setHandler(exports.approve, () => {
    approved = true;
  });
  workflow.setHandler(exports.status, () => (approved ? 'approved' : 'pending'));
  workflow.setHandler(exports.add, async (item) => items.push(item));
  if (!(await workflow.condition(() => approved, '24 hours'))) return 'expired';
  return `approved: ${items.join()}`;
};

exports.waiter = async function waiter() {
  try {
    await workflow.sleep('1 hour');
  } finally {
    await workflow.CancellationScope.nonCancellable(() => greet('clean-up'));
  }
};
