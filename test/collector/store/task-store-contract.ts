import * as fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Fact } from '../../../src/fact.ts';
import type { ScopeRecord, TaskState } from '../../../collector/record/task-record.ts';
import type { TaskStore } from '../../../collector/store/task-store.ts';
import { anyDelivery, arbitraryTask, batches, cases } from '../record/arbitrary-task.ts';
import { ScriptedTask, UUID } from '../record/scripted-task.ts';
import { SEED_LOG, seedExample } from '../record/seed-example.ts';
import { expectedAfter, ofTask, uuidOf, wholeOf } from './expected-task.ts';

/**
 * What every {@link TaskStore} promises.
 *
 * @param newStore Gives a store that is empty. The contract closes it.
 */
export function describeTaskStore(name: string, newStore: () => TaskStore): void {
  /** A store with these appends done. */
  const storeWith = async (...appends: (readonly Fact[])[]): Promise<TaskStore> => {
    const store = newStore();
    onTestFinished(() => store.close());
    for (const facts of appends) await store.append(facts);
    return store;
  };

  describe(`${name}: a task`, () => {
    test('that is unknown is undefined, with its log and its scopes', async () => {
      const store = await storeWith(seedExample(uuidOf(1)).facts);
      expect([await store.task(UUID), await store.log(UUID), await store.scopes(UUID)]).toEqual([undefined, undefined, undefined]);
    });

    test('is kept as its facts tell it, the seed\'s example first of all', async () => {
      const { facts } = seedExample();
      const store = await storeWith(facts);
      const task = (await store.task(UUID))!;
      expect(task).toMatchObject({ uuid: UUID, state: 'failed', version: 1, logBytes: Buffer.byteLength(SEED_LOG) });
      expect(JSON.parse(task.summary)).toMatchObject({
        task_name: 'TEST', task_uuid: UUID, exception: 'division by zero', finished: true, status: 0,
        jobs: { total: 4, finished: 3, failed: 1, running: 0 },
      });
      expect(await store.log(UUID)).toEqual({ offset: 0, text: SEED_LOG, version: 1, logBytes: Buffer.byteLength(SEED_LOG) });
    });

    test('is the same whether its facts are appended at once or one by one', async () => {
      const { facts } = seedExample();
      const store = await storeWith(...facts.map((fact) => [fact]));
      expect(await wholeOf(store, UUID)).toEqual({ ...expectedAfter([facts]), version: facts.length });
    });

    test('is what its facts make it, whatever their order, batches and texts', async () => {
      const store = await storeWith();
      const expected = new Map<string, unknown>();
      const deliveries = arbitraryTask().chain(({ facts }) => anyDelivery(facts));
      let number = 0;
      await fc.assert(
        fc.asyncProperty(deliveries, async (delivery) => {
          const uuid = uuidOf(++number);
          const appends = ofTask(uuid, delivery);
          for (const facts of appends) await store.append(facts);
          expected.set(uuid, expectedAfter(appends));
          expect(await wholeOf(store, uuid)).toEqual(expected.get(uuid));
        }),
        cases(150),
      );
      for (const [uuid, whole] of [...expected].slice(0, 20)) expect(await wholeOf(store, uuid)).toEqual(whole);
    });

    test('grows by one version with each append that brings something new, and by none with others', async () => {
      const { facts } = seedExample();
      const store = await storeWith(facts.slice(0, 3), facts.slice(0, 3), facts.slice(1, 5), facts.slice(2, 4), []);
      expect((await store.task(UUID))!.version).toBe(2);
      expect(await wholeOf(store, UUID)).toEqual(expectedAfter([facts.slice(0, 3), facts.slice(0, 3), facts.slice(1, 5)]));
    });

    test('gets no version from another task\'s facts in the same append', async () => {
      const [one, other] = [seedExample(uuidOf(1)).facts, seedExample(uuidOf(2)).facts];
      const store = await storeWith(one, [...one, ...other]);
      expect([(await store.task(uuidOf(1)))!.version, (await store.task(uuidOf(2)))!.version]).toEqual([1, 1]);
    });

    test('is kept apart from others whose facts come in the same appends', async () => {
      const tasks = [1, 2, 3].map((number) => seedExample(uuidOf(number)).facts);
      const mixed = tasks[0]!.flatMap((_, at) => tasks.map((facts) => facts[at]!));
      const store = await storeWith(...batches(mixed, [7]));
      for (const number of [1, 2, 3]) {
        const { version: _version, ...whole } = expectedAfter([tasks[number - 1]!]);
        expect(await wholeOf(store, uuidOf(number))).toMatchObject(whole);
      }
    });

    test('is committed before append returns', async () => {
      const { facts } = seedExample();
      const store = await storeWith();
      const appended = facts.map((fact) => store.append([fact]));
      const whole = wholeOf(store, UUID);
      await Promise.all(appended);
      expect(await whole).toMatchObject({ log: SEED_LOG, version: facts.length });
    });

    test('takes the longer of two contents of a fact, and keeps the log\'s lines', async () => {
      const { facts } = seedExample();
      const end = facts.at(-1) as Extract<Fact, { kind: 'task-end' }>;
      const longer: Fact = { ...end, exception: 'division by zero, in line 12' };
      const store = await storeWith(facts, [longer], [end]);
      const { summary, version, log } = await wholeOf(store, UUID);
      expect(summary).toMatchObject({ exception: 'division by zero, in line 12' });
      expect({ version, log }).toEqual({ version: 2, log: SEED_LOG });
    });

    test('that goes on after its final fact keeps its state, and its log and tree grow', async () => {
      const task = new ScriptedTask();
      const attempt = task.attempt();
      const scope = attempt.scope('Read file');
      attempt.complete();
      const before = [...task.facts];
      const late = task.during(() => {
        scope.notify('still here');
        scope.fail({ name: 'Error', message: 'too late' });
      });
      const store = await storeWith(before, ...late.map((fact) => [fact]));
      const whole = await wholeOf(store, UUID);
      expect(whole).toEqual(expectedAfter([before, ...late.map((fact) => [fact])]));
      expect(whole.summary).toMatchObject({ state: 'completed', exception: '', jobs: { total: 1, failed: 1 } });
    });
  });

  describe(`${name}: a log`, () => {
    const TEXTS = ['x', 'é', '行を書く', '🎉🎉', 'a longer line of ASCII', 'é'.repeat(40)];
    const logOfTask = (length: number): { appends: Fact[][]; text: string } => {
      const task = new ScriptedTask();
      const attempt = task.attempt();
      for (let at = 0; at < length; at++) attempt.notify(TEXTS[at % TEXTS.length]!);
      const text = task.facts.slice(1).map((_, at) => `\t${TEXTS[at % TEXTS.length]}\n`).join('');
      return { appends: batches(task.facts, [1, 2, 5]), text };
    };
    const { appends, text: TEXT } = logOfTask(40);
    const BYTES = Buffer.from(TEXT);

    test('is whole where nothing else is asked for', async () => {
      const store = await storeWith(...appends);
      expect(await store.log(UUID)).toEqual({ offset: 0, text: TEXT, version: appends.length, logBytes: BYTES.length });
    });

    test('is empty of a task that has said nothing, and beyond its end', async () => {
      const store = await storeWith(appends[0]!);
      expect(await store.log(UUID)).toEqual({ offset: 0, text: '', version: 1, logBytes: 0 });
      const full = await storeWith(...appends);
      for (const from of [BYTES.length, BYTES.length + 1, 1e9]) {
        expect(await full.log(UUID, { from })).toMatchObject({ offset: BYTES.length, text: '' });
      }
    });

    test('read page by page, each from where the one before ended, is the whole text', async () => {
      const store = await storeWith(...appends);
      await fc.assert(
        fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1 }), async (limits) => {
          let text = '';
          for (let from = 0, turn = 0; from < BYTES.length; turn++) {
            const limit = limits[turn % limits.length]!;
            const page = (await store.log(UUID, { from, limit }))!;
            const bytes = Buffer.byteLength(page.text);
            expect(page.offset).toBe(from);
            expect(bytes).toBeGreaterThan(0);
            expect(bytes).toBeLessThanOrEqual(Math.max(limit, 4));
            text += page.text;
            from += bytes;
          }
          expect(text).toBe(TEXT);
        }),
        cases(100),
      );
    });

    test('read from anywhere never cuts a character, and is the text that stands there', async () => {
      const store = await storeWith(...appends);
      const range = fc.record({ from: fc.nat(BYTES.length), limit: fc.option(fc.nat(200), { nil: undefined }) });
      await fc.assert(
        fc.asyncProperty(range, async ({ from, limit }) => {
          const { offset, text } = (await store.log(UUID, { from, ...(limit !== undefined && { limit }) }))!;
          expect(offset).toBeGreaterThanOrEqual(from);
          expect(offset).toBeLessThanOrEqual(from + 3);
          const bytes = Buffer.from(text);
          expect(BYTES.subarray(offset, offset + bytes.length).equals(bytes)).toBe(true);
          expect(text).not.toContain('\ufffd');
          if (limit === undefined) expect(offset + bytes.length).toBe(BYTES.length);
          else expect(bytes.length).toBeLessThanOrEqual(Math.max(limit, 4));
        }),
        cases(300),
      );
    });

    test('ends with a whole line where one fits into the limit', async () => {
      const store = await storeWith(...appends);
      const first = Buffer.byteLength('\tx\n\té\n');
      expect(await store.log(UUID, { limit: first })).toMatchObject({ text: '\tx\n\té\n' });
      expect(await store.log(UUID, { limit: first + 5 })).toMatchObject({ text: '\tx\n\té\n' });
      expect(await store.log(UUID, { limit: first - 1 })).toMatchObject({ text: '\tx\n' });
      expect(await store.log(UUID, { from: first, limit: 5 })).toMatchObject({ offset: first, text: '\t行' });
    });

    test('read from its end begins with a line, the first that lies within so many bytes', async () => {
      const store = await storeWith(...appends);
      for (let last = 1; last <= BYTES.length + 20; last++) {
        const { offset, text } = (await store.log(UUID, { from: -last }))!;
        const begin = Math.max(0, BYTES.length - last);
        const line = begin === 0 ? 0 : BYTES.indexOf(10, begin - 1) + 1;
        expect({ last, offset, text }).toEqual({ last, offset: line, text: BYTES.toString('utf8', line) });
      }
    });

    test('read from its end with a limit is a part of that, from the beginning of a line too', async () => {
      const store = await storeWith(...appends);
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 1, max: BYTES.length + 20 }), fc.nat(120), async (last, limit) => {
          const { offset, text } = (await store.log(UUID, { from: -last, limit }))!;
          expect(BYTES.toString('utf8', offset, offset + Buffer.byteLength(text))).toBe(text);
          expect(Buffer.byteLength(text)).toBeLessThanOrEqual(Math.max(limit, 4));
          if (text !== '') expect(offset === 0 || BYTES[offset - 1] === 10).toBe(true);
        }),
        cases(200),
      );
    });

    test('has an offset for ever: what is committed later stands behind it', async () => {
      const store = await storeWith(...appends.slice(0, 4));
      const before = (await store.log(UUID))!;
      for (const facts of appends.slice(4)) await store.append(facts);
      expect((await store.log(UUID, { limit: before.logBytes }))!.text).toBe(before.text);
      expect((await store.log(UUID, { from: before.logBytes }))!.text).toBe(TEXT.slice(before.text.length));
    });

    test('of two megabytes in one commit is read in part and as a whole', async () => {
      const task = new ScriptedTask();
      const attempt = task.attempt();
      attempt.notify('first');
      attempt.notify('é'.repeat(1024 * 1024));
      attempt.notify('last');
      const store = await storeWith(task.facts);
      const { logBytes, text } = (await store.log(UUID))!;
      expect(logBytes).toBe(Buffer.byteLength(text));
      expect(text.length).toBe(7 + 2 + 1024 * 1024 + 6);
      expect(await store.log(UUID, { from: -8 })).toMatchObject({ text: '\tlast\n', offset: logBytes - 6 });
      expect(await store.log(UUID, { from: 8, limit: 5 })).toMatchObject({ text: 'éé', offset: 8 });
    });
  });

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
        trace_id: attempt.ref.traceId, heading: false, progress: null, done: null, total: null, error: null,
        notifications: [], notification_count: 0, scopes: [], end: null, outcome: 'running',
      };
      const at = (micros: number): string => `2023-11-14T22:13:20.0000${String(micros).padStart(2, '0')}Z`;
      expect(await store.scopes(UUID)).toEqual([
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

    test('stand by attempts, first to last', async () => {
      const task = new ScriptedTask();
      for (const scope of ['one', 'two', 'three']) task.attempt().scope(scope);
      const store = await storeWith(...task.facts.toReversed().map((fact) => [fact]));
      const attempts = (await store.scopes(UUID))!;
      expect(attempts.map(({ attempt, scopes }) => [attempt, scopes[0]!.name])).toEqual([[1, 'one'], [2, 'two'], [3, 'three']]);
    });

    test.each([[1], [7], [100], [2000]])(
      'have their last 100 notifications, oldest first, and the count of all, in commits of %d facts',
      async (size) => {
        const task = new ScriptedTask();
        const scope = task.attempt().scope('Busy');
        for (let at = 0; at < 725; at++) scope.notify(`line ${at}`);
        const store = await storeWith(...batches(task.facts, [size]));
        const [{ notification_count, notifications }] = (await store.scopes(UUID))![0]!.scopes as [ScopeRecord];
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
      const [busyRecord, quietRecord] = (await store.scopes(UUID))![0]!.scopes as [ScopeRecord, ScopeRecord];
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
      const [leftRecord, rightRecord] = (await store.scopes(UUID))![0]!.scopes as [ScopeRecord, ScopeRecord];
      expect(rightRecord.notifications.map(({ time: _time, ...rest }) => rest)).toEqual([{ message }]);
      expect(leftRecord.notifications.map(({ time: _time, ...rest }) => rest)).toEqual([
        { message, attributes: { of: message, list: [message, message] } },
        { message },
      ]);
    });
  });

  describe(`${name}: the list of tasks`, () => {
    const uuidsOf = async (store: TaskStore, query: { limit: number; cursor?: string; state?: TaskState }): Promise<[string[], string?]> => {
      const { tasks, next } = await store.tasks(query);
      return [tasks.map(({ uuid }) => uuid), ...(next === undefined ? [] : [next])] as [string[], string?];
    };
    const begun = (number: number): Fact[] => {
      const task = new ScriptedTask(uuidOf(number));
      task.attempt();
      return task.facts;
    };

    test('is empty where there are none', async () => {
      const store = await storeWith();
      expect(await store.tasks({ limit: 10 })).toEqual({ tasks: [] });
    });

    test('is newest first by first commit, whatever happens to a task later', async () => {
      const store = await storeWith(begun(3), begun(1), begun(2), seedExample(uuidOf(3)).facts);
      expect(await uuidsOf(store, { limit: 10 })).toEqual([[uuidOf(2), uuidOf(1), uuidOf(3)]]);
    });

    test('has tasks of one commit in the order in which they came', async () => {
      const store = await storeWith([...begun(2), ...begun(1)], begun(3));
      expect(await uuidsOf(store, { limit: 10 })).toEqual([[uuidOf(3), uuidOf(1), uuidOf(2)]]);
    });

    test('has each task as it is when asked for alone', async () => {
      const store = await storeWith(begun(1), seedExample(uuidOf(2)).facts);
      const { tasks } = await store.tasks({ limit: 10 });
      expect(tasks).toEqual([await store.task(uuidOf(2)), await store.task(uuidOf(1))]);
    });

    test('is read page by page, while new tasks come and old ones end, without gap or repeat', async () => {
      const store = await storeWith(...Array.from({ length: 10 }, (_, at) => begun(at + 1)));
      const read: string[] = [];
      let cursor: string | undefined;
      for (let page = 0; page === 0 || cursor !== undefined; page++) {
        const [uuids, next] = await uuidsOf(store, { limit: 3, ...(cursor !== undefined && { cursor }) });
        read.push(...uuids);
        cursor = next;
        await store.append(begun(100 + page));
        await store.append(seedExample(uuidOf(page + 1)).facts);
      }
      expect(read).toEqual(Array.from({ length: 10 }, (_, at) => uuidOf(10 - at)));
    });

    test('has no next page after the last task, even where that fills its page', async () => {
      const store = await storeWith(...Array.from({ length: 4 }, (_, at) => begun(at + 1)));
      const [first, next] = await uuidsOf(store, { limit: 2 });
      expect(first).toEqual([uuidOf(4), uuidOf(3)]);
      expect(await uuidsOf(store, { limit: 2, cursor: next! })).toEqual([[uuidOf(2), uuidOf(1)]]);
    });

    test('has only the tasks in a state, where one is asked for, page by page too', async () => {
      const ended = (number: number, how: 'complete' | 'cancel'): Fact[] => {
        const task = new ScriptedTask(uuidOf(number));
        task.attempt()[how]();
        return task.facts;
      };
      const store = await storeWith(
        begun(1), ended(2, 'complete'), seedExample(uuidOf(3)).facts, ended(4, 'cancel'), ended(5, 'complete'), begun(6),
        ended(7, 'complete'),
      );
      expect(await uuidsOf(store, { limit: 10, state: 'running' })).toEqual([[uuidOf(6), uuidOf(1)]]);
      expect(await uuidsOf(store, { limit: 10, state: 'failed' })).toEqual([[uuidOf(3)]]);
      expect(await uuidsOf(store, { limit: 10, state: 'cancelled' })).toEqual([[uuidOf(4)]]);
      expect(await uuidsOf(store, { limit: 10, state: 'lost' })).toEqual([[]]);
      const [first, next] = await uuidsOf(store, { limit: 2, state: 'completed' });
      expect(first).toEqual([uuidOf(7), uuidOf(5)]);
      expect(await uuidsOf(store, { limit: 2, state: 'completed', cursor: next! })).toEqual([[uuidOf(2)]]);
      await store.append(ended(1, 'complete'));
      expect((await uuidsOf(store, { limit: 10, state: 'completed' }))[0]).toContain(uuidOf(1));
      expect(await uuidsOf(store, { limit: 10, state: 'running' })).toEqual([[uuidOf(6)]]);
    });

    test.each(['', 'x', 'after 3', '%%%', 'dA', 't1', 'null', '\0', 'x'.repeat(10_000)])(
      'rejects %j, which is no cursor, with a RangeError of one short line',
      async (cursor) => {
        const store = await storeWith(begun(1));
        const error: unknown = await store.tasks({ limit: 1, cursor }).catch((reason: unknown) => reason);
        expect(error).toBeInstanceOf(RangeError);
        expect((error as RangeError).message).toMatch(/^cursor: expected .{1,300}$/);
      },
    );
  });

  describe(`${name}: a read`, () => {
    test('sees whole commits, while others are being made', async () => {
      const task = new ScriptedTask();
      const scope = task.attempt().scope('Read file');
      for (let at = 0; at < 200; at++) scope.notify(`line ${at}`);
      const store = await storeWith(task.facts.slice(0, 2));
      const wholes: Promise<unknown>[] = [];
      for (const facts of batches(task.facts.slice(2), [10])) {
        wholes.push(store.append(facts));
        wholes.push(
          Promise.all([store.log(UUID), store.scopes(UUID), store.task(UUID)]).then(([log, attempts]) => {
            expect((log!.text.split('\n').length - 2) % 10).toBe(0);
            expect(attempts![0]!.scopes[0]!.notification_count % 10).toBe(0);
          }),
        );
      }
      await Promise.all(wholes);
      expect((await store.task(UUID))!.version).toBe(21);
    });

    test('is not changed by what is appended after it', async () => {
      const { facts } = seedExample();
      const store = await storeWith(facts.slice(0, 5));
      const read = [await store.task(UUID), await store.log(UUID), await store.scopes(UUID), await store.tasks({ limit: 5 })];
      const copy = structuredClone(read);
      await store.append(facts);
      expect(read).toEqual(copy);
    });
  });
}
