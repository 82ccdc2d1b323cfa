import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SpanRef } from '../../../src/fact.ts';
import type { ScopeState } from '../../../collector/record/scope-state.ts';
import { TaskFold } from '../../../collector/record/task-fold.ts';
import { arbitraryTask, cases, spanOrderedDelivery } from './arbitrary-task.ts';
import { commitFacts, lineWriter, logOf, textOf } from './folding.ts';
import { ScriptedTask } from './scripted-task.ts';
import type { ScriptedAttempt } from './scripted-task.ts';

/** The log of a script, as lines. */
function linesOf(script: (attempt: ScriptedAttempt, task: ScriptedTask) => void): string[] {
  const task = new ScriptedTask();
  script(task.attempt(), task);
  return logOf(...task.facts.map((fact) => [fact])).split('\n').slice(0, -1);
}

const DONE = ['\t\tSuccessfully completed', '\t\tTime spent: 0h0m'];
const FAILED = ['\t\tFailed', '\t\tTime spent: 0h0m', '\t\tSee error message:', 'Error: x'];
const ERROR = { name: 'Error', message: 'x' };

describe('a scope is named again, as (continued),', () => {
  test('before its message, when another that is still open has spoken in between', () => {
    expect(
      linesOf((attempt) => {
        const [left, right] = [attempt.scope('Left'), attempt.scope('Right')];
        left.notify('one');
        left.notify('two');
        right.notify('three');
      }),
    ).toEqual(['\t - Left', '\t - Right', '\t - Left (continued)', '\tone', '\ttwo', '\t - Right (continued)', '\tthree']);
  });

  test('before its outcome, when the line before is another\'s, even of one that has ended', () => {
    expect(
      linesOf((attempt) => {
        const [left, right] = [attempt.scope('Left'), attempt.scope('Right')];
        right.complete();
        left.complete();
      }),
    ).toEqual(['\t - Left', '\t - Right', ...DONE, '\t - Left (continued)', ...DONE]);
  });

  test('before its message, when the line before is that of an ended scope beside it', () => {
    expect(
      linesOf((attempt) => {
        const [left, right] = [attempt.scope('Left'), attempt.scope('Right')];
        right.complete();
        left.notify('one');
      }),
    ).toEqual(['\t - Left', '\t - Right', ...DONE, '\t - Left (continued)', '\tone']);
  });

  test('before its message, when the line before is that of an ended scope in a part elsewhere that is open', () => {
    expect(
      linesOf((attempt) => {
        const job = attempt.scope('Job');
        job.part('Part').scope('Inner').complete();
        job.notify('one');
        job.complete();
      }),
    ).toEqual(['\t - Job', '\t - Part', '\t - Inner', ...DONE, '\t - Job (continued)', '\tone', ...DONE]);
  });

  test('when it is a heading that speaks while a scope inside it is open', () => {
    expect(
      linesOf((attempt) => {
        const heading = attempt.scope('Heading');
        heading.scope('Inner');
        heading.notify('one');
      }),
    ).toEqual(['\t - Heading', '\t - Inner', '\t - Heading (continued)', '\tone']);
  });

  test('when it is a heading that reports its own failure after the scopes inside it', () => {
    expect(
      linesOf((attempt) => {
        const heading = attempt.scope('Heading');
        heading.scope('Inner').complete();
        heading.notify('one');
        heading.fail(ERROR);
      }),
    ).toEqual(['\t - Heading', '\t - Inner', ...DONE, '\tone', '\t - Heading (continued)', ...FAILED]);
  });

  test('when it is the task, and speaks while a scope is open', () => {
    expect(
      linesOf((attempt) => {
        attempt.scope('Read file');
        attempt.notify('one');
      }),
    ).toEqual(['\t - Read file', '\t - TEST (continued)', '\tone']);
  });

  test('when it goes on after the task has ended', () => {
    expect(
      linesOf((attempt) => {
        const scope = attempt.scope('Read file');
        attempt.complete();
        scope.notify('one');
        scope.complete();
      }),
    ).toEqual([
      '\t - Read file', '\tTask Finished - 0 out of 1 jobs finished', '\t - Read file (continued)', '\tone', ...DONE,
    ]);
  });

  test('when it is of the attempt before, and goes on after the next has begun', () => {
    expect(
      linesOf((attempt, task) => {
        const scope = attempt.scope('Read file');
        const second = task.attempt();
        scope.notify('one');
        second.notify('two');
      }),
    ).toEqual(['\t - Read file', '\tAttempt 2', '\t - Read file (continued)', '\tone', '\t - TEST (continued)', '\ttwo']);
  });
});

