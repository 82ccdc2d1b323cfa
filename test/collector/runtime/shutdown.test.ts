import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { expect, onTestFinished, test, vi } from 'vitest';
import { memoryStore, sqliteStore, TaskSpanProcessor } from '../../../collector/index.ts';
import type { TaskStore } from '../../../collector/index.ts';
import { runTask, TaskUpdater } from '../../../src/index.ts';
import { diagnosed } from '../../src/support/diagnosed.ts';
import { registered } from '../../src/support/recorded.ts';
import { turn } from '../../src/support/turn.ts';
import { heldClock } from '../../support/held-clock.ts';
import { temporaryFolder } from '../../support/node-process.ts';

vi.mock('../../../collector/timers.ts', () => import('../../support/global-timers.ts'));

/** The longest that a shutdown waits for its store: for the flush, and as long for the end. */
const LIMIT_MS = 4000;

/** An application's own provider, whose processor keeps the record. */
function providerTo(store: TaskStore): NodeTracerProvider {
  return registered({ spanProcessors: [new TaskSpanProcessor({ store, beatIntervalMs: 0, retention: false })] });
}

/** A store in a file that another connection has locked, until a commit has failed so often. */
async function lockedStore(failures: number): Promise<TaskStore> {
  const path = join(await temporaryFolder(), 'tasks.sqlite');
  const store = sqliteStore(path);
  await store.open();
  const other = new DatabaseSync(path);
  other.exec('BEGIN IMMEDIATE');
  const append = store.append.bind(store);
  store.append = (facts) =>
    append(facts).catch((error: unknown) => {
      if (--failures === 0) other.exec('ROLLBACK');
      throw error;
    });
  onTestFinished(async () => {
    other.close();
    await store.close();
  });
  return store;
}

test.each(['shutdown', 'forceFlush'] as const)('%s() waits for a store that is locked', async (method) => {
  const reported = diagnosed();
  const store = await lockedStore(2);
  const provider = providerTo(store);
  const uuid = runTask('task', (updater) => {
    for (let step = 0; step < 100; step++) updater.notify(`step ${step}`);
    return updater.taskUuid;
  });
  await provider[method]();
  expect(await store.task(uuid)).toMatchObject({ state: 'completed' });
  expect((await store.log(uuid))!.text).toContain('\tstep 99\n');
  expect(reported).toEqual([
    'taskspan: facts could not be committed, trying again: database is locked',
    'taskspan: facts are being committed again',
  ]);
});

test('shutdown() gives up a store that stays locked, and reports how much is lost', async () => {
  const reported = diagnosed();
  const provider = providerTo(await lockedStore(Infinity));
  runTask('task', (updater) => updater.notify('said'));
  await provider.shutdown();
  expect(reported).toEqual([
    'taskspan: facts could not be committed, trying again: database is locked',
    'taskspan: 3 facts could not be committed before the end and are lost',
  ]);
});

test('shutdown() ends where a store never answers', async () => {
  const reported = diagnosed();
  const store = memoryStore();
  store.append = () => new Promise(() => undefined);
  const clock = heldClock();
  const provider = providerTo(store);
  runTask('task', () => undefined);
  const ending = provider.shutdown();
  await clock.pass(LIMIT_MS);
  await ending;
  expect(reported).toEqual(['taskspan: 2 facts could not be committed before the end and are lost']);
});

test.each([
  ['fails', (commit: PromiseWithResolvers<void>) => commit.reject(new Error('the store is closed'))],
  ['succeeds', (commit: PromiseWithResolvers<void>) => commit.resolve()],
])('after shutdown() has given up a store, nothing is reported of a commit under way that %s', async (_, end) => {
  const reported = diagnosed();
  const store = memoryStore();
  const commit = Promise.withResolvers<void>();
  let tries = 0;
  store.append = (facts) => {
    // The collector tries with none whether the store can be written.
    if (facts.length === 0) return Promise.resolve();
    return tries++ === 0 ? Promise.reject(new Error('locked')) : commit.promise;
  };
  const clock = heldClock();
  const provider = providerTo(store);
  runTask('task', () => undefined);
  const ending = provider.shutdown();
  await clock.pass(LIMIT_MS);
  await ending;
  end(commit);
  await turn();
  expect(reported).toEqual([
    'taskspan: facts could not be committed, trying again: locked',
    'taskspan: 2 facts could not be committed before the end and are lost',
  ]);
});

test('after shutdown() nothing more is taken, which is reported once and never thrown', async () => {
  const reported = diagnosed();
  const store = memoryStore();
  const append = vi.spyOn(store, 'append');
  const provider = providerTo(store);
  const open = new TaskUpdater({ taskName: 'open' });
  const scope = open.scope('also open');
  await provider.shutdown();
  await provider.shutdown();
  expect(reported).toEqual([]);
  append.mockClear();
  scope.notify('too late');
  scope.complete();
  open.complete();
  expect(runTask('later', (updater) => updater.scope('inside', () => 42))).toBe(42);
  await provider.forceFlush();
  expect(append).not.toHaveBeenCalled();
  expect(await store.task(open.taskUuid)).toMatchObject({ state: 'running' });
  expect((await store.tasks({ limit: 9 })).tasks).toHaveLength(1);
  expect(reported).toEqual([
    'taskspan: something is reported after shutdown() of the TaskSpanProcessor: nothing more is recorded',
    'taskspan: a task that begins after its collector was closed is not recorded',
  ]);
});
