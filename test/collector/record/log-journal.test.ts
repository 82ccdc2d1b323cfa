import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { basicOutcome } from '../../../src/conventions.ts';
import type { Fact } from '../../../src/fact.ts';
import { factLines, nameLine } from '../../../src/log-line.ts';
import { anyDelivery, arbitraryTask, batches, cases, spanOrderedDelivery } from './arbitrary-task.ts';
import { lineWriter, logOf, writtenIn } from './folding.ts';
import type { Written } from './folding.ts';
import { ScriptedTask } from './scripted-task.ts';
import { SEED_LOG, seedExample } from './seed-example.ts';

/** What each fact writes by itself, sorted. */
function linesOf(facts: readonly Fact[]): string[] {
  return facts.map(lineWriter()).filter((lines) => lines !== '').toSorted();
}

/** What a fact wrote, without the line that names its scope again. */
function unnamed({ text, lines }: Written): string {
  return text.endsWith(lines) ? lines : text;
}

describe('the seed\'s example', () => {
  const { facts } = seedExample();

  test('gives the seed\'s log, character for character, committed at once', () => {
    expect(logOf(facts)).toBe(SEED_LOG);
  });

  test('gives it fact by fact, and in any batches', () => {
    expect(logOf(...facts.map((fact) => [fact]))).toBe(SEED_LOG);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 }), (sizes) => {
        expect(logOf(...batches(facts, sizes))).toBe(SEED_LOG);
      }),
      cases(300),
    );
  });

  test('gives it however one commit\'s facts are ordered, and whatever is repeated', () => {
    fc.assert(
      fc.property(anyDelivery(facts), (delivery) => {
        expect(logOf(delivery.flat())).toBe(SEED_LOG);
      }),
      cases(300),
    );
  });
});

describe('the log of any task', () => {
  test('has one text where its facts come in the order of their source, whatever the batches', () => {
    const deliveries = arbitraryTask().chain(({ facts }) => {
      const inOrder = facts.toSorted((one, other) => one.time - other.time);
      return fc.tuple(fc.constant(inOrder), fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }));
    });
    fc.assert(
      fc.property(deliveries, ([facts, sizes]) => {
        expect(logOf(...batches(facts, sizes))).toBe(logOf(facts));
      }),
      cases(500),
    );
  });

  test('has the same set of lines in any interleaving that keeps each span\'s own order', () => {
    const deliveries = arbitraryTask().chain(({ facts }) => fc.tuple(fc.constant(facts), spanOrderedDelivery(facts)));
    fc.assert(
      fc.property(deliveries, ([facts, delivery]) => {
        const { written } = writtenIn(delivery);
        expect(written.map(unnamed).toSorted()).toEqual(linesOf(facts));
      }),
      cases(500),
    );
  });

  test('shows each fact once and whole, after no more than its scope\'s name, in any order and repetition', () => {
    const deliveries = arbitraryTask().chain(({ facts }) => fc.tuple(fc.constant(facts), anyDelivery(facts)));
    fc.assert(
      fc.property(deliveries, ([facts, delivery]) => {
        const { task, written } = writtenIn(delivery);
        expect(written.filter((each) => each.lines !== '').length).toBe(linesOf(facts).length);
        for (const { fact, entry, bytes, text, missing, lines: own } of written) {
          const scope = task.scopes.get(fact.span.traceId, fact.span.spanId)!;
          const lines = missing + own;
          const named = text !== lines;
          expect(text).toBe(named ? nameLine(scope.name, true) + lines : lines);
          expect(entry).toMatchObject({ scope: scope.number, time: fact.time });
          expect(bytes).toBe(Buffer.byteLength(text));
          if (fact.kind === 'notification') expect(entry.notification?.named).toBe(named);
          else expect(entry.notification).toBeUndefined();
        }
      }),
      cases(500),
    );
  });

  test('gives each notification back, from its line or beside it', () => {
    fc.assert(
      fc.property(arbitraryTask(), ({ facts }) => {
        for (const { fact, entry, text } of writtenIn([facts]).written) {
          if (fact.kind !== 'notification') continue;
          const { named, message, attributes } = entry.notification!;
          const line = named ? text.slice(text.indexOf('\n') + 1) : text;
          expect(message ?? line.slice(1, -1)).toBe(fact.message);
          expect(attributes).toEqual(fact.attributes);
        }
      }),
      cases(500),
    );
  });

  test('keeps the lines of the content that came first', () => {
    const { facts } = seedExample();
    const end = facts.findIndex((fact) => fact.kind === 'scope-end' && fact.error !== undefined);
    const longer = { ...facts[end]!, error: { name: 'ZeroDivisionError', message: 'division by zero, again' } } as Fact;
    expect(logOf(facts, [longer])).toBe(SEED_LOG);
  });

  test('is by sequence within one commit, where times are one', () => {
    const task = new ScriptedTask();
    task.pace = 0;
    const attempt = task.attempt();
    for (const message of ['one', 'two', 'three']) attempt.notify(message);
    expect(logOf(task.facts.toReversed())).toBe('\tone\n\ttwo\n\tthree\n');
  });

  test('has what comes late where it came, and never moves a line', () => {
    const task = seedExample();
    const late = task.facts.filter(({ kind }) => kind === 'notification').slice(0, 1);
    const others = task.facts.filter((fact) => !late.includes(fact));
    const before = logOf(others);
    expect(logOf(others, late)).toBe(`${before}\t - TEST - First part (continued)\n\tSome notification related to the task\n`);
  });
});

describe('no text of a task', () => {
  test('makes a line that only taskspan writes, or has a control character in the log', () => {
    fc.assert(
      fc.property(arbitraryTask(), ({ facts, attempts }) => {
        const { written } = writtenIn([facts]);
        const lines = written.map(({ text }) => text).join('').split('\n');
        const count = (form: RegExp): number => lines.filter((line) => form.test(line)).length;
        const ends = facts.filter((fact) => 'outcome' in fact && factLines(fact).includes('\t\tTime spent'));
        const names = written.reduce((sum, { fact, text, lines: ownLines }) => {
          const own = fact.kind === 'scope-start' || (fact.kind === 'task-end' && (fact.error !== undefined || basicOutcome(fact.outcome) === 'cancelled'));
          return sum + Number(own) + Number(text !== ownLines);
        }, 0);
        expect(count(/^\tTask (?:Finished|Cancelled)(?: - |$)/)).toBe(attempts.filter(({ open }) => !open).length);
        expect(count(/^\tAttempt \d/)).toBe(attempts.filter(({ number }, at) => number > 1 || at > 0).length);
        expect(count(/^\t\t(?:Successfully completed|Failed|Cancelled)$/)).toBe(ends.length);
        expect(count(/^\t - /)).toBe(names);
        // oxlint-disable-next-line no-control-regex
        expect(count(/[\0-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e]/)).toBe(0);
      }),
      cases(500),
    );
  });
});

describe('a second run with the number of another attempt', () => {
  test('has a line that says so', () => {
    const task = new ScriptedTask();
    task.attempt({ number: 1 }).complete();
    task.attempt({ number: 1 }).complete();
    task.attempt({ number: 2 }).complete();
    task.attempt({ number: 2 }).cancel();
    expect(logOf(task.facts)).toBe(
      '\tTask Finished\n\tAttempt 1, again\n\tTask Finished\n\tAttempt 2\n\tTask Finished\n\tAttempt 2, again\n\t - TEST\n\t\tCancelled\n\t\tTime spent: 0h0m\n\tTask Cancelled\n',
    );
  });
});
