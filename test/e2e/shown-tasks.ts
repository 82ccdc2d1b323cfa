/** Tasks of every kind that a page can show, made by real code in processes of their own. */
import { startScript } from '../collector/runtime/script.ts';
import type { TestProcess } from '../support/node-process.ts';

const root = new URL('../../', import.meta.url);

const IMPORTS = `
import { announceTask, runTask, TaskUpdater } from '${new URL('src/index.ts', root).href}';
import { startTaskspan } from '${new URL('collector/index.ts', root).href}';
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
`;

/** What would be markup, script, a way out of an attribute or of an element, or another direction of text. */
export const HOSTILE: Record<'name' | 'scope' | 'message' | 'error' | 'key' | 'value', string> = {
  name: '<img src=x onerror=alert(1)> \u202etxt.exe \u062a\u0642\u0631\u064a\u0631',
  scope: '</pre><script>alert(2)</script>',
  message: `</pre></title></textarea><script>alert(3)</script> {{7*7}} \u0000\u001b[31m ${'x'.repeat(3000)}`,
  error: '"><svg onload=alert(4)>',
  key: '"><b onclick=alert(5)>',
  value: "'\" onmouseover=alert(6) x=' </script><!-- javascript:alert(7)",
};

/** UUIDs of the tasks that {@link startShownTasks} makes, by what they show. */
export const SHOWN: Record<'completed' | 'failed' | 'cancelled' | 'queued' | 'running' | 'hostile' | 'lost' | 'seed', string> = {
  completed: '01a00000-0000-7000-8000-000000000001',
  failed: '01a00000-0000-7000-8000-000000000002',
  cancelled: '01a00000-0000-7000-8000-000000000003',
  queued: '01a00000-0000-7000-8000-000000000004',
  running: '01a00000-0000-7000-8000-000000000005',
  hostile: '01a00000-0000-7000-8000-000000000006',
  lost: '01a00000-0000-7000-8000-000000000007',
  seed: '01a00000-0000-7000-8000-000000000008',
};

/**
 * Makes one task of each kind in the folder's store. The process goes on with the running one until a file `stop` is in the
 * folder; another was killed, and left the lost one.
 */
export async function startShownTasks(folder: string): Promise<TestProcess> {
  const killed = await startScript(
    folder,
    `const taskspan = await startTaskspan({ beatIntervalMs: 50 });
     void runTask('Sync Salesforce', async (updater) => {
       updater.plan(2);
       await updater.scope('Fetch accounts', () => sleep(20));
       await updater.scope('Write accounts', async (scope) => {
         for (let account = 1; account <= 21; account++) { scope.notify('account ' + account); scope.progress(account, 812); }
         await taskspan.flush();
         console.log('begun');
         await sleep(600_000);
       });
     }, { taskUuid: '${SHOWN.lost}', attributes: { customer: 7 } });`,
    { imports: IMPORTS },
  );
  await killed.printed(/begun/);
  killed.kill('SIGKILL');
  await killed.ended;

  const process = await startScript(folder, MAKE, { imports: IMPORTS });
  await process.printed(/begun/);
  return process;
}

