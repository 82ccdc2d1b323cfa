import { expect, test } from 'vitest';
import { createTasksApp } from '../../../../collector/server/tasks-app.ts';
import type { TaskRecord } from '../../../../src/task-record.ts';
import type { Fact } from '../../../../src/fact.ts';
import { ScriptedTask, UUID } from '../../record/scripted-task.ts';
import { BACKENDS } from '../../store/stored-task.ts';
import { EventReader, FollowedRecord } from './event-reader.ts';

const PATH = `/tasks/${UUID}`;
const FINAL = '\tTask Finished\n';

test.each(BACKENDS)('a stream %s ends with an attempt, and one that is opened after the next has begun goes on', async (_where, newStore) => {
  const store = newStore();
  const app = createTasksApp({ store });
  const task = new ScriptedTask();
  const commit = (work: () => void): Promise<unknown> => store.append(task.during(work));
  const stream = async (lastId?: string): Promise<Response> =>
    app.request(`${PATH}/events`, lastId === undefined ? {} : { headers: { 'last-event-id': lastId } });

  await commit(() => task.attempt().notify('first'));
  const followed = new FollowedRecord();
  const watching = new EventReader(await stream());
  followed.take((await watching.next())!);
  await commit(() => task.attempts[0]!.complete());
  const rest = await watching.rest();
  for (const event of rest) followed.take(event);
  expect(followed.ended).toBe(true);
  expect(rest.at(-1)!.event).toBe('end');
  // A client that reconnects learns that nothing follows, until there is another attempt.
  expect((await stream(watching.lastId)).status).toBe(204);

  const etag = (await app.request(PATH)).headers.get('etag')!;
  await commit(() => task.attempt().notify('second'));
  const record = (await (await app.request(PATH, { headers: { 'if-none-match': etag } })).json()) as TaskRecord;
  expect(record).toMatchObject({ attempt: 2, state: 'running', finished: false, end: null });

  const again = new EventReader(await stream(watching.lastId));
  followed.ended = false;
  followed.take((await again.next())!);
  expect(followed.record).toMatchObject({ attempt: 2, state: 'running', log: `\tfirst\n${FINAL}\tAttempt 2\n\tsecond\n` });
  await commit(() => task.attempts[1]!.complete());
  for (const event of await again.rest()) followed.take(event);
  const now = (await (await app.request(PATH)).json()) as TaskRecord;
  expect({ ...followed.record, log: '' }).toEqual({ ...now, log: '' });
  expect(followed.record!.log).toBe(now.log);
});

test.each(BACKENDS)('a stream %s is not ended by an attempt that another has overtaken', async (_where, newStore) => {
  const store = newStore();
  const app = createTasksApp({ store });
  const task = new ScriptedTask();
  await store.append(task.during(() => (task.attempt(), task.attempt())));
  const watching = new EventReader(await app.request(`${PATH}/events`));
  const followed = new FollowedRecord();
  followed.take((await watching.next())!);
  for (const attempt of task.attempts) {
    const facts: Fact[] = task.during(() => attempt.complete());
    await store.append(facts);
    followed.take((await watching.next())!);
    expect(followed.record!.finished).toBe(attempt.number === 2);
  }
  expect((await watching.rest()).map(({ event }) => event)).toEqual(['end']);
});
