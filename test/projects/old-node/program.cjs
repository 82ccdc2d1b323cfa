const { runTask } = require('taskspan');
const { startTaskspan } = require('taskspan/collector');

async function main() {
  const taskspan = await startTaskspan({ serve: { port: 0 } });
  const result = await runTask('On an old Node.js', async (updater) => {
    updater.notify('reported');
    return 'done';
  });
  await taskspan.flush();
  await taskspan.close();
  console.log(JSON.stringify({ result, failures: taskspan.failures.map(({ message }) => message) }));
}

main();
