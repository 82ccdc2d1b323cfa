import { expect, test, vi } from 'vitest';
import type { Fact } from '../../../src/fact.ts';
import { SqliteScopes } from '../../../collector/store/sqlite/scopes.ts';
import type { TaskStore } from '../../../collector/store/task-store.ts';
import { batches } from '../record/arbitrary-task.ts';
import { ScriptedTask, UUID } from '../record/scripted-task.ts';
import type { ScriptedScope } from '../record/scripted-task.ts';
import { expectedAfter, uuidOf, wholeOf } from './expected-task.ts';
import { newFile, storeIn } from './sqlite-file.ts';

/** More scopes than a store keeps in memory, and some that are still open. */
const SCOPES = 5000;

async function appendAll(store: TaskStore, appends: readonly (readonly Fact[])[]): Promise<void> {
  for (const facts of appends) await store.append(facts);
}

/** A task of many scopes that have ended, each tenth a heading; facts that were held up come last. */
function largeTask(isLate: (fact: Fact, scope: ScriptedScope) => boolean): { task: ScriptedTask; onTime: Fact[]; late: Fact[] } {
  const task = new ScriptedTask();
  const attempt = task.attempt();
  let heading: ScriptedScope | undefined;
  for (let at = 0; at < SCOPES; at++) {
    if (at % 10 === 0) {
      heading?.complete();
      heading = attempt.scope(`Part ${at / 10}`);
      heading.notify('begun');
      continue;
    }
    const scope = heading!.scope(`Job ${at}`);
    scope.progress(at % 7, 7);
    scope.notify(`line of ${at}`);
    if (at % 13 === 0) scope.fail({ name: 'Error', message: `no ${at}` });
    else if (at % 17 !== 0) scope.complete();
  }
  const scopes = new Map(attempt.scopes.map((scope) => [scope.ref.spanId, scope]));
  const late = task.facts.filter((fact) => {
    const scope = scopes.get(fact.span.spanId);
    return scope !== undefined && isLate(fact, scope);
  });
  const lateOnes = new Set(late);
  return { task, onTime: task.facts.filter((fact) => !lateOnes.has(fact)), late };
}

test('a running task of 5,000 scopes takes late facts of scopes that ended long ago', async () => {
  const { onTime, late } = largeTask(
    ({ kind, seq }, { name }) => /[37]$/.test(name) && (kind === 'notification' || kind === 'progress' || (kind === 'scope-end' && seq % 2 === 1)),
  );
  const appends = [...batches(onTime, [60]), ...batches(late, [1, 40])];
  const store = storeIn(newFile());
  await appendAll(store, appends);
  expect(late.length).toBeGreaterThan(500);
  expect(await wholeOf(store, UUID)).toEqual(expectedAfter(appends));
}, 60_000);

test('a running task of 5,000 scopes takes late scopes inside ones that ended long ago', async () => {
  const { onTime, late } = largeTask((_fact, { name }) => name.startsWith('Job ') && name.endsWith('5'));
  const appends = [...batches(onTime, [60]), ...batches(late, [1, 2, 40])];
  const store = storeIn(newFile());
  await appendAll(store, appends);
  expect(late.length).toBeGreaterThan(500);
  expect(await wholeOf(store, UUID)).toEqual(expectedAfter(appends));
}, 60_000);

test('a task of 5,000 scopes that two stores write by turns is one store\'s, also what was delivered before', async () => {
  const { onTime, late } = largeTask((_fact, { name }) => name.endsWith('3'));
  const path = newFile();
  const stores = [storeIn(path), storeIn(path)];
  const appends = [...batches(onTime, [170, 90]), ...batches(late, [40])];
  for (const [at, facts] of appends.entries()) {
    await stores[at % 2]!.append(facts);
    await stores[(at + 1) % 2]!.append([...(appends[at >> 1] ?? []), ...facts]);
  }
  for (const store of stores) expect(await wholeOf(store, UUID)).toEqual(expectedAfter(appends));
}, 60_000);

test('a plan by names that comes after 5,000 scopes counts those that ended long ago', async () => {
  const { task, onTime } = largeTask(() => false);
  const attempt = task.attempts[0]!;
  const late = task.during(() => {
    // Nothing inside these two is still open: the store has let go of them.
    attempt.plan({ 'Part 2': 2, 'Part 4': 1, 'Never begun': 1 });
    attempt.scope('Never begun').progress(1, 2);
  });
  const appends = [...batches(onTime, [60]), ...late.map((fact) => [fact])];
  const store = storeIn(newFile());
  await appendAll(store, appends);
  const whole = await wholeOf(store, UUID);
  expect(whole).toEqual(expectedAfter(appends));
  expect(whole.summary).toMatchObject({ progress: 0.875 });
}, 60_000);

test('a scope is named again after the line of one that the store has let go of', async () => {
  const task = new ScriptedTask();
  const attempt = task.attempt();
  const open = attempt.scope('Open');
  for (let at = 0; at < SCOPES; at++) attempt.scope(`Job ${at}`).complete();
  const begun = [...task.facts];
  const next = task.during(() => open.notify('still here'));
  const store = storeIn(newFile());
  await appendAll(store, [begun, next]);
  expect((await store.log(UUID, { from: -40 }))!.text).toMatch(/\t - Open \(continued\)\n\tstill here\n$/);
});