const MAKE = `
import { existsSync } from 'node:fs';
const hostile = ${JSON.stringify(HOSTILE)};
const taskspan = await startTaskspan();

await runTask('Generate monthly report', async (updater) => {
  updater.scope('Query', (scope) => scope.notify('4,812 rows'));
  updater.scope('Render', (scope) => scope.notify('12 pages'));
  updater.setResult({ pages: 12, file: 's3://reports/2026-11.pdf', totals: { eur: 19234.5, orders: 812 } });
}, { taskUuid: '${SHOWN.completed}', attributes: { customer: 42, month: '2026-11' } });

for (const attempt of [1, 2, 3]) {
  await runTask('Import customers', async (updater) => {
    updater.notify('customers-2026-11.csv, 2.4 MB');
    updater.scope('Read file', (scope) => scope.notify('20,817 rows'));
    await updater.scope('Write rows', async (rows) => {
      rows.scope('Write customers', (scope) => scope.notify('4,812 customers written'));
      rows.scope('Write addresses', (scope) => scope.notify('4,790 addresses written'));
      rows.scope('Write orders', (orders) => {
        orders.scope('Batch 1 of 3', (scope) => scope.notify('2,000 orders'));
        orders.scope('Batch 2 of 3', (scope) => {
          scope.notify('connection lost, trying again');
          throw new Error('could not write order 20817', { cause: Object.assign(new Error('deadlock detected'), { name: 'DatabaseError' }) });
        });
      });
    });
  }, { taskUuid: '${SHOWN.failed}', attempt, attributes: { customer: 42, file: 'customers-2026-11.csv', queue: 'imports', 'dry.run': false } }).catch(() => undefined);
}

{
  const cancelled = runTask('Import orders', async (updater) => {
    updater.plan(3);
    updater.scope('Read file', (scope) => scope.notify('812 rows'));
    await updater.scope('Write rows', async (scope) => {
      scope.progress(40, 812);
      while (!updater.signal.aborted) await sleep(10);
      updater.signal.throwIfAborted();
    });
  }, { taskUuid: '${SHOWN.cancelled}' });
  await taskspan.flush();
  await taskspan.store.cancel('${SHOWN.cancelled}', { by: 'ada', reason: 'the file was the wrong one' });
  await cancelled.catch(() => undefined);
}

await announceTask({ taskName: 'Import stock', taskUuid: '${SHOWN.queued}', attributes: { customer: 42 } });

await runTask(hostile.name, async (updater) => {
  updater.scope(hostile.scope, (scope) => { scope.notify(hostile.message); throw new Error(hostile.error); });
}, { taskUuid: '${SHOWN.hostile}', attributes: { [hostile.key]: hostile.value, link: 'javascript:alert(8)' } }).catch(() => undefined);

const running = runTask('Index the documents', async (updater) => {
  updater.plan(3);
  updater.scope('List folders', (scope) => scope.notify('5,000 documents in 12 folders'));
  await updater.scope('Write rows', async (scope) => {
    for (let document = 1; !existsSync('stop') && !updater.signal.aborted; document++) {
      if (document % 20 === 1) scope.notify('document ' + document);
      scope.progress(Math.min(document, 4999), 5000);
      if (document === 1204) await taskspan.flush().then(() => console.log('begun'));
      if (document > 1204) await sleep(50);
    }
    updater.signal.throwIfAborted();
  });
  updater.scope('Build the index', (scope) => scope.notify('done'));
}, { taskUuid: '${SHOWN.running}', attributes: { folder: '/data/documents' } });
await running.catch(() => undefined);
await taskspan.close();
`;

/** A task like the seed's example that takes its steps as files appear in the folder: \`step1\`, \`step2\`, … up to \`step5\`. */
export async function startSeedTask(folder: string): Promise<TestProcess> {
  const process = await startScript(
    folder,
    `import { existsSync } from 'node:fs';
     const taskspan = await startTaskspan();
     const step = async (number) => {
       await taskspan.flush();
       console.log('at ' + number);
       while (!existsSync('step' + number)) await sleep(10);
     };
     const message = 'Some notification related to the task';
     const updater = new TaskUpdater({ taskName: 'TEST', taskUuid: '${SHOWN.seed}' });
     await updater.scope('TEST - First part', async (scope) => { await step(1); scope.notify(message); await step(2); });
     await updater.scope('TEST - Second part', async (second) => {
       await second.scope('My subtask 1 in my task 2', async (scope) => { scope.notify(message); await step(3); });
       await second.scope('My subtask 2 in my task 2', async () => {
         await step(4);
         throw Object.assign(new Error('division by zero'), { name: 'ZeroDivisionError' });
       });
       await second.scope('My subtask 3 in my task 2', async (scope) => { scope.notify(message); await step(5); });
     });
     updater.insertFinalUpdate();
     await taskspan.close();`,
    { imports: IMPORTS },
  );
  await process.printed(/at 1/);
  return process;
}
