import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { ScriptedTask } from '../record/scripted-task.ts';
import { uuidOf } from './expected-task.ts';
import { newFile, storeIn } from './sqlite-file.ts';

test('a child whose parent can not be written is not written either, and both are at the next try', async () => {
  const path = newFile();
  const store = storeIn(path);
  const [parent, child] = [new ScriptedTask(uuidOf(1)), new ScriptedTask(uuidOf(2))];
  const attempt = parent.attempt();
  attempt.plan(1);
  const { taskSpanId, spanId, traceId } = attempt.part('Child').ref;
  const running = child.attempt({ traceId, parentTaskUuid: parent.uuid, parentScope: { taskSpanId, spanId } });
  await store.append([...parent.facts, ...child.facts]);
  const told = async (): Promise<unknown> => {
    const tasks = [await store.stored(parent.uuid), await store.stored(child.uuid)];
    return tasks.map((task) => [(JSON.parse(task!.summary) as { progress: number | null }).progress, task!.version]);
  };
  expect(await told()).toEqual([[0, 1], [null, 1]]);

  const file = new DatabaseSync(path);
  file.exec(`CREATE TRIGGER refusal BEFORE UPDATE ON task WHEN new.uuid = '${parent.uuid}' BEGIN SELECT raise(ABORT, 'not now'); END`);
  const further = child.during(() => running.progress(1, 2));
  await expect(store.append(further)).rejects.toThrow('not now');
  expect(await told()).toEqual([[0, 1], [null, 1]]);

  file.exec('DROP TRIGGER refusal');
  file.close();
  await store.append(further);
  expect(await told()).toEqual([[0.5, 2], [0.5, 2]]);
});