test('a task that has ended takes late facts, scopes and plans one by one', async () => {
  const task = new ScriptedTask();
  const attempt = task.attempt();
  const heading = attempt.scope('Heading');
  const [job, open] = [heading.scope('Job'), heading.scope('Open')];
  const inTime = [...task.facts];
  const heldUp = task.during(() => {
    attempt.plan({ Heading: 1, Other: 1 });
    job.notify('one');
    job.progress(1, 2);
    job.fail({ name: 'Error', message: 'x' });
    heading.scope('Late').complete();
  });
  const end = task.during(() => attempt.passOn());
  const after = task.during(() => {
    open.notify('two');
    open.complete();
    heading.complete();
  });
  const appends = [inTime, end, ...heldUp.map((fact) => [fact]), ...after.map((fact) => [fact]), after];
  const store = storeIn(newFile());
  await appendAll(store, appends);
  expect(await wholeOf(store, UUID)).toEqual(expectedAfter(appends));
});

test('700 tasks that run at once have each the right record, however long ago their last fact came', async () => {
  const tasks = Array.from({ length: 700 }, (_, number) => {
    const task = new ScriptedTask(uuidOf(number));
    const attempt = task.attempt();
    const scope = attempt.scope('Read file');
    const other = attempt.scope('Write rows');
    const begin = [...task.facts];
    const middle = task.during(() => scope.notify(`line of ${number}`));
    const end = task.during(() => {
      other.complete();
      scope.complete();
      attempt.complete();
    });
    return [begin, middle, end];
  });
  const store = storeIn(newFile());
  for (const part of [0, 1, 2]) await appendAll(store, batches(tasks.flatMap((parts) => parts[part]!), [500]));
  const { next: _next, tasks: stored } = await store.tasks({ limit: 1000 });
  expect(stored.length).toBe(700);
  for (const [number, parts] of tasks.entries()) {
    const { log, tree } = expectedAfter(parts);
    expect(await wholeOf(store, uuidOf(number))).toMatchObject({ log, tree, state: 'completed' });
  }
}, 60_000);

test('a plan of 500 names, 300 gaps and a chain of 250 scopes are read again by a store that did not write them', async () => {
  const task = new ScriptedTask();
  const attempt = task.attempt();
  attempt.plan(2);
  const all = attempt.scope('All');
  const [lost] = task.during(() => all.notify('instead of it comes an earlier plan'));
  all.plan(Object.fromEntries(Array.from({ length: 500 }, (_, file) => [`file-${file}`, 1 + (file % 3)])));
  for (let file = 0; file < 500; file += 7) all.scope(`file-${file}`).progress(file, 500);
  let innermost = attempt.scope('Chain');
  innermost.plan(1);
  for (let level = 0; level < 250; level++) {
    innermost = innermost.scope('Level');
    innermost.plan(1);
    innermost.progress(1, 4);
  }
  for (let line = 0; line < 600; line++) all.notify(`line ${line}`);
  const isLate = ({ kind, seq }: Fact): boolean => kind === 'notification' && seq % 2 === 1;
  const onTime = task.facts.filter((fact) => !isLate(fact) && fact !== lost);
  const names = Object.fromEntries(Array.from({ length: 100 }, (_, file) => [`file-${file}`, 1]));
  const earlier: Fact[] = [{ ...lost!, kind: 'plan', plan: names }];
  const path = newFile();
  const stores = [storeIn(path), storeIn(path)];
  const appends = [...batches(onTime, [300]), ...batches(task.facts.filter((fact) => isLate(fact) && fact !== lost), [100]), earlier, task.during(() => all.scope('file-1').complete())];
  for (const [at, facts] of appends.entries()) await stores[at % 2]!.append(facts);
  for (const store of stores) expect(await wholeOf(store, UUID)).toEqual(expectedAfter(appends));
});

test('a task of 12,000 open scopes has them let go of, and loaded again when something comes of them', async () => {
  const task = new ScriptedTask();
  const attempt = task.attempt();
  const heading = attempt.scope('All');
  const scopes = Array.from({ length: 12_000 }, (_, at) => heading.scope(`Job ${at}`));
  const begun = [...task.facts];
  const ends = task.during(() => {
    for (const scope of [scopes[0]!, scopes[6000]!, scopes.at(-1)!]) scope.complete();
  });
  const store = storeIn(newFile());
  await appendAll(store, batches(begun, [2000]));
  const find = vi.spyOn(SqliteScopes.prototype, 'find');
  await store.append(ends);
  const loaded = find.mock.calls.map(([, , spanId]) => spanId);
  find.mockRestore();
  expect(loaded).toEqual(expect.arrayContaining([scopes[0]!.ref.spanId, scopes[6000]!.ref.spanId]));
  expect(await store.task(UUID)).toMatchObject({ jobs: { running: 11_997, finished: 3 } });
}, 60_000);
