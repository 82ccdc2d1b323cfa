import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { logOf } from '../record/folding.ts';
import { ScriptedTask, UUID } from '../record/scripted-task.ts';
import { newFile, storeIn } from './sqlite-file.ts';

test('a log of one huge commit is kept in rows of at most 64 KiB, and is read whole, in ranges and by scope', async () => {
  const task = new ScriptedTask();
  const attempt = task.attempt();
  for (let at = 0; at < 10_000; at++) attempt.notify(`row ${at} was written ✓`);
  const long = '🎉a✓'.repeat(16_000);
  attempt.notify(long);
  attempt.notify('after it');
  const file = newFile();
  const store = storeIn(file);
  store.appendNow(task.facts);

  const log = logOf(task.facts);
  const bytes = Buffer.from(log);
  expect((await store.log(UUID))!.text).toBe(log);
  for (const from of [0, 1, 65_535, 65_536, 200_000, bytes.length - 130_000]) {
    const { offset, text } = (await store.log(UUID, { from, limit: 1000 }))!;
    expect(text.length).toBeGreaterThan(0);
    expect(bytes.toString('utf8', offset, offset + Buffer.byteLength(text))).toBe(text);
  }

  const { attempts } = (await store.scopes(UUID))!;
  const messages = attempts[0]!.notifications.map(({ message }) => message);
  expect(messages).toHaveLength(100);
  expect(messages.slice(-3)).toEqual(['row 9999 was written ✓', long, 'after it']);

  const database = new DatabaseSync(file, { readOnly: true });
  const rows = database.prepare('SELECT offset, bytes, version FROM journal ORDER BY offset').all() as { offset: number; bytes: number; version: number }[];
  database.close();
  expect(rows.length).toBeGreaterThan(5);
  expect(Math.max(...rows.map((row) => row.bytes))).toBeLessThanOrEqual(64 * 1024);
  expect(new Set(rows.map(({ version }) => version))).toEqual(new Set([1]));
  expect(rows.reduce((sum, row) => sum + row.bytes, 0)).toBe(bytes.length);
});
