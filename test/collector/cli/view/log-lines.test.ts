import { expect, it } from 'vitest';
import { LogLines } from '../../../../collector/cli/view/log-lines.ts';

it('a log in pieces is whole lines, indented by spaces, and harmless', () => {
  const lines = new LogLines();
  expect(lines.push('\t - Read\u{1b}[2J file\n\t\tSucc')).toBe('   - Read␛[2J file\n');
  expect(lines.push('essfully')).toBe('');
  expect(lines.push(' completed\n\tTask')).toBe('    Successfully completed\n');
  expect(lines.end()).toBe('  Task\n');
  expect(lines.end()).toBe('');
});
