import { setTimeout } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { runChild } from '../../../collector/cli/run-child.ts';

it('the output of a program that has ended is read to its end, however slow its reader is', async () => {
  const lines: string[] = [];
  const end = await runChild({
    command: 'seq',
    args: ['1', '20000'],
    onLine(line) {
      lines.push(line);
      // Longer than what a program left behind may still write is waited for.
      return line === '1' ? setTimeout(1500) : undefined;
    },
    onSignal: () => undefined,
    cancelled: new AbortController().signal,
  });
  expect(end).toEqual({ exitCode: 0, signal: null, cancelled: false });
  expect(lines).toEqual(Array.from({ length: 20_000 }, (_, index) => String(index + 1)));
});

it('a program that can not be started rejects', async () => {
  const started = runChild({
    command: './missing',
    args: [],
    onLine: () => undefined,
    onSignal: () => undefined,
    cancelled: new AbortController().signal,
  });
  await expect(started).rejects.toMatchObject({ code: 'ENOENT' });
});
