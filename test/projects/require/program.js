const { runTask } = require('taskspan');
const { startTaskspan } = require('taskspan/collector');

async function main() {
  const taskspan = await startTaskspan({ store: 'tasks.sqlite' });
  const { text } = await runTask('Required', async (updater) => {
    updater.notify('reported');
    await taskspan.flush();
    return taskspan.store.log(updater.taskUuid);
  });
  console.log(JSON.stringify({ text, failures: taskspan.failures }));
  await taskspan.close();
}

main();
