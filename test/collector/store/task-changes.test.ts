import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { ScriptedTask, UUID } from '../record/scripted-task.ts';
import { uuidOf } from './expected-task.ts';
import { newFile, storeIn } from './sqlite-file.ts';

test('a commit of another connection to a SQLite file is heard', async () => {
  const path = newFile();
  const [writing, reading] = [storeIn(path), storeIn(path)];
  const heard = new Promise<void>((resolve) => void reading.watch(resolve));
  const task = new ScriptedTask();
  task.attempt();
  await writing.append(task.facts);
  await heard;
  expect((await reading.changes({ after: '0', limit: 1 })).uuids).toEqual([UUID]);
});

test('the position of a task that was deleted from a SQLite file is never given again', async () => {
  const path = newFile();
  const store = storeIn(path);
  const [one, other] = [new ScriptedTask(), new ScriptedTask(uuidOf(2))];
  one.attempt();
  other.attempt();
  await store.append(one.facts);
  const { position } = await store.changes({ limit: 1 });
  const database = new DatabaseSync(path);
  database.exec('DELETE FROM task');
  database.close();
  expect((await store.changes({ limit: 1 })).position).toBe(position);
  await store.append(other.facts);
  expect((await store.changes({ after: position, limit: 1 })).uuids).toEqual([other.uuid]);
});
