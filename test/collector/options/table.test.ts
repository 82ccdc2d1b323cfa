import * as fc from 'fast-check';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { groupValues, membersOf, optionValue } from '../../../collector/options/read.ts';
import { OPTIONS } from '../../../collector/options/table.ts';
import type { OptionEntry, OptionName } from '../../../collector/options/table.ts';
import { resolveOptions } from '../../../collector/start-taskspan.ts';
import type { TaskspanOptions } from '../../../collector/start-taskspan.ts';

const ENTRIES = Object.entries(OPTIONS) as [OptionName, OptionEntry][];
const NUMBERS = ENTRIES.filter(([, { kind }]) => kind.type === 'number');
const WITH_VARIABLE = ENTRIES.filter(([, { variable }]) => variable !== undefined);

/** Bounds as the option itself puts them into words. */
function boundsOf({ kind: { expected } }: OptionEntry): { least: number; most: number | undefined; isWhole: boolean; orZero: boolean } {
  const [, zero, whole, least, most] = /^(0 or )?a (whole )?number (?:of at least|from) (\d+)(?: to (\d+))?$/.exec(expected)!;
  return { least: Number(least), most: most === undefined ? undefined : Number(most), isWhole: whole !== undefined, orZero: zero !== undefined };
}

describe('each option', () => {
  test.each(ENTRIES)('%s has a valid default', (name, entry) => {
    expect(optionValue(name, undefined)).toBe(entry.default);
    if (entry.default !== undefined) expect(() => entry.kind.check(name, entry.default)).not.toThrow();
  });

  test.each(ENTRIES)('%s is described', (_, { doc, kind }) => {
    expect(doc).toMatch(/[^.\s]$/);
    expect(kind.expected).not.toBe('');
  });

  test.each(ENTRIES)('%s refuses a symbol, and the error names what was expected and what came', (name, entry) => {
    expect(() => optionValue(name, Symbol('odd'))).toThrow(TypeError);
    expect(() => optionValue(name, Symbol('odd'))).toThrow(new RegExp(`^${name.replaceAll('.', String.raw`\.`)}: expected .*, got (?:Symbol\\(odd\\)|symbol)$`));
    expect(() => optionValue(name, Symbol('odd'), { as: 'mine' })).toThrow(/^mine: expected /);
    expect(entry.kind.expected).toBeTypeOf('string');
  });
});

describe('each number', () => {
  test.each(NUMBERS)('%s is held to its bounds', (name, entry) => {
    const { least, most, isWhole, orZero } = boundsOf(entry);
    expect(optionValue(name, least)).toBe(least);
    const wrong = [least - 1, NaN, Infinity, ...(isWhole ? [least + 0.5] : []), ...(least > 0 && !orZero ? [0] : [])];
    if (most !== undefined) {
      expect(optionValue(name, most)).toBe(most);
      wrong.push(most + 1);
    }
    if (orZero) expect(optionValue(name, 0)).toBe(0);
    for (const value of wrong) {
      expect(() => optionValue(name, value)).toThrow(RangeError);
      expect(() => optionValue(name, value)).toThrow(`${name}: expected ${entry.kind.expected}, got ${value}`);
    }
    expect(() => optionValue(name, String(least))).toThrow(TypeError);
  });

  test('that a timer waits for is at most what a timer can wait', () => {
    // The other two are compared with times of a store.
    const waited = NUMBERS.filter(([name]) => name.endsWith('Ms') && name !== 'quietFinalMs' && name !== 'queuedFinalMs');
    expect(waited.map(([name]) => name)).toEqual(['serve.streams.aliveMs', 'beatIntervalMs', 'lostFinalMs']);
    for (const [, entry] of waited) expect(boundsOf(entry).most).toBeLessThan(2 ** 31);
  });
});

