import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createTasksApp } from '../../../collector/server/tasks-app.ts';
import { memoryStore } from '../../../collector/store/sqlite/sqlite-store.ts';
import { watchTask } from '../../../src/client/index.ts';
import type { LogEntryJson, TaskSnapshot, WatchTaskOptions } from '../../../src/client/index.ts';
import { scopeTree } from '../../../src/client/scope-tree.ts';
import type { ScopeLine, ScopeNode, TaskRecord } from '../../../src/task-record.ts';
import { anyDelivery, arbitraryTask, cases } from '../../collector/record/arbitrary-task.ts';
import { ORIGIN, retryAtOnce, snapshotOf, UUID } from './served-task.ts';

/** Cuts a body into pieces of these sizes, again and again, and breaks it off after so many bytes. */
function cutBody(body: ReadableStream<Uint8Array>, sizes: readonly number[], whole: number): ReadableStream<Uint8Array> {
  let at = 0;
  let left = whole;
  return body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        for (let from = 0; from < chunk.length && left > 0; ) {
          const size = Math.min(sizes[at++ % sizes.length]!, left, chunk.length - from);
          controller.enqueue(chunk.subarray(from, from + size));
          from += size;
          left -= size;
        }
        if (left <= 0) controller.terminate();
      },
    }),
  );
}

const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 5000 })), { minLength: 1, maxLength: 8 });
/** After how many bytes the first connections break off. */
const breaks = fc.array(fc.integer({ min: 1, max: 8000 }), { maxLength: 12 });
const form = fc.constantFrom<Pick<WatchTaskOptions, 'log'>['log']>('text', 'entries', false);

test('any cut of the streams and any batches give the record, the log and the tree of the server', async () => {
  retryAtOnce();
  const delivered = arbitraryTask({ steps: 30 }).chain(({ facts }) => anyDelivery(facts));
  await fc.assert(
    fc.asyncProperty(delivered, sizes, breaks, form, async (batches, pieces, broken, log) => {
      const store = memoryStore();
      const app = createTasksApp({ store });
      const lengths = [...broken];
      const send = async (url: string, { signal, headers }: RequestInit): Promise<Response> => {
        const { body, status, headers: given } = await app.request(url, { headers: headers!, signal: signal! });
        return new Response(body && cutBody(body, pieces, lengths.shift() ?? Infinity), { status, headers: given });
      };
      await store.append(batches[0]!);
      const options = { fetch: send, scopes: true } as const;
      const watch = watchTask(`${ORIGIN}/tasks/${UUID}`, { ...options, log: log as 'entries' });
      try {
        for (const batch of batches.slice(1)) await store.append(batch);
        const record = (await (await app.request(`/tasks/${UUID}`)).json()) as TaskRecord;
        const isWhole = ({ task, connection }: TaskSnapshot<unknown>): boolean => task?.version === record.version || connection === 'ended';
        const snapshot = await snapshotOf(watch, isWhole);
        const { log: text, log_offset: _, ...fields } = record;
        if (snapshot.task!.version !== record.version) return;
        expect(snapshot.task).toMatchObject(fields);
        if (log !== false) expect(written(snapshot)).toBe(text);
        if (log !== false) expect(snapshot.log.bytes).toBe(record.log_bytes);
        const fresh = watchTask(`${ORIGIN}/tasks/${UUID}`, { ...options, fetch: (url, init) => app.request(url, init) as Promise<Response> });
        const { attempts } = await snapshotOf(fresh, ({ task }) => task !== undefined);
        fresh.close();
        expect(ordered(snapshot.attempts)).toEqual(ordered(attempts));
      } finally {
        watch.close();
        await store.close();
      }
    }),
    cases(60),
  );
});

function written({ log }: TaskSnapshot<readonly LogEntryJson[]>): string {
  return (log.parts as readonly (string | readonly LogEntryJson[])[]).map((part) => (typeof part === 'string' ? part : part.map(({ text }) => text).join(''))).join('');
}

/** New scopes stand last in a client, and first where they run on the server. */
function ordered(nodes: readonly ScopeNode[]): ScopeNode[] {
  return nodes.map((node) => ({ ...node, scopes: ordered(node.scopes) })).toSorted((one, other) => (one.span_id < other.span_id ? -1 : 1));
}

const arbitraryLine = fc.record({ at: fc.nat(8), parent: fc.option(fc.nat(8)), steps: fc.nat(3) });

test('scopes by their index are those that a look at each scope gives, and what has not changed is shared', () => {
  fc.assert(
    fc.property(fc.array(fc.array(arbitraryLine, { maxLength: 6 }), { maxLength: 8 }), (changes) => {
      const change = scopeTree();
      let plain: readonly ScopeNode[] = [];
      let tree = change();
      const parents = new Map<string, string | null>();
      for (const lines of changes) {
        const scopes: ScopeLine[] = [];
        for (const { at, parent, steps } of lines) {
          const id = `${at}`;
          // A scope never moves, and is inside one that began before it.
          if (!parents.has(id)) parents.set(id, parent === null || parent >= at ? null : `${parent}`);
          if (scopes.some(({ span_id }) => span_id === id)) continue;
          scopes.push({ span_id: id, parent: parents.get(id)!, name: id, start: null, end: null, outcome: 'running', progress: null, done: null, total: null, error: null, last: null, steps, failed: 0, running: 0 });
        }
        scopes.sort((one, other) => Number(one.span_id) - Number(other.span_id));
        const [before, copy] = [tree, structuredClone(tree)];
        plain = changedScopes(plain, scopes);
        tree = change(undefined, scopes);
        expect(tree).toEqual(plain);
        expect(before).toEqual(copy);
        for (const node of tree) {
          const same = copy.find((old) => old.span_id === node.span_id);
          if (same !== undefined && JSON.stringify(same) === JSON.stringify(node)) expect(before).toContain(node);
        }
      }
    }),
    cases(200),
  );
});

/** The same, plainly: each scope is looked at for each change. */
function changedScopes(before: readonly ScopeNode[], lines: readonly ScopeLine[]): ScopeNode[] {
  const byId = new Map(lines.map((line) => [line.span_id, line]));
  const added = Map.groupBy(lines, ({ parent }) => parent);
  const update = (nodes: readonly ScopeNode[], parent: string | null): ScopeNode[] => {
    const known = new Set(nodes.map(({ span_id }) => span_id));
    let isSame = true;
    const next = nodes.map((node) => {
      const line = byId.get(node.span_id);
      const scopes = update(node.scopes, node.span_id);
      if (line === undefined && scopes === node.scopes) return node;
      isSame = false;
      return { ...(line ?? node), scopes };
    });
    const fresh = (added.get(parent) ?? []).filter(({ span_id }) => !known.has(span_id));
    if (fresh.length === 0 && isSame) return nodes as ScopeNode[];
    return [...next, ...fresh.map((line) => ({ ...line, scopes: update([], line.span_id) }))];
  };
  return update(before, null);
}
