import { spawnSync } from 'node:child_process';
import { runTask } from 'taskspan';
import { startTaskspan } from 'taskspan/collector';

export const dynamic = 'force-dynamic';

const UUID = '54bf5712-b9ec-11e9-afdd-8c16454a0938';

/**
 * A program that waits until the task's log at this URL has a line, prints the log and the statuses of the task's page and
 * of what it loads, and requests that the task is cancelled.
 */
const ASK = `
  const read = async () => (await fetch(process.argv[1], { headers: { Accept: 'text/plain' } })).text();
  let log = await read();
  while (!log.includes('reported')) log = await read();
  const page = await fetch(process.argv[1], { headers: { Accept: 'text/html' } });
  const urls = (await page.text()).matchAll(/(?:src|href)="(assets[/][^"]+)"/g);
  const loaded = [...urls].map(async ([, url]) => (await fetch(new URL(url, process.argv[1]))).status);
  process.stdout.write(log + [page.status, ...(await Promise.all(loaded))].join(' '));
  await fetch(process.argv[1] + '/cancel?by=ada', { method: 'POST' });
`;

export async function GET() {
  const taskspan = await startTaskspan({ store: 'tasks.sqlite', serve: { port: 0 } });
  let asked;
  let by;
  try {
    // This process blocks its event loop while the other process reads the log, and until it receives the request.
    runTask('Blocked', (updater) => {
      updater.notify('reported');
      const program = ['--input-type=module', '--eval', ASK, `${taskspan.url}/tasks/${UUID}`];
      asked = spawnSync(process.env.NODE, program, { timeout: 30_000, encoding: 'utf8' }).stdout;
      const until = Date.now() + 30_000;
      while (Date.now() < until) updater.scope('Step', () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20));
    }, { taskUuid: UUID });
  } catch (error) {
    by = error.by;
  }
  await taskspan.close();
  return Response.json({ asked, by, failures: taskspan.failures.map(({ message }) => message) });
}
