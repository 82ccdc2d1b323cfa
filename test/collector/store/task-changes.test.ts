import { DatabaseSync } from 'node:sqlite';
import * as fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { memoryStore, sqliteStore } from '../../../collector/store/sqlite-store.ts';
import type { TaskStore } from '../../../collector/store/task-store.ts';
import { temporaryFolder } from '../../support/node-process.ts';
import { anyDelivery, arbitraryTask, cases } from '../record/arbitrary-task.ts';
import { ScriptedTask, UUID } from '../record/scripted-task.ts';

const OTHER = '0190b1c4-7e5f-7000-8000-000000000002';

describe.each([
  ['in memory', memoryStore],
  ['in SQLite', () => sqliteStore(':memory:')],
] as const)('changes %s', (_, open) => {
  function opened(): TaskStore {
    const store = open();
    onTestFinished(() => store.close());
    return store;
  }

  test('have no number where there is no task', async () => {
    expect(await opened().changes({ limit: 1 })).toEqual({ changes: [], last: 0 });
  });

  test('give each task once, with its latest, in the order of their commits', async () => {
    const store = opened();
    const [one, other] = [new ScriptedTask(), new ScriptedTask(OTHER)];
    const [first, second] = [one.attempt(), other.attempt()];
    await store.append(one.facts);
    await store.append(other.facts);
    await store.append(one.during(() => first.notify('again')));
    const { changes, last } = await store.changes({ after: 0, limit: 10 });
    expect(changes.map(({ change, task }) => [change, task.uuid, task.version])).toEqual([[2, OTHER, 1], [3, UUID, 2]]);
    expect(changes[1]!.task).toEqual(await store.stored(UUID));
    expect(last).toBe(3);
    expect((await store.changes({ after: 0, limit: 1 })).changes).toEqual([changes[0]]);
    expect((await store.changes({ after: 2, limit: 10 })).changes).toEqual([changes[1]]);
    expect(await store.changes({ after: 3, limit: 10 })).toEqual({ changes: [], last: 3 });
    await store.append([...one.facts]);
    expect((await store.changes({ limit: 1 })).last).toBe(3);
    await store.append([...one.during(() => first.notify('both')), ...other.during(() => second.notify('both'))]);
    expect((await store.changes({ after: 3, limit: 10 })).changes.map(({ change }) => change)).toEqual([4, 5]);
  });

  test('have the log after each version begin where that version ended', async () => {
    await fc.assert(
      fc.asyncProperty(
        arbitraryTask({ steps: 30 }).chain((task) => anyDelivery(task.facts)),
        async (deliveries) => {
          const store = open();
          const uuid = deliveries[0]![0]!.span.taskUuid;
          const ends = [0];
          for (const facts of deliveries) {
            await store.append(facts);
            const { version, logBytes } = (await store.stored(uuid))!;
            ends[version] = logBytes;
          }
          const log = Buffer.from((await store.log(uuid))!.text);
          for (const [version, end] of ends.entries()) {
            const after = (await store.log(uuid, { afterVersion: version }))!;
            expect(after.offset).toBe(end);
            expect(after.text).toBe(log.subarray(end).toString());
          }
          await store.close();
        },
      ),
      cases(60),
    );
  });

  test('are told to whoever listens, until it listens no more', async () => {
    const store = opened();
    const task = new ScriptedTask();
    task.attempt();
    let heard = 0;
    const stop = store.watch(() => heard++);
    await store.append(task.facts);
    expect(heard).toBe(1);
    stop();
    await store.append(task.during(() => task.attempts[0]!.notify('unheard')));
    expect(heard).toBe(1);
  });
});

describe('in a SQLite file', () => {
  test('a commit of another connection is heard', async () => {
    const path = `${await temporaryFolder()}/tasks.sqlite`;
    const [writing, reading] = [sqliteStore(path), sqliteStore(path)];
    onTestFinished(() => Promise.all([writing.close(), reading.close()]).then(() => undefined));
    const heard = new Promise<void>((resolve) => void reading.watch(resolve));
    const task = new ScriptedTask();
    task.attempt();
    await writing.append(task.facts);
    await heard;
    expect((await reading.changes({ limit: 1 })).last).toBe(1);
  });

  test('the number of a task that was deleted is never given again', async () => {
    const path = `${await temporaryFolder()}/tasks.sqlite`;
    const store = sqliteStore(path);
    onTestFinished(() => store.close());
    const [one, other] = [new ScriptedTask(), new ScriptedTask(OTHER)];
    one.attempt();
    other.attempt();
    await store.append(one.facts);
    const database = new DatabaseSync(path);
    database.exec('DELETE FROM task');
    database.close();
    expect((await store.changes({ limit: 1 })).last).toBe(1);
    await store.append(other.facts);
    expect((await store.changes({ after: 1, limit: 1 })).changes).toMatchObject([{ change: 2, task: { uuid: OTHER } }]);
  });
});
