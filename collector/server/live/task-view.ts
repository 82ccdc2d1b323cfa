import type { ScopeLine } from '../../../src/task-record.ts';
import type { LogView } from '../../../src/task-stream.ts';
import type { LogEntry, TaskReads } from '../../store/task-store.ts';
import { entriesText, entryEnd, entryJson } from '../log-entries.ts';
import type { LogForm } from '../log-entries.ts';

/** How a stream shows a task: what its events contain in addition to the fields of the record. */
export interface TaskView {
  /** Whether they have the scopes. */
  readonly scopes: boolean;
  /** How they have the log. */
  readonly log: LogView;
}

/** How much of a log is read, and sent in one event, in bytes. */
export const GAIN_BYTES: number = 256 * 1024;
/** How much of the log the first event has, in bytes. */
const FIRST_LOG_BYTES = 64 * 1024;
/** How many scopes the first event has. */
const FIRST_SCOPES = 200;

/** A member of a JSON object, as text: `"log":…`. */
type Member = string;

type Store = Pick<TaskReads, 'log' | 'logEntries' | 'scopesOf' | 'scopeChanges'>;

/** A piece of a log, as a member of an event, and as the body of a stream of the log alone. */
export interface LogGain {
  readonly member: Member;
  /** The byte of the log at which it ends. */
  readonly end: number;
  readonly text?: string;
  readonly entries?: readonly LogEntry[];
}

/** Reads the log from a byte on: so many bytes at the most, but at least one entry. `undefined` where the task was deleted. */
export async function readGain(store: Store, uuid: string, view: LogView, from: number, limit: number): Promise<LogGain | undefined> {
  if (view === 'entries') {
    const entries = await entriesFrom(store, uuid, from, limit);
    const last = entries?.at(-1);
    // A client that had the log as text may begin inside the last entry: it has that already.
    return entries && { member: entriesMember(entries), end: last === undefined ? from + limit : entryEnd(last), entries };
  }
  const log = await store.log(uuid, { from, limit });
  if (log === undefined || log.text === '') return undefined;
  const { offset, text } = log;
  return { member: `"log":${JSON.stringify({ offset, text })}`, end: offset + Buffer.byteLength(text), text };
}

/** The bytes of a piece of a log in the form of a response that has nothing else. */
export function gainBytes({ text, entries }: LogGain, form: LogForm): Uint8Array {
  return Buffer.from(form === 'text' ? (text ?? '') : entriesText(entries ?? [], form));
}

/** The end of a log as the first event has it. */
interface LogEnd {
  /** The byte at which it begins. */
  readonly from: number;
  readonly text: string | undefined;
  /** Further members of the event that belong to it. */
  readonly members: readonly Member[];
}

/** The end of the log that ends at a byte; `undefined` where the task was deleted. */
export async function logEnd(store: Store, uuid: string, view: LogView, end: number): Promise<LogEnd | undefined> {
  if (view === '0') return { from: 0, text: undefined, members: [] };
  const least = Math.max(0, end - FIRST_LOG_BYTES);
  if (view === 'entries') {
    const entries = end === 0 ? [] : await entriesFrom(store, uuid, least, end - least);
    if (entries === undefined) return undefined;
    const from = entries[0]?.offset ?? end;
    return { from, text: undefined, members: [entriesMember(entries), `"log_from":${from}`] };
  }
  // The byte before shows whether the end happens to begin with a line.
  const read = Math.max(0, least - 1);
  const log = end === 0 ? { text: '' } : await store.log(uuid, { from: read, limit: end - read });
  if (log === undefined) return undefined;
  const text = least === 0 ? log.text : log.text.slice(log.text.indexOf('\n') + 1);
  const from = end - Buffer.byteLength(text);
  return { from, text, members: [`"log_from":${from}`] };
}

/** The entries that begin within so many bytes, at least one where one begins. */
async function entriesFrom(store: Store, uuid: string, from: number, limit: number): Promise<LogEntry[] | undefined> {
  const found = await store.logEntries(uuid, { from, limit });
  const [first] = found?.entries ?? [];
  if (first === undefined || first.offset >= from) return found?.entries;
  if (found!.entries.length > 1) return found!.entries.slice(1);
  // An entry that is longer than the limit begins before the limit: its rest is read too.
  const next = entryEnd(first);
  return next < from + limit ? (await store.logEntries(uuid, { from: next, limit: from + limit - next }))?.entries : [];
}

function entriesMember(entries: readonly LogEntry[]): Member {
  return `"entries":[${entries.map(entryJson).join(',')}]`;
}

/** Scopes as members of an event, and the version of the task to which they belong. */
interface ScopeMembers {
  readonly version: number;
  readonly members: Member[];
}

/** The attempts with some of their scopes; `undefined` where the task was deleted. */
export async function attemptsMember(store: Store, uuid: string): Promise<ScopeMembers | undefined> {
  const found = await store.scopesOf(uuid, { limit: FIRST_SCOPES });
  return found && { version: found.version, members: [`"attempts":${JSON.stringify(found.scopes)}`] };
}

/** The scopes that have changed after a version; if these are very many, the attempts again as in the first event. */
export async function scopesMember(store: Store, uuid: string, after: number): Promise<ScopeMembers | undefined> {
  const found = await store.scopeChanges(uuid, after);
  if (found?.isCut === true) return attemptsMember(store, uuid);
  return found && { version: found.version, members: found.scopes.length === 0 ? [] : [`"scopes":${JSON.stringify(outermostFirst(found.scopes))}`] };
}

/** Each after the scope around it. */
function outermostFirst(lines: readonly ScopeLine[]): ScopeLine[] {
  const byId = new Map(lines.map((line) => [line.span_id, line]));
  const sorted: ScopeLine[] = [];
  for (const line of lines) {
    const path: ScopeLine[] = [];
    for (let at: ScopeLine | undefined = line; at !== undefined && byId.delete(at.span_id); at = at.parent === null ? undefined : byId.get(at.parent)) path.push(at);
    sorted.push(...path.toReversed());
  }
  return sorted;
}
