import { describe, expect, test } from 'vitest';
import { WatchedCommits } from '../../../collector/runtime/message-store.ts';
import { memoryStore } from '../../../collector/store/sqlite/sqlite-store.ts';
import { temporaryFolder } from '../../support/node-process.ts';
import { factsOf, uuidOf } from '../store/stored-task.ts';
import { startScript } from './script.ts';

/** What every script has: how often this process has its store open, and the thread's own handle. */
const HELPERS = `
import { readdirSync, readlinkSync } from 'node:fs';
import { channel } from 'node:diagnostics_channel';
import { DatabaseSync } from 'node:sqlite';
const workers = [];
channel('worker_threads').subscribe(({ worker }) => workers.push(worker));
const connections = () =>
  readdirSync('/proc/self/fd').filter((fd) => {
    try { return readlinkSync('/proc/self/fd/' + fd).endsWith('/taskspan.sqlite'); } catch { return false; }
  }).length;
const shown = ({ name, code, message }) => [name, code, message].join(': ');
`;

async function run(text: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await (await startScript(await temporaryFolder(), HELPERS + text)).ended;
  return { code, stdout, stderr };
}

describe('the store of the handle', () => {
  test('reads by the connection of the collector, and gives what it gives', async () => {
    const { stdout, stderr } = await run(
      `const taskspan = await startTaskspan();
       const uuid = await runTask('work', (updater) => { updater.notify('said'); return updater.taskUuid; });
       await allCommitted(taskspan);
       const before = connections();
       const { store } = taskspan;
       console.log((await store.task(uuid)).state, (await store.stored(uuid)).version > 0, await store.task('none'));
       console.log(JSON.stringify((await store.log(uuid)).text), (await store.tasks({ limit: 10 })).tasks.length);
       console.log(before === connections(), before > 0);
       await taskspan.close();`,
    );
    expect({ stdout, stderr }).toEqual({
      stdout: 'completed true undefined\n"\\tsaid\\n\\tTask Finished\\n" 1\ntrue true\n',
      stderr: '',
    });
  });

  test('rejects as the store does, and with a reason of its own after the end', async () => {
    const { stdout } = await run(
      `const taskspan = await startTaskspan();
       console.log(await taskspan.store.tasks({ limit: 1, cursor: 'none' }).catch((error) => error instanceof RangeError));
       const asked = taskspan.store.append([() => 'no data']).catch(({ name }) => name);
       console.log(await asked);
       await taskspan.close();
       console.log(await taskspan.store.tasks({ limit: 1 }).catch(shown));
       const missing = await startTaskspan({ store: 'missing/tasks.sqlite' });
       console.log((await missing.store.tasks({ limit: 1 }).catch(shown)).slice(0, 27));
       await missing.close();`,
    );
    expect(stdout).toBe('true\nDataCloneError\nTaskStoreError: UNAVAILABLE: the collector is closed\nTaskStoreError: UNAVAILABLE\n');
  });

  test('keeps the process alive while it is asked, and not afterwards', async () => {
    const answered = await run(
      `const { store } = await startTaskspan();
       store.watch(() => undefined);
       store.tasks({ limit: 1 }).then(() => store.tasks({ limit: 1 })).then(() => console.log('answered'));`,
    );
    expect(answered).toEqual({ code: 0, stdout: 'answered\n', stderr: '' });
  });

  test('hears of commits, also of those in a thread that was started again', async () => {
    const { stdout, code } = await run(
      `const taskspan = await startTaskspan();
       let heard;
       const next = () => new Promise((resolve) => (heard = resolve));
       taskspan.store.watch(() => heard?.());
       const alive = setInterval(() => undefined, 1000);
       const first = next();
       await runTask('one', () => undefined);
       await first;
       await allCommitted(taskspan);
       const other = new DatabaseSync('taskspan.sqlite', { timeout: 10_000 });
       other.exec('BEGIN IMMEDIATE');
       // A call that waits for the file's lock is still unanswered when the thread ends.
       const waiting = taskspan.store.lease('test', 'a', 1000).catch(shown);
       await workers.at(-1).terminate();
       console.log(await waiting);
       other.close();
       console.log(await taskspan.store.tasks({ limit: 1 }).catch(shown));
       await next();
       console.log((await taskspan.store.tasks({ limit: 1 })).tasks.length);
       const second = next();
       await runTask('two', () => undefined);
       await second;
       await taskspan.close();
       clearInterval(alive);`,
    );
    const ended = 'TaskStoreError: UNAVAILABLE: the collector thread has ended and is started again\n';
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${ended}${ended}1\n` });
  });
});

test.each([`':memory:'`, 'memoryStore()'])('with %s the store is that of the collector, without a thread and without a failure', async (store) => {
  const { stdout, stderr } = await run(
    `const taskspan = await startTaskspan({ store: ${store} });
     const uuid = await runTask('work', ({ taskUuid }) => taskUuid);
     await allCommitted(taskspan);
     console.log((await taskspan.store.task(uuid)).state, taskspan.failures.length, workers.length);
     await taskspan.close();`,
  );
  expect({ stdout, stderr }).toEqual({ stdout: 'completed 0 0\n', stderr: '' });
});

test('a commit between a call of watch and its arrival in the thread is heard, and further ones once each is asked for', async () => {
  const store = memoryStore();
  const posted: string[] = [];
  const watched = new WatchedCommits(store, ({ type }) => posted.push(type));
  await store.append(factsOf(uuidOf(1)));
  watched.watch(true);
  expect(posted).toEqual(['committed']);
  for (const number of [2, 3]) await store.append(factsOf(uuidOf(number)));
  expect(posted).toHaveLength(1);
  watched.watch(true);
  expect(posted).toHaveLength(2);
  watched.watch(true);
  expect(posted).toHaveLength(2);
  await store.append(factsOf(uuidOf(4)));
  expect(posted).toHaveLength(3);
});
