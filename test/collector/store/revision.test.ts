import { describe, expect, test } from 'vitest';
import { retentionRules } from '../../../collector/store/retention.ts';
import type { RevisionLook, TaskStore } from '../../../collector/store/task-store.ts';
import { BACKENDS, factsOf, NOW, openSqlite, storePath, uuidOf } from './stored-task.ts';

const LOOKS: RevisionLook[] = ['now', 'turn'];
const TASK = uuidOf(1);
/** The start of the task, by a worker that beats. */
const beating = factsOf(TASK, { lines: 0 }).map((fact) => (fact.kind === 'task-start' ? { ...fact, workerIntervalMs: 5000 } : fact));
const BEAT = { workerId: 'w', host: 'here', pid: 1, intervalMs: 5000, time: NOW, busySince: null };

const WRITES: [string, (store: TaskStore) => Promise<unknown>][] = [
  ['a commit', (store) => store.append(factsOf(TASK, { lines: 2 }))],
  ['a sign of life', (store) => store.beat(BEAT)],
  ['a silence', (store) => store.silence([{ id: 'w', beats: 1, silentMs: 15_000, lost: true, final: false }])],
  ['a deletion', (store) => store.sweep(retentionRules({}, NOW * 2))],
];

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe.each(BACKENDS)('the revision of a store %s', (_, open) => {
  test.each(LOOKS)('looked up %s stays while there are reads alone', async (look) => {
    const store = open();
    await store.append(factsOf(TASK));
    const revision = store.revision(look);
    await Promise.all([store.stored(TASK), store.log(TASK), store.scopes(TASK), store.tasks({ limit: 1 }), store.workers()]);
    expect(store.revision(look)).toBe(revision);
    await turn();
    expect(store.revision(look)).toBe(revision);
  });

  test.each(WRITES)('is another one after %s, in the same turn too', async (_write, write) => {
    const store = open();
    await store.append(factsOf(TASK, { end: 'completed' }));
    const before = LOOKS.map((look) => store.revision(look));
    const written = write(store);
    for (const [at, look] of LOOKS.entries()) expect(store.revision(look)).not.toBe(before[at]);
    await written;
  });
});

describe('the revision of a store in a file that another one writes', () => {
  test.each(WRITES)('is another one at once after %s of the other', async (_, write) => {
    const path = storePath();
    const [store, other] = [openSqlite(path), openSqlite(path)];
    await other.append([...beating, ...factsOf(uuidOf(2), { end: 'completed' })]);
    const before = store.revision('now');
    await write(other);
    expect(store.revision('now')).not.toBe(before);
  });

  test('of one turn is another one in the next turn', async () => {
    const path = storePath();
    const [store, other] = [openSqlite(path), openSqlite(path)];
    await turn();
    const before = store.revision('turn');
    void other.append(factsOf(TASK));
    await turn();
    expect(store.revision('turn')).not.toBe(before);
  });

  test('is looked up again in a turn that somebody blocks', async () => {
    const path = storePath();
    const [store, other] = [openSqlite(path), openSqlite(path)];
    const before = store.revision('turn');
    void other.append(factsOf(TASK));
    const blocked = performance.now() + 2;
    while (performance.now() < blocked);
    expect(store.revision('turn')).not.toBe(before);
  });
});
