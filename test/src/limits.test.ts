import * as fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { boundedAttributes } from '../../src/attributes.ts';
import { TaskUpdater } from '../../src/index.ts';
import { cutText, cleanTextWith } from '../../src/text.ts';
import { recorded } from './support/recorded.ts';
import { capturedStdout } from './support/stdout.ts';
import { thrown } from './support/thrown.ts';

/** Attributes `a0`, `a1`, … */
function many(count: number): Record<string, number> {
  return Object.fromEntries(Array.from({ length: count }, (_, n) => [`a${n}`, n]));
}

describe('text that is too long is cut and marked', () => {
  test('a message of ten megabytes, in log, tree, span and on standard output', async () => {
    const recording = recorded();
    const printed = capturedStdout();
    const updater = new TaskUpdater({ taskName: 'T', verbose: true });
    updater.notify('x'.repeat(10 * 1024 * 1024));
    updater.complete();
    const cut = `${'x'.repeat(65_536)}… (cut: 10,485,760 characters)`;
    const log = await recording.log(updater);
    expect(log).toBe(`\t${cut}\n\tTask Finished\n`);
    expect(printed() === log).toBe(true);
    expect((await recording.attempts(updater))[0]!.notifications[0]!.message === cut).toBe(true);
    expect((await recording.span('T')).events[0]!.attributes!['taskspan.message'] === cut).toBe(true);
  });

  test('a message of the allowed length stays as it is', async () => {
    const recording = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.notify('x'.repeat(65_536));
    expect(await recording.log(updater)).toBe(`\t${'x'.repeat(65_536)}\n`);
  });

  test('names of a task, of a scope and in a plan are cut alike', async () => {
    const recording = recorded();
    const updater = new TaskUpdater({ taskName: 'T'.repeat(300) });
    const name = 'n'.repeat(1000);
    updater.plan([name, 'other']);
    updater.scope(name, () => undefined);
    expect(updater.taskName).toBe(`${'T'.repeat(256)}… (cut: 300 characters)`);
    expect(await recording.record(updater)).toMatchObject({ task_name: updater.taskName, progress: 0.5 });
    expect((await recording.attempts(updater))[0]!.scopes[0]!.name).toBe(`${'n'.repeat(256)}… (cut: 1,000 characters)`);
  });

  test('more attributes than 64, of the task and of a notification', async () => {
    const recording = recorded();
    const updater = new TaskUpdater({ taskName: 'T', attributes: many(100) });
    updater.notify('said', many(65));
    updater.notify('said', many(64));
    expect((await recording.record(updater)).attributes).toEqual(many(64));
    expect((await recording.attempts(updater))[0]!.notifications.map(({ attributes }) => Object.keys(attributes ?? {}).length)).toEqual([0, 64, 64]);
    expect(await recording.log(updater)).toBe('\t… (cut: 36 of 100 attributes)\n\tsaid… (cut: 1 of 65 attributes)\n\tsaid\n');
  });

  test('an attribute that is a long text, a long list or has a long name', async () => {
    const recording = recorded();
    const attributes = {
      text: 'x'.repeat(70_000),
      list: Array.from({ length: 70_000 }, (_, n) => n),
      texts: ['y'.repeat(10_000), 'y'.repeat(10_000)],
      ['k'.repeat(300)]: 1,
    };
    const updater = new TaskUpdater({ taskName: 'T', attributes });
    expect((await recording.record(updater)).attributes).toEqual({
      text: `${'x'.repeat(16_384)}… (cut: 70,000 characters)`,
      list: '… (cut: a list of 70,000 items)',
      texts: '… (cut: a list of 2 items)',
      [`${'k'.repeat(256)}… (cut: 300 characters)`]: 1,
    });
  });

  test('an error: its message in record, log and status, its name, its stack on the span', async () => {
    const recording = recorded();
    const updater = new TaskUpdater({ taskName: 'T', limits: { message: 5, name: 4, stack: 10 } });
    updater.scope('S', () => {
      throw Object.assign(new Error('a message'), { name: 'LongName', stack: 'a stack trace' });
    });
    const message = 'a mes… (cut: 9 characters)';
    expect((await recording.record(updater)).exception).toBe(message);
    expect(await recording.log(updater)).toContain(`\nLong… (cut: 8 characters): ${message}\n`);
    const { status, events } = await recording.span('S');
    expect(status.message).toBe(message);
    expect(events[0]!.attributes!['exception.stacktrace']).toBe('a stack tr… (cut: 13 characters)');
  });

  test('a result, whose beginning is kept as a text', async () => {
    const recording = recorded();
    const updater = new TaskUpdater({ taskName: 'T', limits: { result: 8 } });
    updater.setResult([1, 2, 3]);
    expect((await recording.record(updater)).result).toEqual([1, 2, 3]);
    updater.setResult([1, 2, 3, 4, 5]);
    expect((await recording.record(updater)).result).toBe('[1,2,3,4… (cut: 11 characters)');
  });
});

test('a secret is removed before the cut, which might else fall inside it', async () => {
  const recording = recorded();
  const updater = new TaskUpdater({ taskName: 'T', limits: { message: 10 }, redact: (text) => text.replaceAll('hunter2', '*') });
  updater.notify('123456 hunter2 hunter2 hunter2');
  expect(await recording.log(updater)).toBe('\t123456 * *… (cut: 12 characters)\n');
});

test('a cut text is a beginning of the whole, well-formed, and never longer than its mark and the limit', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), fc.integer({ min: 1, max: 40 }), (text, most) => {
      const cut = cutText(text, most);
      if (text.length <= most) return cut === text;
      const end = cut.lastIndexOf('… (cut: ');
      expect(text.startsWith(cut.slice(0, end))).toBe(true);
      expect(end).toBeLessThanOrEqual(most);
      expect(end).toBeGreaterThanOrEqual(most - 1);
      expect(cut.isWellFormed()).toBe(true);
      expect(cut.slice(end)).toBe(`… (cut: ${text.length} characters)`);
      return true;
    }),
  );
  expect(cutText('a🎉b', 2)).toBe('a… (cut: 4 characters)');
  expect(cutText('a🎉b', 3)).toBe('a🎉… (cut: 4 characters)');
});

test('text with lone surrogates is made well-formed, cut or not', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', '\ud83c', '\udf89', '\u0000') }), fc.integer({ min: 1, max: 9 }), (text, most) =>
      cleanTextWith(undefined, most)(text).isWellFormed(),
    ),
  );
});

test('the first attributes by name count, also on Node.js 18, which has no toSorted', () => {
  const toSorted = vi.spyOn(Array.prototype, 'toSorted').mockImplementation(() => thrown(new TypeError('toSorted is not a function')));
  const bounded = boundedAttributes({ c: 1, a: 2, b: 3 }, 2);
  toSorted.mockRestore();
  expect(bounded).toEqual({ a: 2, b: 3, '…': '… (cut: 1 of 3 attributes)' });
});
