import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { notify, TaskUpdater } from '../../src/index.ts';
import type { Scope } from '../../src/index.ts';
import type { ScopeRecord } from '../../collector/index.ts';
import { recorded } from './support/recorded.ts';
import { turn } from './support/turn.ts';

test('1,000 parallel scopes stay apart, each with its own notifications, in one heading', async () => {
  const { attempts, log, record, spans } = recorded();
  const updater = new TaskUpdater({ taskName: 'T' });
  await updater.scope('All', () =>
    Promise.all(
      Array.from({ length: 1000 }, (_, at) =>
        updater.scope(`Part ${at}`, async () => {
          notify(`${at} begins`);
          for (let turns = at % 3; turns >= 0; turns--) await turn();
          updater.notify(`${at} ends`);
          if (at % 10 === 0) throw new Error(`${at} fails`);
        }),
      ),
    ),
  );
  updater.insertFinalUpdate();
  expect((await record(updater)).jobs).toEqual({ total: 1000, finished: 900, failed: 100, running: 0 });
  const parts = (await attempts(updater))[0]!.scopes[0]!.scopes;
  expect(parts).toHaveLength(1000);
  for (const [at, part] of parts.entries()) {
    expect(part.notifications.map(({ message }) => message)).toEqual([`${at} begins`, `${at} ends`]);
    expect(part.outcome).toBe(at % 10 === 0 ? 'failed' : 'completed');
  }
  expect(await spans()).toHaveLength(1002);

  // Every line is under the name of its scope.
  let under = '';
  let warnings = 0;
  for (const line of (await log(updater)).split('\n')) {
    if (line.startsWith('\t - ')) under = line.replace(' (continued)', '').slice(4);
    const [, number] = /^\t(\d+) (?:begins|ends)$/.exec(line) ?? /^Error: (\d+) fails$/.exec(line) ?? [];
    if (number === undefined) continue;
    expect(under).toBe(`Part ${number}`);
    warnings++;
  }
  expect(warnings).toBe(2100);
});

test('scopes nest 100 deep, with an error that passes through all of them', async () => {
  const { attempts, log, record, spans } = recorded();
  const updater = new TaskUpdater({ taskName: 'T', suppressException: false });
  const error = new Error('at the bottom');
  const descend = async (depth: number): Promise<void> => {
    await turn();
    notify(`level ${depth}`);
    if (depth === 100) throw error;
    await updater.scope(`Level ${depth + 1}`, () => descend(depth + 1));
  };
  await expect(updater.scope('Level 1', () => descend(1))).rejects.toBe(error);
  updater.insertFinalUpdate();
  expect(await record(updater)).toMatchObject({
    state: 'failed',
    exception: 'at the bottom',
    jobs: { total: 1, failed: 1 },
  });
  let depth = 0;
  for (let scope: ScopeRecord | undefined = (await attempts(updater))[0]!.scopes[0]; scope; scope = scope.scopes[0]) {
    depth++;
    expect(scope).toMatchObject({ name: `Level ${depth}`, outcome: 'failed', heading: depth < 100 });
    expect(scope.notifications.map(({ message }) => message)).toEqual([`level ${depth}`]);
  }
  expect(depth).toBe(100);
  expect((await log(updater)).match(/Error: at the bottom/g)).toHaveLength(1);
  expect(new Set((await spans()).map((span) => span.spanContext().traceId)).size).toBe(1);
});

test('scopes nest 5,000 deep from synchronous code too, opened and ended by hand', async () => {
  const { record } = recorded();
  const updater = new TaskUpdater({ taskName: 'T' });
  const scopes: Scope[] = [updater.scope('Level 1')];
  while (scopes.length < 5000) scopes.push(scopes.at(-1)!.scope(`Level ${scopes.length + 1}`));
  for (const scope of scopes) scope.complete();
  scopes.at(-1)!.notify('to the task, far above');
  updater.insertFinalUpdate();
  expect(await record(updater)).toMatchObject({ state: 'completed', jobs: { total: 1, finished: 1 } });
  expect((await record(updater)).log).toContain('to the task, far above');
});

test('100,000 notifications in one scope are all recorded, in order, though its span keeps 128', async () => {
  const { log, attempts, span } = recorded();
  const updater = new TaskUpdater({ taskName: 'T' });
  updater.scope('Job', (job) => {
    for (let at = 0; at < 100_000; at++) job.notify(`line ${at}`);
  });
  const lines = (await log(updater)).split('\n').filter((line) => line.startsWith('\tline '));
  expect(lines).toHaveLength(100_000);
  expect(lines.every((line, at) => line === `\tline ${at}`)).toBe(true);
  expect((await attempts(updater))[0]!.scopes[0]!.notification_count).toBe(100_000);
  expect((await span('Job')).events).toHaveLength(128);
});

test('a task that has ended can be garbage collected, and so can its scopes', async () => {
  recorded();
  const gone = await (async () => {
    const updater = new TaskUpdater({ taskName: 'T' });
    const scope = updater.scope('Block');
    await scope.run(() => updater.scope('Job', async (job) => [...job.each([1, 2, 3])]));
    updater.scope('Breaks', () => scope.fail(new Error('no')));
    updater.insertFinalUpdate();
    return [new WeakRef(updater), new WeakRef(scope)];
  })();
  await turn();
  collectGarbage();
  expect(gone.map((ref) => ref.deref())).toEqual([undefined, undefined]);
});

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}
