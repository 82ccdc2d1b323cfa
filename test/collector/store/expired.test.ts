import { expect, test } from 'vitest';
import { isoTime } from '../../../src/task-record.ts';
import { memoryStore } from '../../../collector/index.ts';
import { ScriptedTask } from '../record/scripted-task.ts';

const announced = (): { task: ScriptedTask; store: ReturnType<typeof memoryStore> } => {
  const task = new ScriptedTask();
  task.announce('Import', { queue: 'mail' });
  return { task, store: memoryStore() };
};

const end = (task: ScriptedTask, outcome: 'expired' | 'cancelled' | 'failed', error?: { name: string; message: string }): void =>
  task.endAnnouncement(task.announcements.at(-1)!, outcome, error, 5);

test('a queued task that expires has ended, and its record shows since when it was queued', async () => {
  const { task, store } = announced();
  const since = task.announcements[0]!.time;
  end(task, 'expired');
  await store.append(task.facts);
  expect(await store.task(task.uuid)).toMatchObject({
    task_name: 'Import', state: 'expired', status: 0, finished: true, start: null, end: isoTime(since + 5), attempt: 0,
    exception: `expired: queued since ${isoTime(since)}`, attributes: { queue: 'mail' }, cancellable: false,
  });
  expect(await store.log(task.uuid)).toMatchObject({ text: '' });
});

test.each([
  ['cancelled', undefined, ''],
  ['failed', { name: 'BrokerError', message: 'no such queue' }, 'no such queue'],
] as const)('a queued task that is %s has ended', async (outcome, error, exception) => {
  const { task, store } = announced();
  end(task, outcome, error);
  await store.append(task.facts);
  expect(await store.task(task.uuid)).toMatchObject({ state: outcome, status: 0, finished: true, exception });
});

test('it runs again when an attempt begins after all, in whatever order the facts come', async () => {
  const { task, store } = announced();
  end(task, 'expired');
  task.attempt();
  for (const fact of task.facts.toReversed()) await store.append([fact]);
  expect(await store.task(task.uuid)).toMatchObject({ state: 'running', finished: false, status: 2, end: null, exception: '' });
});

test('it is queued again when it is announced after the end', async () => {
  const { task, store } = announced();
  end(task, 'expired');
  task.pace = 1000;
  task.announce('Import');
  await store.append(task.facts);
  expect(await store.task(task.uuid)).toMatchObject({ state: 'queued', finished: false, end: null });
});

test('it is cancelled by a request too where it was announced again by a clock that is ahead', async () => {
  const { task, store } = announced();
  end(task, 'failed');
  task.pace = 1000;
  task.announce('Import');
  const ahead = Date.now() * 1000 + 600_000_000 - task.facts[0]!.time;
  await store.append(task.facts.map((fact) => ({ ...fact, time: fact.time + ahead })));
  expect(await store.cancel(task.uuid)).toBe('cancelled');
  expect(await store.task(task.uuid)).toMatchObject({ state: 'cancelled', finished: true });
});

test('a task whose attempt has ended stays so when an announcement of it expires', async () => {
  const { task, store } = announced();
  task.attempt().complete();
  end(task, 'expired');
  await store.append(task.facts);
  expect(await store.task(task.uuid)).toMatchObject({ state: 'completed', status: 1 });
});

test('expired tasks are counted, listed and deleted as ended ones', async () => {
  const { task, store } = announced();
  end(task, 'expired');
  await store.append(task.facts);
  expect((await store.counts()).counts).toEqual({ expired: 1 });
  expect((await store.tasks({ limit: 5, filter: { states: ['expired'] } })).tasks.map(({ uuid }) => uuid)).toEqual([task.uuid]);
  while ((await store.sweep([{ states: ['expired'], before: Number.MAX_SAFE_INTEGER, keep: 0 }])) === 'more');
  expect(await store.task(task.uuid)).toBeUndefined();
});
