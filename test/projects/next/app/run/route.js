import { spawnSync } from 'node:child_process';
import { runTask } from 'taskspan';
import { startTaskspan } from 'taskspan/collector';

export const dynamic = 'force-dynamic';

const UUID = '54bf5712-b9ec-11e9-afdd-8c16454a0938';

/** A program that waits until the task's log at this URL has a line, and prints the log. */
const ASK = `
  const read = async () => (await fetch(process.argv[1], { headers: { Accept: 'text/plain' } })).text();
  let log = await read();
  while (!log.includes('reported')) log = await read();
  process.stdout.write(log);
`;

export async function GET() {
  const taskspan = await startTaskspan({ store: 'tasks.sqlite', serve: { port: 0 } });
  // This process blocks its event loop while the other process reads the log.
  const asked = runTask('Blocked', (updater) => {
    updater.notify('reported');
    const program = ['--input-type=module', '--eval', ASK, `${taskspan.url}/tasks/${UUID}`];
    return spawnSync(process.env.NODE, program, { timeout: 30_000, encoding: 'utf8' }).stdout;
  }, { taskUuid: UUID });
  await taskspan.close();
  return Response.json({ asked, failures: taskspan.failures.map(({ message }) => message) });
}
