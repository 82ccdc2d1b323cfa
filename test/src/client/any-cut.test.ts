import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createTasksApp } from '../../../collector/server/tasks-app.ts';
import { memoryStore } from '../../../collector/store/sqlite/sqlite-store.ts';
import { watchTask } from '../../../src/client/index.ts';
import type { LogEntryJson, TaskSnapshot, WatchTaskOptions } from '../../../src/client/index.ts';
import { scopeTree } from '../../../src/client/scope-tree.ts';
import type { ScopeLine, ScopeNode, TaskRecord } from '../../../src/task-record.ts';
import { anyDelivery, arbitraryTask, cases } from '../../collector/record/arbitrary-task.ts';
import { cut, ORIGIN, retryAtOnce, snapshotOf, UUID } from './served-task.ts';

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
        const response = await app.request(url, { headers: headers!, signal: signal! });
        return cut(response, signal!, (body) => cutBody(body, pieces, lengths.shift() ?? Infinity));
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
        const fresh = watchTask(`${ORIGIN}/tasks/${UUID}`, { ...options, fetch: async (url, init) => cut(await app.request(url, init), init.signal!) });
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

const arbitraryLine = fc.record({ at: fc.nat(8), parent: fc.option(fc.nat(8)), moves: fc.boolean(), steps: fc.nat(3) });

test('scopes are those that are built anew from all lines, and what has not changed is shared', () => {
  fc.assert(
    fc.property(fc.array(fc.array(arbitraryLine, { maxLength: 6 }), { maxLength: 8 }), (changes) => {
      const change = scopeTree();
      const plain = new PlainTree();
      let tree = change();
      for (const drawn of changes) {
        const scopes = drawn.filter(({ at }, index) => drawn.findIndex((other) => other.at === at) === index).map(({ at, parent, moves, steps }): ScopeLine => {
          // A scope is inside one that began before it.
          const given = parent === null || parent >= at ? null : `${parent}`;
          const around = moves ? given : plain.lines.get(`${at}`)?.parent ?? given;
          return { span_id: `${at}`, parent: around, name: `${at}`, start: null, end: null, outcome: 'running', done: null, total: null, progress: null, error: null, last: null, steps, failed: 0, running: 0 };
        });
        scopes.sort((one, other) => Number(one.span_id) - Number(other.span_id));
        const [before, copy] = [tree, structuredClone(tree)];
        for (const line of scopes) plain.take(line);
        tree = change(undefined, scopes);
        expect(tree).toEqual(plain.inside(null));
        expect(before).toEqual(copy);
        const shared = new Set(allOf(before));
        const texts = new Map(allOf(before).map((node) => [node.span_id, JSON.stringify(node)]));
        for (const node of allOf(tree)) if (texts.get(node.span_id) === JSON.stringify(node)) expect(shared).toContain(node);
      }
      // An attempt anew, as streams begin, is the same tree.
      expect(scopeTree()(tree)).toEqual(tree);
    }),
    cases(200),
  );
});

/** The same, plainly. */
class PlainTree {
  readonly lines = new Map<string, ScopeLine>();

  take(line: ScopeLine): void {
    if (line.parent !== null && !this.lines.has(line.parent)) return;
    // One that has moved stands last.
    if (this.lines.get(line.span_id)?.parent !== line.parent) this.lines.delete(line.span_id);
    this.lines.set(line.span_id, line);
  }

  inside(parent: string | null): ScopeNode[] {
    return [...this.lines.values()].filter((line) => line.parent === parent).map((line) => ({ ...line, scopes: this.inside(line.span_id) }));
  }
}

function allOf(nodes: readonly ScopeNode[]): ScopeNode[] {
  return nodes.flatMap((node) => [node, ...allOf(node.scopes)]);
}
