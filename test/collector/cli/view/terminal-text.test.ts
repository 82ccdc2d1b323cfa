import { describe, expect, it } from 'vitest';
import { counted, humanBytes, LogLines } from '../../../../collector/cli/view/terminal-text.ts';

describe('numbers and names for people', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 KiB'],
    [1024, '1.0 KiB'],
    [1_258_291, '1.2 MiB'],
    [99.94 * 1024, '99.9 KiB'],
    [99.96 * 1024, '100 KiB'],
    [999.6 * 1024, '1.0 MiB'],
    [3 * 1024 ** 4, '3.0 TiB'],
    [2000 * 1024 ** 5, '2000 PiB'],
  ])('%d bytes are %s', (bytes, text) => {
    expect(humanBytes(bytes)).toBe(text);
  });

  it('a count goes with its noun', () => {
    expect([counted(0, 'file'), counted(1, 'file'), counted(1234, 'file')]).toEqual(['0 files', '1 file', '1,234 files']);
  });
});

it('a log in pieces becomes whole lines, indented by spaces, with controls made visible', () => {
  const lines = new LogLines();
  expect(lines.push('\t - Read\u{1b}[2J file\n\t\tSucc')).toBe('   - Read␛[2J file\n');
  expect(lines.push('essfully')).toBe('');
  expect(lines.push(' completed\n\tTask')).toBe('    Successfully completed\n');
  expect(lines.end()).toBe('  Task\n');
  expect(lines.end()).toBe('');
});
