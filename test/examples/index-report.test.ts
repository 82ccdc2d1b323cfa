import { expect, it } from 'vitest';
import { counted, humanBytes, onOneLine, table } from '../../examples/demo/index-report.ts';

it('a table has its numbers to the right', () => {
  expect(table([['1 B', 'a'], ['100 MiB', 'b']])).toBe('    1 B  a\n100 MiB  b');
});

it('a name with line breaks can not begin a line of its own', () => {
  expect(onOneLine('a\r\nb\u2028c')).toBe('a␊␊b␊c');
});

it.each([
  [999, '999 B'],
  [1000, '1.0 KiB'],
  [99.96 * 1024, '100 KiB'],
  [2000 * 1024 ** 5, '2000 PiB'],
])('%d bytes are %s', (bytes, text) => {
  expect(humanBytes(bytes)).toBe(text);
});

it('a count goes with its noun', () => {
  expect([counted(0, 'file'), counted(1, 'file'), counted(1234, 'file')]).toEqual(['0 files', '1 file', '1,234 files']);
});
