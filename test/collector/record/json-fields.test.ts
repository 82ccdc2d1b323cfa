import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { fieldsOfJson } from '../../../collector/record/json-fields.ts';
import { cases } from './arbitrary-task.ts';

test('the fields of an object are those that a parser finds, each with the text of its value', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()), fc.constantFrom(undefined, 2, '\r\n\t'), (object, indent) => {
      const fields = fieldsOfJson(JSON.stringify(object, null, indent));
      const parsed: unknown = JSON.parse(JSON.stringify(object));
      expect(Object.fromEntries([...fields].map(([name, text]) => [name, JSON.parse(text) as unknown]))).toEqual(parsed);
    }),
    cases(200),
  );
});

test('a value of any depth, and numbers beyond those of JavaScript, are given as they are', () => {
  const deep = '['.repeat(200_000) + ']'.repeat(200_000);
  const fields = fieldsOfJson(`{"deep":${deep},"id":12345678901234567890,"text":"\\\\\\"}{][,"}`);
  expect(fields.get('deep') === deep).toBe(true);
  expect(fields.get('id')).toBe('12345678901234567890');
  expect(JSON.parse(fields.get('text')!)).toBe('\\"}{][,');
});

test.each(['', '[]', '{', '{"a"', '{"a":', '{"a":1', '{a:1}', 'null'])('%j is no object', (json) => {
  expect(() => fieldsOfJson(json)).toThrow(SyntaxError);
});