describe('a scope is not named again', () => {
  test('while no other speaks', () => {
    expect(
      linesOf((attempt) => {
        const scope = attempt.scope('Read file');
        scope.notify('one');
        scope.notify('two');
        scope.complete();
      }),
    ).toEqual(['\t - Read file', '\tone', '\ttwo', ...DONE]);
  });

  test('when it speaks after a scope inside it has ended', () => {
    expect(
      linesOf((attempt) => {
        const heading = attempt.scope('Heading');
        const outer = heading.scope('Outer');
        outer.scope('Inner').complete();
        outer.complete();
        heading.notify('one');
        attempt.notify('two');
      }).slice(3),
    ).toEqual([...DONE, '\tone', '\t - TEST (continued)', '\ttwo']);
  });

  test('when it is the task, and speaks before, between and after its scopes', () => {
    expect(
      linesOf((attempt) => {
        attempt.notify('one');
        attempt.scope('Read file').complete();
        attempt.notify('two');
        attempt.scope('Write rows').complete();
        attempt.complete();
      }),
    ).toEqual([
      '\tone', '\t - Read file', ...DONE, '\ttwo', '\t - Write rows', ...DONE, '\tTask Finished - 2 out of 2 jobs finished',
    ]);
  });

  test('when it begins, and neither is an attempt or the end of one', () => {
    expect(
      linesOf((attempt, task) => {
        attempt.scope('Left');
        attempt.scope('Right');
        attempt.complete();
        task.attempt().fail(ERROR);
      }),
    ).toEqual([
      '\t - Left', '\t - Right', '\tTask Finished - 0 out of 2 jobs finished', '\tAttempt 2', '\t - TEST', ...FAILED,
      '\tTask Finished',
    ]);
  });

  test('when it is a heading that completes, or passes on an error from inside: it writes no line', () => {
    expect(
      linesOf((attempt) => {
        const heading = attempt.scope('Heading');
        heading.scope('Inner').fail(ERROR);
        heading.passOn();
      }),
    ).toEqual(['\t - Heading', '\t - Inner', ...FAILED]);
  });

  test('by a name that has not arrived: its lines stand without', () => {
    const task = new ScriptedTask();
    const attempt = task.attempt();
    const [left, right] = [attempt.scope('Left'), attempt.scope('Right')];
    left.complete();
    right.notify('one');
    const facts = task.facts.filter((fact) => fact.kind !== 'scope-start' || fact.name === 'Left');
    expect(logOf(facts)).toBe(`\t - Left\n${DONE.join('\n')}\n\tone\n`);
  });
});

test('no outcome can be read as another scope\'s, and no message as that of one beside or around', () => {
  const deliveries = arbitraryTask({ uniqueNames: true }).chain(({ facts }) => spanOrderedDelivery(facts));
  fc.assert(
    fc.property(deliveries, (delivery) => {
      const task = new TaskFold(delivery[0]![0]!.span.taskUuid);
      let named: SpanRef | undefined;
      const ownLines = lineWriter();
      for (const fact of delivery.flat()) {
        // The log shows no announcement, and a fact that came before brings nothing new.
        const text = textOf(commitFacts(task, [fact]));
        if (text === '') continue;
        const namesItself = fact.kind !== 'notification' && fact.kind !== 'scope-end';
        if (namesItself || text !== ownLines(fact)) named = fact.span;
        else if (named !== undefined && named.spanId !== fact.span.spanId) {
          const before = scopeOf(task, named);
          expect(fact.kind).toBe('notification');
          expect(isInside(task, before, scopeOf(task, fact.span))).toBe(true);
          expect(before.end).not.toBeNull();
        }
      }
    }),
    cases(500),
  );
});

function scopeOf(task: TaskFold, { traceId, spanId }: SpanRef): ScopeState {
  return task.scopes.get(traceId, spanId)!;
}

function isInside(task: TaskFold, scope: ScopeState, outer: ScopeState): boolean {
  for (let around = task.around(scope); around !== undefined; around = task.around(around)) if (around === outer) return true;
  return false;
}