describe('each variable', () => {
  test('names its option in one way', () => {
    const names = WITH_VARIABLE.map(([name, { variable }]) => `${variable} ${name.split('.').at(-1)}`);
    const tokens = names.filter((name) => name === 'TASKSPAN_TOKEN token');
    expect(tokens).toHaveLength(2);
    expect(new Set(names).size).toBe(names.length - 1);
  });

  test.each(WITH_VARIABLE)('of %s counts where the option is absent, and an empty one is unset', (name, entry) => {
    const value = sampleOf(entry);
    const env = { [entry.variable!]: ` ${textOf(value)} ` };
    if (entry.kind.type !== 'string' && !entry.kind.type.startsWith('string')) expect(optionValue(name, undefined, { env })).toEqual(value);
    expect(optionValue(name, undefined, { env: { [entry.variable!]: textOf(value) } })).toEqual(value);
    expect(optionValue(name, undefined, { env: { [entry.variable!]: ' ' } })).toEqual(entry.default);
    expect(optionValue(name, undefined, { env: {} })).toEqual(entry.default);
  });

  test.each(WITH_VARIABLE)('of %s is ignored where the option is given, be it wrong or right', (name, entry) => {
    const value = sampleOf(entry);
    expect(optionValue(name, value, { env: { [entry.variable!]: 'no $ense' } })).toBe(value);
  });

  const CHECKED = WITH_VARIABLE.filter(([name]) => !['store', 'serve.host'].includes(name));
  test.each(CHECKED)('of %s is named by the error about its value', (name, entry) => {
    const env = { [entry.variable!]: 'no $ense' };
    expect(() => optionValue(name, undefined, { env })).toThrow(new RegExp(`^${entry.variable}: expected `));
  });

  test('of a number is read as JavaScript writes numbers, whatever the number', () => {
    fc.assert(
      fc.property(fc.constantFrom(...NUMBERS), fc.oneof(fc.integer(), fc.double()), ([name, entry], number) => {
        const env = entry.variable === undefined ? undefined : { [entry.variable]: String(number) };
        if (env === undefined || Number.isNaN(number)) return;
        const read = (): unknown => optionValue(name, undefined, { env });
        let isValid = true;
        try {
          optionValue(name, number);
        } catch {
          isValid = false;
        }
        if (isValid) expect(read()).toBe(number === 0 ? Number(String(number)) : number);
        else expect(read).toThrow(RangeError);
      }),
    );
  });
});

describe('a group', () => {
  test('has its members alone, by their own names', () => {
    expect(membersOf('serve')).toEqual(['port', 'host', 'token', 'allowedHosts', 'allowedOrigins', 'access', 'traceUrl', 'frameAncestors', 'index', 'receive', 'streams']);
    expect(groupValues('serve.streams', { aliveMs: 300 })).toEqual({ aliveMs: 300, maxBehindBytes: 1_048_576 });
    expect(() => groupValues('serve.streams', { aliveMs: 300, more: 1 })).toThrow(
      new TypeError('serve.streams: expected options among aliveMs, maxBehindBytes, got "more"'),
    );
  });

  test('is named as the caller names it', () => {
    expect(() => groupValues('serve.streams', { aliveMs: 1 }, { as: 'streams' })).toThrow(/^streams\.aliveMs: /);
    expect(() => groupValues('serve.receive', { maxBodyBytes: 1 }, { as: '' })).toThrow(/^maxBodyBytes: /);
  });
});

describe('startTaskspan', () => {
  test('knows no option that is not in the table', () => {
    expectTypeOf<Exclude<keyof TaskspanOptions, OptionName>>().toBeNever();
    expect(() => resolveOptions({ more: 1 } as never, {})).toThrow(`startTaskspan: expected options among ${membersOf().join(', ')}, got "more"`);
  });

  test.each(membersOf())('reads the option %s', (name) => {
    expect(() => resolveOptions({ [name]: Symbol('odd') }, {})).toThrow(new RegExp(`^${name}: expected `));
  });
});

/** A valid value other than the default. */
function sampleOf({ kind, default: absent, variable }: OptionEntry): unknown {
  if (typeof absent === 'number') return absent + 1;
  if (typeof absent === 'boolean') return !absent;
  if (absent === 'auto') return true;
  if (kind.type === 'list') return variable!.endsWith('HOSTS') ? ['a.example', 'b.example:80'] : ['https://a.example', 'http://b.example'];
  if (kind.expected.startsWith('a URL with')) return 'https://a.example/{trace_id}';
  if (kind.expected.startsWith('a URL')) return 'https://a.example/path';
  return 'a-text-of-this-test';
}

function textOf(value: unknown): string {
  return Array.isArray(value) ? value.join(' , ') : String(value);
}
