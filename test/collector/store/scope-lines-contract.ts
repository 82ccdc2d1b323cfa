import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AttemptRecord, ScopeLine, ScopeNode, ScopeRecord } from '../../../src/task-record.ts';
import type { TaskStore } from '../../../collector/store/task-store.ts';
import { anyDelivery, arbitraryTask, batches, cases } from '../record/arbitrary-task.ts';
import { ScriptedTask, UUID } from '../record/scripted-task.ts';
import type { ScriptedAttempt, ScriptedScope } from '../record/scripted-task.ts';
import type { StoreWith } from './task-store-contract.ts';

/** The lines that a scope of the tree has, with what is inside counted there. */
function nodeOf(scope: ScopeRecord | AttemptRecord, parent: string | null): ScopeNode {
  const scopes = scope.scopes.map((inside) => nodeOf(inside, scope.span_id));
  const { span_id, name, start, end, outcome, progress, done, total, error } = scope;
  const sum = (count: (node: ScopeNode) => number): number => scopes.reduce((all, node) => all + count(node), 0);
  return {
    span_id, parent, ...('attempt' in scope && { attempt: scope.attempt }), name, start, end, outcome, progress, done, total, error,
    last: scope.notifications.at(-1) ?? null,
    steps: sum(({ steps }) => 1 + steps),
    failed: sum((node) => Number(node.outcome === 'failed' || node.outcome === 'timed_out') + node.failed),
    running: sum((node) => Number(node.outcome === 'running') + node.running),
    scopes,
  };
}

/** All attempts with all that is inside them, made from the whole tree. */
async function whole(store: TaskStore): Promise<ScopeNode[]> {
  return (await store.scopes(UUID))!.attempts.map((attempt) => nodeOf(attempt, null));
}

function flat(nodes: readonly ScopeNode[]): ScopeLine[] {
  return nodes.flatMap(({ scopes, ...line }) => [line, ...flat(scopes)]);
}

function bySpan(lines: readonly ScopeLine[]): Map<string, ScopeLine> {
  return new Map(lines.map((line) => [line.span_id, line]));
}

/** Reads a whole tree by pages, those of each scope that is not complete. */
async function byPages(store: TaskStore, limit: number, of?: string): Promise<ScopeNode[]> {
  const nodes = new Map<string, ScopeNode>();
  let cursor: string | undefined;
  do {
    const page = (await store.scopesOf(UUID, { limit, ...(of !== undefined && { of }), ...(cursor !== undefined && { cursor }) }))!;
    expect(flat(page.scopes).length).toBeLessThanOrEqual(limit);
    for (const node of page.scopes) {
      expect(nodes.has(node.span_id)).toBe(false);
      nodes.set(node.span_id, node);
    }
    cursor = page.next;
  } while (cursor !== undefined);
  const complete: ScopeNode[] = [];
  for (const node of nodes.values()) {
    const isWhole = flat(node.scopes).length === node.steps;
    complete.push(isWhole ? node : { ...node, scopes: await byPages(store, limit, node.span_id) });
  }
  return complete.toSorted(inOrder);
}

function inOrder(one: ScopeNode, other: ScopeNode): number {
  const [key, otherKey] = [one, other].map(({ attempt = 0, start, span_id }) => `${attempt} ${start ?? '9'} ${span_id}`) as [string, string];
  return key < otherKey ? -1 : 1;
}

/** A task of so many scopes in two levels; each twentieth group has one that failed, the last one is open. */
function largeTask(groups: number, inEach: number): { task: ScriptedTask; attempt: ScriptedAttempt; open: ScriptedScope } {
  const task = new ScriptedTask();
  const attempt = task.attempt({ name: 'Large' });
  let open!: ScriptedScope;
  for (let group = 0; group < groups; group++) {
    open = attempt.scope(`group ${group}`);
    for (let at = 0; at < inEach; at++) {
      const step = open.scope(`step ${group}.${at}`);
      if (group % 20 === 7 && at === 3) step.fail({ name: 'Error', message: `at ${group}` });
      else step.complete();
    }
    if (group < groups - 1) open.complete();
  }
  open.notify('nearly there');
  return { task, attempt, open };
}

