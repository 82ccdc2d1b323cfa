import { describe, expect, test } from 'vitest';
import type { ScopeRecord } from '../../../src/task-record.ts';
import { batches } from '../record/arbitrary-task.ts';
import { ScriptedTask, UUID } from '../record/scripted-task.ts';
import type { StoreWith } from './task-store-contract.ts';

/** The scopes that every `TaskStore` gives. */
export function describeScopes(name: string, storeWith: StoreWith): void {
  describe(`${name}: the scopes of a task`, () => {
    test('stand inside each other in the order of their starts, with all that is known of them', async () => {
      const task = new ScriptedTask();
      const attempt = task.attempt({ name: 'Import customers' });
      const heading = attempt.scope('Read');
      heading.plan({ 'Read file': 3, 'Check rows': 1 });
      const file = heading.scope('Read file');
      file.progress(1, 4);
      file.notify('a quarter', { table: 'customers', rows: [1, 2] });
      heading.scope('Check rows').fail({ name: 'TypeError', message: 'no rows' });
      attempt.scope('Write rows').fail({ name: 'Error', message: '' });
      attempt.scope('Say so').cancel();
      const store = await storeWith(task.facts);
      const bare = {
        trace_id: attempt.ref.traceId, heading: false, progress: null, done: null, total: null, error: null, attributes: {},
        notifications: [], notification_count: 0, facts_missing: 0, scopes: [], end: null, outcome: 'running',
      };
      const at = (micros: number): string => `2023-11-14T22:13:20.0000${String(micros).padStart(2, '0')}Z`;
      expect((await store.scopes(UUID))!.attempts).toEqual([
        {
          ...bare, span_id: attempt.ref.spanId, name: 'Import customers', start: at(1), heading: true, attempt: 1,
          scopes: [
            {
              ...bare, span_id: heading.ref.spanId, name: 'Read', start: at(2), heading: true, progress: 0.4375,
              scopes: [
                {
                  ...bare, span_id: file.ref.spanId, name: 'Read file', start: at(4), progress: 0.25, done: 1, total: 4,
                  notifications: [{ time: at(6), message: 'a quarter', attributes: { table: 'customers', rows: [1, 2] } }],
                  notification_count: 1,
                },
                {
                  ...bare, span_id: attempt.scopes[2]!.ref.spanId, name: 'Check rows', start: at(7), end: at(9),
                  outcome: 'failed', error: 'TypeError: no rows',
                },
              ],
            },
            {
              ...bare, span_id: attempt.scopes[3]!.ref.spanId, name: 'Write rows', start: at(10), end: at(12),
              outcome: 'failed', error: 'Error',
            },
            {
              ...bare, span_id: attempt.scopes[4]!.ref.spanId, name: 'Say so', start: at(13), end: at(14), outcome: 'cancelled',
            },
          ],
        },
      ]);
    });

    test.each(['\0', 'a\0b', '"', '"a\0b"', '"Read" file', '{}', 'null', '\x1b[31m', '行を書く 🎉', '__proto__'])(
      'have the name %j as it was given',
      async (scope) => {
        const task = new ScriptedTask();
        task.attempt().scope(scope).notify('one');
        const store = await storeWith(...task.facts.map((fact) => [fact]));
        expect((await store.scopes(UUID))!.attempts[0]!.scopes[0]!.name).toBe(scope);
      },
    );

    test('stand by attempts, first to last', async () => {
      const task = new ScriptedTask();
      for (const scope of ['one', 'two', 'three']) task.attempt().scope(scope);
      const store = await storeWith(...task.facts.toReversed().map((fact) => [fact]));
      const attempts = (await store.scopes(UUID))!.attempts;
      expect(attempts.map(({ attempt, scopes }) => [attempt, scopes[0]!.name])).toEqual([[1, 'one'], [2, 'two'], [3, 'three']]);
    });

    test.each([[1], [7], [100], [2000]])(
      'have their last 100 notifications, oldest first, and the count of all, in commits of %d facts',
      async (size) => {
        const task = new ScriptedTask();
        const scope = task.attempt().scope('Busy');
        for (let at = 0; at < 725; at++) scope.notify(`line ${at}`);
        const store = await storeWith(...batches(task.facts, [size]));
        const [{ notification_count, notifications }] = (await store.scopes(UUID))!.attempts[0]!.scopes as [ScopeRecord];
        expect(notification_count).toBe(725);
        expect(notifications.map(({ message }) => message)).toEqual(Array.from({ length: 100 }, (_, at) => `line ${625 + at}`));
      },
    );

    test('have them all where they are few, however many others stand between them', async () => {
      const task = new ScriptedTask();
      const attempt = task.attempt();
      const [busy, quiet] = [attempt.scope('Busy'), attempt.scope('Quiet')];
      quiet.notify('first');
      for (let at = 0; at < 500; at++) busy.notify(`line ${at}`);
      quiet.notify('last');
      const store = await storeWith(...batches(task.facts, [7]));
      const [busyRecord, quietRecord] = (await store.scopes(UUID))!.attempts[0]!.scopes as [ScopeRecord, ScopeRecord];
      expect(busyRecord.notifications.map(({ message }) => message)).toEqual(Array.from({ length: 100 }, (_, at) => `line ${400 + at}`));
      expect(quietRecord.notifications.map(({ message }) => message)).toEqual(['first', 'last']);
    });

    test.each([
      ['of several lines', 'one\ntwo\r\nthree\n'],
      ['with leading and trailing spaces', '  \t one  '],
      ['that is empty', ''],
      ['of spaces alone', '  \n '],
      ['that looks like a final line', 'Task Finished - 3 out of 3 jobs finished'],
      ['that looks like a marked line', '  | one'],
      ['that forges a scope and its outcome', '\t - Write rows\n\t\tSuccessfully completed\n\t\tTime spent: 0h0m'],
      ['with control characters', '\0\x1b[31mred\x07\x7f\u009b'],
      ['that has the pictures of control characters', '\u2400\u241b'],
      ['that changes the direction of text', 'a\u202eb'],
      ['in several scripts', 'Notificación ✓ 行を書く 🎉👩‍👩‍👧'],
      ['that looks like a name going on', ' - Left (continued)\n'],
      ['of a megabyte', 'xé'.repeat(350_000)],
    ])('give back a message %s exactly, with its attributes, named again or not', async (_what, message) => {
      const task = new ScriptedTask();
      const attempt = task.attempt();
      const [left, right] = [attempt.scope('Left'), attempt.scope('Right')];
      right.notify(message);
      left.notify(message, { of: message, list: [message, message] });
      left.notify(message);
      const store = await storeWith(task.facts.slice(0, 4), task.facts.slice(4));
      const [leftRecord, rightRecord] = (await store.scopes(UUID))!.attempts[0]!.scopes as [ScopeRecord, ScopeRecord];
      expect(rightRecord.notifications.map(({ time: _time, ...rest }) => rest)).toEqual([{ message }]);
      expect(leftRecord.notifications.map(({ time: _time, ...rest }) => rest)).toEqual([
        { message, attributes: { of: message, list: [message, message] } },
        { message },
      ]);
    });
  });
}
