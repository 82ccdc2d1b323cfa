import { expect, test } from 'vitest';
import { createTasksApp } from '../../../../collector/server/tasks-app.ts';
import { ScriptedTask, UUID } from '../../record/scripted-task.ts';
import { BACKENDS, uuidOf } from '../../store/stored-task.ts';
import { EventReader, FollowedRecord } from './event-reader.ts';

test.each(BACKENDS)('a stream %s of a parent has the progress of its child as the child reports it', async (_where, newStore) => {
  const store = newStore();
  const app = createTasksApp({ store });
  const [parent, child] = [new ScriptedTask(), new ScriptedTask(uuidOf(2))];
  const attempt = parent.attempt();
  attempt.plan(2);
  const { taskSpanId, spanId, traceId } = attempt.part('Child').ref;
  const running = child.attempt({ traceId, parentTaskUuid: UUID, parentScope: { taskSpanId, spanId } });
  await store.append([...parent.facts, ...child.facts]);

  const watching = new EventReader(await app.request(`/tasks/${UUID}/events`));
  const followed = new FollowedRecord();
  followed.take((await watching.next())!);
  for (const done of [1, 2, 3]) {
    await store.append(child.during(() => running.progress(done, 4)));
    followed.take((await watching.next())!);
    expect(followed.record).toMatchObject({ progress: done / 8, version: 1 + done, state: 'running' });
  }
});
