import type { ScopeLine, ScopeNode, TaskSummary } from '../task-record.ts';
import { absolute, watchStream } from './event-stream.ts';
import type { WatchOptions } from './event-stream.ts';
import { bytesOf, grownLog, merged, scopeTree } from './task-changes.ts';
import type { LogEntryJson, LogPart, WatchedLog } from './task-changes.ts';
import type { Connection, Watch } from './watch.ts';

export interface WatchTaskOptions extends WatchOptions {
  /** How the log comes: as `text` (default), as `entries` with times and attributes, or not at all. */
  readonly log?: 'text' | 'entries' | false | undefined;
  /** Whether the scopes come too. Default `false`. */
  readonly scopes?: boolean | undefined;
  /** For how many seconds a task that is not there yet is waited for, 1 to 30. Default: not at all. */
  readonly wait?: number | undefined;
}

/** A task as it is known just now. */
export interface TaskSnapshot<Part = string> extends Connection {
  /** The record without its log; `undefined` until it has come. */
  readonly task?: TaskSummary | undefined;
  /** The scopes, by attempt; empty unless they were asked for. */
  readonly attempts: readonly ScopeNode[];
  readonly log: WatchedLog<Part>;
}

export type TaskWatch<Part = string> = Watch<TaskSnapshot<Part>>;

/** The snapshot before anything is known. */
export const CONNECTING: TaskSnapshot<never> = { connection: 'connecting', attempts: [], log: { from: 0, bytes: 0, parts: [] } };

/** Data of the events `record` and `change`. */
interface TaskData extends Partial<TaskSummary> {
  attempts?: readonly ScopeNode[];
  scopes?: readonly ScopeLine[];
  log?: string | { offset: number; text: string };
  log_from?: number;
  entries?: readonly LogEntryJson[];
}

/**
 * Follows a task until it has ended, through all interruptions.
 *
 * @param url The task's address, `https://host/tasks/UUID`; in a page it may be relative.
 */
export function watchTask(url: string | URL, options: WatchTaskOptions & { readonly log: 'entries' }): TaskWatch<readonly LogEntryJson[]>;
export function watchTask(url: string | URL, options?: WatchTaskOptions): TaskWatch;
export function watchTask(url: string | URL, options: WatchTaskOptions = {}): TaskWatch<never> {
  const { log = 'text', scopes, wait } = options;
  const events = absolute(url);
  events.pathname += '/events';
  const query = events.searchParams;
  if (log !== 'text') query.set('log', log || '0');
  if (scopes) query.set('scopes', '1');
  if (wait) query.set('wait', `${wait}`);
  return watchStream<TaskSnapshot<never>>(CONNECTING, { url: events, apply: taskChanges() as never }, options);
}

/** What the events of a task's stream make of a snapshot. */
export function taskChanges(): (snapshot: TaskSnapshot<LogPart>, type: string, data: TaskData) => TaskSnapshot<LogPart> | undefined {
  const tree = scopeTree();
  return (snapshot, type, data) => {
    if (type === 'end') return { ...snapshot, connection: 'ended' };
    if (type === 'gone') return { ...snapshot, connection: 'failed', error: { status: 410, detail: 'the task was deleted' } };
    const { attempts, scopes, log, log_from, entries, ...fields } = data;
    const gain = entries ?? (typeof log === 'object' ? log.text : log);
    if (type === 'record') {
      const { log_offset = 0, log_bytes = 0 } = fields;
      return {
        ...snapshot,
        task: merged(snapshot.task, fields as TaskSummary),
        attempts: tree.begin(attempts ?? []),
        log: { from: log_from ?? log_offset, bytes: log_bytes, parts: gain?.length ? [gain] : [] },
      };
    }
    if (type !== 'change') return snapshot;
    const next = {
      ...snapshot,
      task: merged(snapshot.task, { ...snapshot.task!, ...fields }),
      attempts: attempts ? tree.begin(attempts) : scopes?.length ? tree.change(scopes) : snapshot.attempts,
      log: snapshot.log,
    };
    if (gain?.length) {
      const { offset, text } = entries?.at(-1) ?? (log as { offset: number; text: string });
      if ((entries?.[0]?.offset ?? offset) !== snapshot.log.bytes) return undefined;
      next.log = grownLog(snapshot.log, gain, offset + bytesOf(text));
    }
    const isSame = next.task === snapshot.task && next.attempts === snapshot.attempts && next.log === snapshot.log;
    return isSame ? snapshot : next;
  };
}
