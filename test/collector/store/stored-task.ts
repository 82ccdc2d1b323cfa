import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { memoryStore, sqliteStore } from '../../../collector/store/sqlite/sqlite-store.ts';
import type { TaskStore } from '../../../collector/store/task-store.ts';
import type { Outcome } from '../../../src/conventions.ts';
import type { Fact } from '../../../src/fact.ts';

export const DAY = 86_400_000_000;
/** An instant of these tests, in microseconds. */
export const NOW = 1_767_323_045_000_000;

/** Path of a SQLite file of the test's own. */
export function storePath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'taskspan-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, 'tasks.sqlite');
}

/** Opens a store that is closed after the test. */
export function openSqlite(path: string = storePath()): TaskStore {
  const store = sqliteStore(path);
  onTestFinished(() => store.close().catch(() => undefined));
  return store;
}

/** A place where stores can be opened, which then have the same tasks. */
export type Place = () => TaskStore;

/** Every backend by name, with what makes a new place. In memory all that is opened at a place is one store. */
export const PLACES: [string, () => Place][] = [
  ['in memory', () => {
    const store = memoryStore();
    return () => store;
  }],
  ['in a SQLite file', () => {
    const path = storePath();
    return () => openSqlite(path);
  }],
];

/** Those where several stores can be opened at one place. */
export const SHARED_PLACES: [string, () => Place][] = PLACES.filter(([name]) => name !== 'in memory');

/** Every backend by name, with what opens a store at a place of its own. */
export const BACKENDS: [string, () => TaskStore][] = PLACES.map(([name, newPlace]) => [name, () => newPlace()()]);

/** The facts of a task with one scope that says some lines, the latest fact at a time. */
export function factsOf(uuid: string, options: { time?: number; end?: Outcome | undefined; lines?: number; scopes?: number } = {}): Fact[] {
  const { time = NOW, end, lines = 1, scopes = 0 } = options;
  const digits = uuid.replaceAll('-', '');
  const span = { taskUuid: uuid, traceId: digits, spanId: digits.slice(-16), taskSpanId: digits.slice(-16) };
  const facts: Fact[] = [
    { kind: 'task-start', span, seq: 0, time: time - 10, name: 'work', attempt: 1, attributes: {}, workerId: 'w', workerIntervalMs: 0, sampled: true },
  ];
  for (let line = 1; line <= lines; line++) facts.push({ kind: 'notification', span, seq: line, time: time - 5, message: `line ${line}` });
  for (let number = 0; number < scopes; number++) {
    const inner = { ...span, spanId: number.toString(16).padStart(16, 'c') };
    facts.push({ kind: 'scope-start', span: inner, seq: 0, time: time - 4, name: `scope ${number}`, parentSpanId: span.spanId });
    facts.push({ kind: 'scope-end', span: inner, seq: 1, time: time - 3, outcome: 'completed', duration: 1, heading: false });
  }
  if (end !== undefined) {
    facts.push({
      kind: 'task-end', span, seq: lines + 1, time, outcome: end, duration: 10, name: 'work', exception: '', jobs: { total: scopes, finished: scopes, failed: 0 },
    });
  }
  return facts;
}

/** The UUID of the task of a number. */
export function uuidOf(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
}
