import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson, TOO_DEEP } from '../../src/json-text.ts';

test.each([
  ['{\n  "a": 1,\r\n  "b": [1,\t2]\n}', '{"a":1,"b":[1,2]}'],
  ['"a b\\n \\" c"', '"a b\\n \\" c"'],
  ['{"a\\\\": " x "}', '{"a\\\\":" x "}'],
  [' 12345678901234567890 ', '12345678901234567890'],
  ['[1.0, -0, 1E400, 0.1e-2]', '[1.0,-0,1E400,0.1e-2]'],
  ['null', 'null'],
  ['{"a": 1, "a": 2}', '{"a":1,"a":2}'],
])('JSON %j becomes one line, with its numbers as they came', (json, canonical) => {
  expect(canonicalJson(json)).toBe(canonical);
});

test.each(['', '{', 'NaN', '[1,]', "{'a': 1}", '"a\nb"', '1 2', '"a', '"a\\"', '['.repeat(100), '['.repeat(100) + '"', ']'.repeat(100)])('%j is no JSON', (text) => {
  expect(canonicalJson(text)).toBeUndefined();
});

test('any value is the same value on one line, however it was indented', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), fc.constantFrom(0, 2, '\t'), (value, space) => {
      expect(canonicalJson(JSON.stringify(value, null, space))).toBe(JSON.stringify(value));
    }),
  );
});

test('what is deeper than 64 levels is cut', () => {
  const deep = (levels: number, inside: string): string => '['.repeat(levels) + inside + ']'.repeat(levels);
  expect(canonicalJson(deep(64, '1'))).toBe(deep(64, '1'));
  expect(canonicalJson(deep(20_000, '{"a": "]"}'))).toBe(deep(64, JSON.stringify(TOO_DEEP)));
  expect(canonicalJson(`[ ${deep(70, '')}, { "a": "]" } ]`)).toBe(`[${deep(63, JSON.stringify(TOO_DEEP))},{"a":"]"}]`);
});
