import type { ScopeNode, TaskSummary } from '../task-record.ts';
import type { LogEntryJson, LogGain, StreamRecord, TaskChange } from '../task-stream.ts';
import { scopeTree } from './scope-tree.ts';
import { merged, watchStream } from './watch.ts';
import type { Connection, Watch, WatchOptions } from './watch.ts';

export interface WatchTaskOptions extends WatchOptions {
  /** How the log comes: as `text` (default), as `entries` with times and attributes, or not at all. */
  readonly log?: 'text' | 'entries' | false | undefined;
  /** Whether the scopes come too. Default `false`. */
  readonly scopes?: boolean | undefined;
  /** For how many seconds the server waits for a task that is not there yet, 1 to 30. Default: not at all. */
  readonly wait?: number | undefined;
}

/** The log as far as it is known, in parts. Only the last part still grows; a part that another one follows never changes. */
export interface WatchedLog<Part = string> {
  /** Byte of the whole log at which the first part begins. */
  readonly from: number;
  /** Byte of the whole log at which the last part ends. */
  readonly bytes: number;
  readonly parts: readonly Part[];
}

/** A part of a log: text, or entries. */
export type LogPart = string | readonly LogEntryJson[];

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
type TaskData = Omit<StreamRecord, 'log'> & Omit<TaskChange, 'log'> & { readonly log?: string | LogGain };

/**
 * Follows a task until it has ended, through all interruptions.
 *
 * @param url The task's address, `https://host/tasks/UUID`; in a page it may be relative. Throws a `TypeError` for an
 *   invalid one.
 */
export function watchTask(url: string | URL, options: WatchTaskOptions & { readonly log: 'entries' }): TaskWatch<readonly LogEntryJson[]>;
export function watchTask(url: string | URL, options?: WatchTaskOptions): TaskWatch;
export function watchTask(url: string | URL, options: WatchTaskOptions = {}): TaskWatch<never> {
  const query = new URLSearchParams();
  for (const name of ['scopes', 'log', 'wait'] as const) {
    const value = options[name];
    if (value !== undefined) query.set(name, `${Number(value) || value || 0}`);
  }
  return watchStream<TaskSnapshot<never>>(CONNECTING, url, query, taskChanges() as never, options);
}

/** How many complete parts of a log a watch keeps: at least 10 million characters, or half a million entries. */
const MOST_PARTS = 1000;

/** What the events of a task's stream make of a snapshot. */
export function taskChanges(): (snapshot: TaskSnapshot<LogPart>, type: string, data: TaskData) => Partial<TaskSnapshot<LogPart>> | undefined {
  const tree = scopeTree();
  /** At which byte each part of the log begins. */
  let starts: number[] = [];
  return ({ task, log }, type, { attempts: begun, scopes, log: given, log_from = 0, entries, ...fields }) => {
    if (type === 'end') return { connection: 'ended' };
    if (type === 'gone') return { connection: 'failed', error: { status: 410, detail: type } };
    let text = given as LogGain | undefined;
    if (type === 'record') {
      text = { offset: log_from, text: given as string };
      starts = [];
      log = { from: log_from, bytes: log_from, parts: [] };
    }
    const gains = entries ?? (text?.text ? [text] : []);
    const last = gains.at(-1);
    if (last) {
      if (gains[0]!.offset !== log.bytes) return undefined;
      let { parts } = log;
      const open = parts.at(-1);
      const gain = entries ?? last.text;
      // A part that is longer, in characters or entries, is complete.
      if (open && open.length < (entries ? 500 : 9_999)) parts = parts.toSpliced(-1, 1, open.concat(gain as never));
      else {
        parts = [...parts.slice(-MOST_PARTS), gain];
        starts = [...starts.slice(-MOST_PARTS), log.bytes];
      }
      log = { from: starts[0]!, bytes: last.offset + new TextEncoder().encode(last.text).length, parts };
    }
    return { task: merged(task, fields), attempts: tree(begun, scopes), log };
  };
}
