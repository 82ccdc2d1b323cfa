const { runTask } = require('taskspan');
const { memoryStore, startTaskspan } = require('taskspan/collector');

// The default of 5 seconds may be too short for a loaded machine.
const LIMIT_MS = 100_000;

test('a store in memory has the log of a task', async () => {
  const taskspan = await startTaskspan({ store: memoryStore() });
  const uuid = await runTask('In memory', async (updater) => {
    updater.notify('reported');
    return updater.taskUuid;
  });
  await taskspan.flush();
  expect((await taskspan.store.log(uuid)).text).toBe('\treported\n\tTask Finished\n');
  await taskspan.close();
}, LIMIT_MS);

test('the collector in its own thread serves the log of a task', async () => {
  const taskspan = await startTaskspan({ store: 'tasks.sqlite', serve: { port: 0 } });
  expect(taskspan.failures).toEqual([]);
  const uuid = await runTask('In a file', async (updater) => {
    updater.notify('reported');
    return updater.taskUuid;
  });
  await taskspan.flush();
  const answer = await fetch(`${taskspan.url}/tasks/${uuid}`, { headers: { Accept: 'text/plain' } });
  expect(await answer.text()).toBe('\treported\n\tTask Finished\n');
  await taskspan.close();
}, LIMIT_MS);
