import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isGreaterContent } from '../../../collector/record/fold.ts';
import type { Fact, ScopeStart } from '../../../src/fact.ts';
import { anyDelivery, arbitraryTask, cases } from './arbitrary-task.ts';
import { folded, taskAfter } from './folding.ts';
import { ScriptedTask } from './scripted-task.ts';

/** A fact as a limit on its way has cut it; `undefined` where there is nothing to cut. */
function cutOnItsWay(fact: Fact): Fact | undefined {
  switch (fact.kind) {
    case 'exception':
      return isCut(fact.message) ? { ...fact, message: cut(fact.message) } : undefined;
    case 'task-start':
      return 'queue' in fact.attributes ? { ...fact, attributes: { ...fact.attributes, queue: 'm' } } : undefined;
    case 'result':
      return fact.result.length > 1 ? { ...fact, result: '1' } : undefined;
    case 'scope-end':
    case 'task-end': {
      const { error } = fact;
      if (error === undefined || !isCut(error.message)) return undefined;
      return { ...fact, error: { ...error, message: cut(error.message) } };
    }
    default:
      return undefined;
  }
}

function cut(text: string): string {
  return Array.from(text).slice(0, -1).join('');
}

function isCut(text: string): boolean {
  return cut(text).trim() !== '';
}

describe('of two contents of one fact', () => {
  test('the longer is the record\'s, whichever comes first', () => {
    const deliveries = arbitraryTask().chain(({ facts }) =>
      fc.tuple(
        fc.constant(facts),
        fc
          .subarray(facts)
          .chain((some) => anyDelivery([...facts, ...some.map(cutOnItsWay).filter((fact) => fact !== undefined)])),
      ),
    );
    fc.assert(
      fc.property(deliveries, ([facts, delivery]) => {
        expect(folded(taskAfter(delivery))).toEqual(folded(taskAfter([facts])));
      }),
      cases(500),
    );
  });

  test.each([
    ['an exception', (fact: Fact) => ({ ...fact, message: 'rows are missing' }), (fact: Fact) => ({ ...fact, message: 'rows are' }), 'exception', 'rows are missing'],
    ['a result', (fact: Fact) => ({ ...fact, result: '{"rows":12}' }), (fact: Fact) => ({ ...fact, result: '{}' }), 'result', { rows: 12 }],
    ['attributes', (fact: Fact) => ({ ...fact, attributes: { queue: 'mail' } }), (fact: Fact) => ({ ...fact, attributes: { queue: 'm' } }), 'attributes', { queue: 'mail' }],
    ['a task name', (fact: Fact) => ({ ...fact, name: 'Import customers' }), (fact: Fact) => ({ ...fact, name: 'Import' }), 'task_name', 'Import customers'],
  ] as const)('the longer of %s is taken over a shorter that is stored already, as one more commit', (kind, longer, shorter, field, expected) => {
    const task = new ScriptedTask();
    const attempt = task.attempt();
    attempt.result('1');
    const scope = attempt.scope('Read file');
    scope.fail({ name: 'Error', message: 'x' });
    const fact = task.facts.find((each) =>
      each.kind === (kind === 'an exception' ? 'exception' : kind === 'a result' ? 'result' : 'task-start'),
    )!;
    const others = task.facts.filter((each) => each !== fact);
    const [long, short] = [longer(fact) as Fact, shorter(fact) as Fact];
    const shortFirst = taskAfter([others, [short], [long]]);
    const longFirst = taskAfter([others, [long], [short]]);
    expect(folded(shortFirst).summary[field]).toEqual(expected);
    expect(folded(longFirst).summary[field]).toEqual(expected);
    expect([shortFirst.version, longFirst.version]).toEqual([3, 2]);
  });

  test('an end\'s longer error is in the tree, whichever comes first', () => {
    const task = new ScriptedTask();
    task.attempt().scope('Read file').fail({ name: 'Error', message: 'no such file: customers.csv' });
    const others = task.facts.slice(0, -1);
    const end = task.facts.at(-1)!;
    const short = { ...end, error: { name: 'Error', message: 'no such file' } } as Fact;
    for (const delivery of [[others, [end], [short]], [others, [short], [end]]]) {
      expect(folded(taskAfter(delivery)).tree[0]!.scopes[0]!.error).toBe('Error: no such file: customers.csv');
    }
  });

  test('a part\'s worker is that of the longer start, whichever comes first', () => {
    const task = new ScriptedTask();
    const part = task.attempt().part('Convert', 'ab');
    const start = task.facts.at(-1) as ScopeStart;
    const { remote: _, workerId: __, ...bare } = start;
    // A scope that is no part has no worker, whatever its start names.
    const starts: Fact[] = [start, { ...bare, remote: true }, { ...bare, workerId: 'abc' }, { ...start, workerId: 'b' }];
    const workerOf = (facts: readonly Fact[]): string =>
      taskAfter([task.facts.slice(0, -1), ...facts.map((fact) => [fact])]).scopes.get(part.ref.traceId, part.ref.spanId)!.partWorkerId;
    fc.assert(
      fc.property(fc.shuffledSubarray(starts, { minLength: 1 }), (some) => {
        expect(workerOf(some)).toBe(workerOf(starts.filter((fact) => some.includes(fact))));
      }),
      cases(200),
    );
    expect(workerOf([start, { ...bare, remote: true }])).toBe('ab');
  });

  test('of one length the greater counts', () => {
    expect(isGreaterContent('b', 'a')).toBe(true);
    expect(isGreaterContent('a', 'b')).toBe(false);
    expect(isGreaterContent('a', 'a')).toBe(false);
    expect(isGreaterContent('aa', 'b')).toBe(true);
  });

  test('none is greater where only the order of keys differs', () => {
    const [one, other] = [{ rows: 1, inner: { a: 1, b: [2] } }, { inner: { b: [2], a: 1 }, rows: 1 }];
    expect(isGreaterContent(one, other)).toBe(false);
    expect(isGreaterContent(other, one)).toBe(false);
  });

  test('exactly one is greater, and all readers choose alike', () => {
    const content = fc.jsonValue({ maxDepth: 2 });
    fc.assert(
      fc.property(content, content, content, (a, b, c) => {
        if (isGreaterContent(a, b)) expect(isGreaterContent(b, a)).toBe(false);
        if (isGreaterContent(a, b) && isGreaterContent(b, c)) expect(isGreaterContent(a, c)).toBe(true);
      }),
      cases(500),
    );
  });
});
