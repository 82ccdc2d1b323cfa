import { runTask } from 'taskspan';
import { startTaskspan } from 'taskspan/collector';

const taskspan = await startTaskspan({ store: 'tasks.sqlite', serve: { port: 0 } });
const uuid = runTask('Here', (updater) => {
  updater.notify('reported');
  return updater.taskUuid;
});
await taskspan.flush();
const answer = await fetch(`${taskspan.url}/tasks/${uuid}`, { headers: { Accept: 'text/plain' } });
const log = await answer.text();
process.stdout.write(JSON.stringify({ log, failures: taskspan.failures.map(({ message }) => message) }));
await taskspan.close();
