import type { ScopeNode, ScopeRecord, TaskSummary } from '../../../src/task-record.ts';
import { parsedRecord } from '../../record/record-json.ts';
import type { StoredTask, TaskStore } from '../../store/task-store.ts';
import type { PageQuery } from './page-query.ts';
import type { PageSettings } from './shell.ts';

/** All that the page of a task shows. */
export interface TaskPageData {
  readonly task: TaskSummary;
  /** The attempts, first to last, with some of their steps: failed and running ones first. */
  readonly attempts: readonly ScopeNode[];
  /** The attempt or step whose inside is shown. */
  readonly shown: ScopeNode | undefined;
  readonly log: LogPart;
  readonly query: PageQuery;
  readonly settings: PageSettings;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** A part of a log that begins with a line, and its bytes in the whole log. */
export interface LogPart {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** Reads what the page of a task that was just read has besides; `undefined` if the task has been deleted since. */
export async function readPageData(store: TaskStore, stored: StoredTask, query: PageQuery, settings: PageSettings): Promise<TaskPageData | undefined> {
  const [attempts, log] = await Promise.all([attemptsOf(store, stored.uuid), tailOf(store, stored, query.before)]);
  if (attempts === undefined || log === undefined) return undefined;
  const shown = query.of === undefined ? attempts.findLast(({ attempt }) => attempt === query.attempt) ?? attempts.at(-1) : findStep(attempts, query.of);
  return { task: parsedRecord(stored), attempts, shown, log, query, settings, now: Date.now() };
}

/** How many bytes of the log a page has. */
const TAIL_BYTES = 64 * 1024;

/** The end of the log, or of what is before a byte, from the beginning of a line on. */
async function tailOf(store: TaskStore, { uuid, logBytes }: StoredTask, before = logBytes): Promise<LogPart | undefined> {
  const to = Math.min(before, logBytes);
  if (to === 0) return { from: 0, to, text: '' };
  // The byte before shows whether the part happens to begin with a line.
  const from = Math.max(0, to - TAIL_BYTES - 1);
  const read = await store.log(uuid, { from, limit: to - from });
  if (read === undefined) return undefined;
  const text = read.text.slice(from === 0 ? 0 : read.text.indexOf('\n') + 1);
  return { from: to - Buffer.byteLength(text), to, text };
}

/** How many steps a page has at most. */
const STEPS = 400;

async function attemptsOf(store: TaskStore, uuid: string): Promise<ScopeNode[] | undefined> {
  const stored = await store.scopes(uuid);
  const room = { left: STEPS };
  return stored?.attempts.map((attempt) => ({ ...nodeOf(attempt, null, room), attempt: attempt.attempt }));
}

function nodeOf({ notifications, scopes, ...scope }: ScopeRecord, parent: string | null, room: { left: number }): ScopeNode {
  const { span_id, name, start, end, outcome, done, total, error } = scope;
  room.left--;
  const inside = scopes.map((inner) => nodeOf(inner, span_id, room));
  const sum = (of: (node: ScopeNode) => number): number => inside.reduce((all, node) => all + of(node), 0);
  return {
    span_id, parent, name, start, end, outcome, done, total, error,
    last: notifications.at(-1) ?? null,
    steps: sum((node) => 1 + node.steps),
    failed: sum((node) => node.failed + (node.outcome === 'failed' || node.outcome === 'timed_out' ? 1 : 0)),
    running: sum((node) => node.running + (node.outcome === 'running' ? 1 : 0)),
    scopes: room.left > 0 ? inside : [],
  };
}

function findStep(scopes: readonly ScopeNode[], spanId: string): ScopeNode | undefined {
  for (const scope of scopes) {
    const found = scope.span_id === spanId ? scope : findStep(scope.scopes, spanId);
    if (found !== undefined) return found;
  }
  return undefined;
}
