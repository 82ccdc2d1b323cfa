import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../support/node-process.ts';
import { recordsOf, startScript, storeIn } from './script.ts';

/** Each test starts four processes one after the other. */
const TIMEOUT_MS = 60_000;

const CONTINUING = fileURLToPath(new URL('./continuing-process.ts', import.meta.url));

/** A task that hands over to other processes by each way that a carrier can travel. */
async function handingOver(way: string): Promise<string> {
  const folder = await temporaryFolder();
  const script = await startScript(
    folder,
    `import { spawn } from 'node:child_process';
     import { once } from 'node:events';
     import { carrierEnv } from '${new URL('../../../src/index.ts', import.meta.url).href}';

     const start = (how, env) => spawn(process.execPath, ['--disable-warning=ExperimentalWarning', '${CONTINUING}', how, '${way}'],
       { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'inherit'] });
     const taskspan = await startTaskspan();
     await runTask('Sender', async (updater) => {
       updater.plan(3);
       for (const how of ['env', 'json', 'http']) {
         await updater.scope('Send by ' + how, async (scope) => {
           await allCommitted(taskspan);
           const child = start(how, how === 'env' ? carrierEnv(scope.carrier()) : {});
           const ended = once(child, 'exit');
           if (how === 'json') child.stdin.write(JSON.stringify({ carrier: scope.carrier(), more: 1 }));
           child.stdin.end();
           if (how === 'http') {
             const [url] = await once(child.stdout.setEncoding('utf8'), 'data');
             await fetch(url.trim(), { method: 'POST', headers: { ...scope.carrier() } });
           }
           const [code] = await ended;
           if (code !== 0) throw new Error(how + ' ended with ' + code);
         });
       }
     });
     await allCommitted(taskspan);
     await taskspan.close();`,
  );
  expect(await script.ended).toMatchObject({ code: 0, stderr: '' });
  return folder;
}

const DONE = '\t\tSuccessfully completed\n\t\tTime spent: 0h0m\n';
const WAYS = ['env', 'json', 'http'];

test('parts in other processes make one record and log with the task', { timeout: TIMEOUT_MS }, async () => {
  const store = storeIn(await handingOver('part'));
  const records = await recordsOf(store);
  expect([...records.keys()]).toEqual(['Sender']);
  const { task_uuid: uuid, log, ...record } = records.get('Sender')!;
  expect(record).toMatchObject({ state: 'completed', attempt: 1, jobs: { total: 6, finished: 6 }, facts_missing: 0 });
  expect(log.replaceAll(/in process \d+/g, 'in process')).toBe(
    WAYS.map((how) => `\t - Send by ${how}\n\t - Part by ${how}\n\tin process\n\t - Inside\n${DONE}\t - Send by ${how} (continued)\n${DONE}`).join('') +
      '\tTask Finished - 3 out of 3 jobs finished\n',
  );
  expect(new Set(log.match(/in process \d+/g))).toHaveLength(3);
  const [attempt] = (await store.scopes(uuid))!.attempts;
  expect(attempt!.scopes.map(({ heading, scopes }) => [heading, scopes.map(({ name }) => name)])).toEqual(
    WAYS.map((how) => [false, [`Part by ${how}`]]),
  );
});

test('child tasks in other processes have their own records, and a scope each in their parent', { timeout: TIMEOUT_MS }, async () => {
  const store = storeIn(await handingOver('child'));
  const records = await recordsOf(store);
  expect([...records.keys()]).toEqual(['Sender', ...WAYS.map((how) => `Child by ${how}`)]);
  const { task_uuid: uuid, trace_id: trace, log } = records.get('Sender')!;
  for (const how of WAYS) {
    expect(records.get(`Child by ${how}`)).toMatchObject({
      state: 'completed', parent_task_uuid: uuid, trace_id: trace,
      log: `\t - Work\n\tthe child works\n${DONE}\tTask Finished - 1 out of 1 jobs finished\n`,
    });
    expect(log).toContain(`\t - Send by ${how}\n\t - Child by ${how}\n${DONE}\t - Send by ${how} (continued)\n${DONE}`);
  }
});

test('attempts in several processes are of one task', { timeout: TIMEOUT_MS }, async () => {
  const store = storeIn(await handingOver('attempt'));
  const records = await recordsOf(store);
  expect([...records.keys()]).toEqual(['Sender']);
  const { task_uuid: uuid, log, ...record } = records.get('Sender')!;
  // Each carrier is of the first attempt: three attempts have the number 2, as their source gave it.
  expect(record).toMatchObject({ state: 'completed', attempt: 2 });
  expect((await store.scopes(uuid))!.attempts.map(({ attempt }) => attempt)).toEqual([1, 2, 2, 2]);
  for (const [at, how] of WAYS.entries()) expect(log).toContain(`\tAttempt 2${at === 0 ? '' : ', again'}\n\tagain by ${how}\n`);
});
