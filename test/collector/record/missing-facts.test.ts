import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { missingBelow, missingIn, addSeq } from '../../../collector/record/fact-sequence.ts';
import { arbitraryTask, cases, spanOrderedDelivery } from './arbitrary-task.ts';
import { folded, logOf, taskAfter, writtenIn } from './folding.ts';
import { ScriptedTask } from './scripted-task.ts';

describe('facts that have not arrived', () => {
  test('are logged where their scope ends, and counted in the record', () => {
    const task = new ScriptedTask();
    const attempt = task.attempt();
    const scope = attempt.scope('Write rows');
    for (let n = 0; n < 100; n++) scope.notify(`row ${n}`);
    scope.complete();
    attempt.complete();
    const arrived = task.facts.filter((_, index) => index < 10 || index >= 82);
    expect(logOf(arrived.slice(0, 10), arrived.slice(10))).toContain('\trow 7\n\trow 80\n');
    expect(logOf(arrived)).toMatch(/\trow 99\n\t72 updates not received\n\t\tSuccessfully completed\n.*\n\tTask Finished - 1 out of 1 jobs finished\n$/);
    expect(folded(taskAfter([arrived])).summary).toMatchObject({ facts_missing: 72, jobs: { total: 1, finished: 1 } });
  });

  test('of a heading and of the task itself are logged too', () => {
    const task = new ScriptedTask();
    const attempt = task.attempt();
    attempt.notify('begun');
    const heading = attempt.scope('Heading');
    heading.notify('lost');
    const inner = heading.scope('Inner');
    inner.complete();
    heading.complete();
    attempt.complete();
    const arrived = task.facts.filter((fact) => fact.kind !== 'notification');
    expect(logOf(arrived)).toBe(
      '\t - Heading\n\t - Inner\n\t\tSuccessfully completed\n\t\tTime spent: 0h0m\n' +
        '\t - Heading (continued)\n\t1 update not received\n\t1 update not received\n\tTask Finished - 1 out of 1 jobs finished\n',
    );
    expect(folded(taskAfter([arrived])).summary['facts_missing']).toBe(2);
  });

  test('that come late stand late, and are missed no more', () => {
    const task = new ScriptedTask();
    const attempt = task.attempt();
    attempt.notify('late');
    attempt.complete();
    const [start, late, end] = task.facts;
    expect(logOf([start!, end!], [late!])).toBe('\t1 update not received\n\tTask Finished\n\tlate\n');
    expect(folded(taskAfter([[start!, end!], [late!]])).summary['facts_missing']).toBe(0);
  });

  test('of the middle of a running scope are counted before it ends', () => {
    const task = new ScriptedTask();
    const attempt = task.attempt();
    for (let n = 0; n < 5; n++) attempt.notify(`n ${n}`);
    expect(folded(taskAfter([[task.facts[0]!, task.facts[4]!]])).summary).toMatchObject({ state: 'running', facts_missing: 3 });
  });

  test('are none where all have arrived, in any interleaving of the spans', () => {
    const deliveries = arbitraryTask().chain(({ facts }) => spanOrderedDelivery(facts));
    fc.assert(
      fc.property(deliveries, (delivery) => {
        const { task, written } = writtenIn(delivery);
        expect(folded(task).summary['facts_missing']).toBe(0);
        expect(written.some(({ missing }) => missing !== '')).toBe(false);
      }),
      cases(500),
    );
  });
});

test('what a set is known to lack is what lies below its greatest number', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(30)), (seqs) => {
      const set: number[] = [];
      for (const seq of seqs) addSeq(set, seq);
      expect(missingIn(set)).toBe(seqs.length === 0 ? 1 : Math.max(...seqs) + 1 - new Set(seqs).size);
      expect(missingBelow(set, 31)).toBe(31 - new Set(seqs).size);
    }),
  );
});

test('no message can forge the line', () => {
  const task = new ScriptedTask();
  task.attempt().notify('72 updates not received');
  expect(logOf(task.facts)).toBe('\t  | 72 updates not received\n');
});