/** The scopes that every `TaskStore` gives as lines. */
export function describeScopeLines(name: string, storeWith: StoreWith): void {
  describe(`${name}: the scopes of a task as lines`, () => {
    test('are those of the whole tree, with what is inside each counted, in whatever order the facts came', async () => {
      await fc.assert(
        fc.asyncProperty(arbitraryTask().chain(({ facts }) => anyDelivery(facts)), async (delivery) => {
          const store = await storeWith(...delivery);
          expect((await store.scopesOf(UUID, { limit: 1000 }))!.scopes).toEqual(await whole(store));
        }),
        cases(15),
      );
    });

    test('can be read by pages, whatever their size and the order of the facts', async () => {
      const { task } = largeTask(90, 12);
      for (const facts of [task.facts, task.facts.toReversed()]) {
        const store = await storeWith(...batches(facts, [700]));
        for (const limit of [30, 1000]) expect(await byPages(store, limit)).toEqual(await whole(store));
      }
    });

    test('can be read by pages where all scopes have one parent, the last few being open', async () => {
      const task = new ScriptedTask();
      const attempt = task.attempt();
      for (let at = 0; at < 1100; at++) {
        const scope = attempt.scope(`step ${at}`);
        if (at % 100 === 50) scope.fail({ name: 'Error', message: 'no' });
        else if (at < 1090) scope.complete();
      }
      const store = await storeWith(...batches(task.facts, [300]));
      expect(await byPages(store, 90)).toEqual(await whole(store));
    });

    test('have the failed and running ones first, with the scopes around them, and all others counted', async () => {
      const { task, attempt, open } = largeTask(60, 12);
      const store = await storeWith(task.facts);
      const { scopes, next } = (await store.scopesOf(UUID, { limit: 40 }))!;
      const lines = bySpan(flat(scopes));
      expect([lines.size, next]).toEqual([40, undefined]);
      expect(lines.get(attempt.ref.spanId)).toMatchObject({ attempt: 1, steps: 60 * 13, failed: 3, running: 1 });
      expect(lines.get(open.ref.spanId)).toMatchObject({ outcome: 'running', steps: 12, last: { message: 'nearly there' } });
      expect([...lines.values()].filter(({ outcome }) => outcome === 'failed').map(({ name: failed }) => failed)).toEqual(['step 7.3', 'step 27.3', 'step 47.3']);
    });

    test('have of the others the latest, in an open scope and in the attempt', async () => {
      const task = new ScriptedTask();
      const attempt = task.attempt();
      for (let at = 0; at < 1200; at++) attempt.scope(`step ${at}`).complete();
      const open = attempt.scope('open');
      for (let at = 0; at < 40; at++) open.scope(`inside ${at}`).complete();
      const store = await storeWith(...batches(task.facts, [500]));
      const names = flat((await store.scopesOf(UUID, { limit: 26 }))!.scopes).map((line) => line.name);
      expect(names).toEqual(['TEST', ...Array.from({ length: 12 }, (_, at) => `step ${1188 + at}`), 'open', ...Array.from({ length: 12 }, (_, at) => `inside ${28 + at}`)]);
    });

    test('have the steps of an attempt that has ended well, however many are inside them', async () => {
      const task = new ScriptedTask();
      const attempt = task.attempt();
      attempt.scope('Find files').complete();
      const large = attempt.scope('Read files');
      for (let at = 0; at < 20; at++) large.scope(`file ${at}`).complete();
      large.complete();
      attempt.complete();
      const [line] = (await (await storeWith(task.facts)).scopesOf(UUID, { limit: 200 }))!.scopes;
      expect(line!.scopes.map(({ name: step, steps, scopes }) => [step, steps, scopes.length])).toEqual([['Find files', 0, 0], ['Read files', 20, 0]]);
    });

    test('have half of each where both failed and running ones are many', async () => {
      const task = new ScriptedTask();
      const attempt = task.attempt();
      for (let at = 0; at < 300; at++) attempt.scope('fails').fail({ name: 'Error', message: 'no' });
      for (let at = 0; at < 300; at++) attempt.scope('runs');
      const store = await storeWith(task.facts);
      const names = flat((await store.scopesOf(UUID, { of: attempt.ref.spanId, limit: 50 }))!.scopes).map((line) => line.name);
      expect(names.toSorted()).toEqual([...Array<string>(25).fill('fails'), ...Array<string>(25).fill('runs')]);
    });

    test('of many attempts are those of the latest ones first, and earlier ones by pages', async () => {
      const task = new ScriptedTask();
      for (let number = 1; number <= 12; number++) task.attempt().scope('step').fail({ name: 'Error', message: 'no' });
      const store = await storeWith(task.facts);
      const { scopes, next } = (await store.scopesOf(UUID, { limit: 10 }))!;
      expect(scopes.map(({ attempt, scopes: inside }) => [attempt, inside.length])).toEqual(Array.from({ length: 10 }, (_, at) => [at + 3, 0]));
      const rest = (await store.scopesOf(UUID, { limit: 10, cursor: next! }))!;
      expect(rest.scopes.map(({ attempt, scopes: inside }) => [attempt, inside.length])).toEqual([[1, 1], [2, 1]]);
      expect(rest.next).toBeUndefined();
    });

    test('of a chain of scopes that came from its end on lie 200 deep at the most in one answer, and deeper ones in the next', async () => {
      const task = new ScriptedTask();
      let innermost: ScriptedScope = task.attempt();
      for (let level = 0; level < 450; level++) innermost = innermost.scope(`level ${level}`);
      const store = await storeWith(...batches(task.facts.toReversed(), [1]));
      const { scopes } = (await store.scopesOf(UUID, { limit: 1000 }))!;
      const lines = flat(scopes);
      expect([lines.length, lines[0]!.steps, lines.at(-1)!.name]).toEqual([201, 450, 'level 199']);
      const deeper = flat((await store.scopesOf(UUID, { of: lines.at(-1)!.span_id, limit: 1000 }))!.scopes);
      expect([deeper.length, deeper[0]!.name]).toEqual([200, 'level 200']);
    });

    test('are short, whatever their texts', async () => {
      const task = new ScriptedTask();
      const scope = task.attempt().scope('step');
      scope.notify('x'.repeat(1_000_000), { long: 'y'.repeat(10_000) });
      scope.fail({ name: 'Error', message: 'z'.repeat(10_000) });
      const store = await storeWith(task.facts);
      expect(JSON.stringify(await store.scopesOf(UUID, { limit: 10 })).length).toBeLessThan(3000);
    });

    test('of an unknown task are none; an unknown span and a foreign cursor are errors', async () => {
      const { task, attempt } = largeTask(2, 2);
      const store = await storeWith(task.facts);
      const other = '00000000-0000-4000-8000-000000000009';
      expect(await store.scopesOf(other, { limit: 10 })).toBeUndefined();
      expect(await store.scopeChanges(other, 0)).toBeUndefined();
      await expect(store.scopesOf(UUID, { of: '0123456789abcdef', limit: 10 })).rejects.toThrow(
        new RangeError('of: expected the span id of a scope of the task, got "0123456789abcdef"'),
      );
      await expect(store.scopesOf(UUID, { of: attempt.ref.spanId, limit: 10, cursor: 'czA' })).rejects.toThrow(RangeError);
    });

    test('of a task that is lost for good are lost, without a new version, and run again with the next fact', async () => {
      const task = new ScriptedTask();
      const scope = task.attempt().scope('step');
      const heard = task.facts.map((fact) => (fact.kind === 'task-start' ? { ...fact, workerIntervalMs: 5000 } : fact));
      const store = await storeWith(heard);
      const outcomes = async (after: number): Promise<unknown> => {
        const { scopes } = (await store.scopeChanges(UUID, after))!;
        expect(bySpan(scopes)).toEqual(bySpan(flat((await store.scopesOf(UUID, { limit: 10 }))!.scopes)));
        return new Set(scopes.map(({ outcome, running }) => [outcome, running]));
      };
      expect(await outcomes(0)).toEqual(new Set([['running', 0], ['running', 1]]));
      const [worker] = await store.workers();
      await store.silence([{ id: worker!.id, beats: worker!.beats, silentMs: 700_000, lost: true, final: true }]);
      expect(await outcomes(1)).toEqual(new Set([['lost', 0], ['lost', 0]]));
      await store.append(task.during(() => scope.notify('back')));
      expect(await outcomes(1)).toEqual(new Set([['running', 0], ['running', 1]]));
    });
  });

  describe(`${name}: the lines of scopes that have changed`, () => {
    test('make of the lines of any version those of the present, whatever the facts and their order', async () => {
      await fc.assert(
        fc.asyncProperty(arbitraryTask().chain(({ facts }) => fc.tuple(anyDelivery(facts), fc.nat(5))), async ([delivery, every]) => {
          const store = await storeWith();
          let [known, version] = [new Map<string, ScopeLine>(), 0];
          for (const [at, facts] of delivery.entries()) {
            await store.append(facts);
            if (at % (every + 1) !== 0 && at < delivery.length - 1) continue;
            const changes = (await store.scopeChanges(UUID, version))!;
            known = new Map([...known, ...bySpan(changes.scopes)]);
            version = changes.version;
            expect(known).toEqual(bySpan(flat(await whole(store))));
          }
          expect((await store.scopeChanges(UUID, version))!.scopes).toEqual([]);
        }),
        cases(15),
      );
    });

    test('of one notification are that scope alone, and of a step the scopes around it too', async () => {
      const { task, attempt, open } = largeTask(60, 12);
      const store = await storeWith(task.facts);
      const changed = async (after: number): Promise<unknown[]> => (await store.scopeChanges(UUID, after))!.scopes.map((line) => [line.name, line.steps]);
      await store.append(task.during(() => open.notify('one more')));
      expect(await changed(1)).toEqual([['group 59', 12]]);
      let step!: ScriptedScope;
      await store.append(task.during(() => (step = open.scope('one more'))));
      expect(new Set(await changed(2))).toEqual(new Set([['Large', 781], ['group 59', 13], ['one more', 0]]));
      await store.append(task.during(() => step.complete()));
      expect(new Set(await changed(3))).toEqual(new Set([['Large', 781], ['group 59', 13], ['one more', 0]]));
      expect(attempt.scopes).toHaveLength(781);
    });

    test('are all open ones when the task has ended: they are lost', async () => {
      const task = new ScriptedTask();
      const attempt = task.attempt();
      const outer = attempt.scope('outer');
      outer.scope('inner');
      attempt.scope('done').complete();
      const store = await storeWith(task.facts.slice(), task.during(() => attempt.complete()));
      const lines = (await store.scopeChanges(UUID, 1))!.scopes;
      expect(new Set(lines.map((line) => [line.name, line.outcome, line.running]))).toEqual(new Set([['TEST', 'completed', 0], ['inner', 'lost', 0], ['outer', 'lost', 0]]));
    });

    test('are none where they are more than a thousand', async () => {
      const { task } = largeTask(100, 10);
      const store = await storeWith(task.facts.slice(), task.during(() => task.attempts[0]!.notify('one line')));
      expect(await store.scopeChanges(UUID, 0)).toEqual({ version: 2, scopes: [], isCut: true });
      expect((await store.scopeChanges(UUID, 1))!.scopes).toHaveLength(1);
    });
  });
}
