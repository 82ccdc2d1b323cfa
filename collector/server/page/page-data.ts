import type { ScopeNode, TaskSummary } from '../../../src/task-record.ts';
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
  /** Cursor of the steps that follow, where one step is shown. */
  readonly next: string | undefined;
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
  const task = parsedRecord(stored);
  const [steps, log] = await Promise.all([shownSteps(store, task, query), tailOf(store, stored, query.before)]);
  if (steps === undefined || log === undefined) return undefined;
  return { task, ...steps, log, query, settings, now: Date.now() };
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

/** The attempts, and the one, or the step, whose inside is shown. */
interface ShownSteps {
  readonly attempts: readonly ScopeNode[];
  readonly shown: ScopeNode | undefined;
  readonly next: string | undefined;
}

/** Reads them; `shown` is absent where the task has no such step, or no attempt. */
async function shownSteps(store: TaskStore, { task_uuid: uuid, attempt }: TaskSummary, query: PageQuery): Promise<ShownSteps | undefined> {
  // An attempt has its number by their count, mostly.
  const first = await store.scopesOf(uuid, { limit: attempt + STEPS });
  if (first === undefined) return undefined;
  const attempts = first.scopes;
  const { of, cursor } = query;
  if (of === undefined) {
    const node = attempts.findLast((each) => each.attempt === query.attempt) ?? attempts.at(-1);
    // Several attempts share the room: the one that is shown has all of it for itself.
    if (node === undefined || attempts.length === 1) return { attempts, shown: node, next: undefined };
    const inside = await store.scopesOf(uuid, { of: node.span_id, limit: STEPS });
    return inside && { attempts, shown: { ...node, scopes: inside.scopes }, next: undefined };
  }
  try {
    const inside = await store.scopesOf(uuid, { of, limit: STEPS, ...(cursor !== undefined && { cursor }) });
    if (inside === undefined) return undefined;
    return { attempts, shown: { ...(stepIn(attempts, of) ?? unnamed(of)), scopes: inside.scopes }, next: inside.next };
  } catch (error) {
    if (error instanceof RangeError) return { attempts, shown: undefined, next: undefined };
    throw error;
  }
}

/** A step that is so deep in the task that the page does not know its name. */
function unnamed(spanId: string): ScopeNode {
  return { span_id: spanId, parent: null, name: '', start: null, end: null, outcome: 'completed', done: null, total: null, progress: null, error: null, last: null, steps: 0, failed: 0, running: 0, scopes: [] };
}

function stepIn(scopes: readonly ScopeNode[], spanId: string): ScopeNode | undefined {
  for (const scope of scopes) {
    const found = scope.span_id === spanId ? scope : stepIn(scope.scopes, spanId);
    if (found !== undefined) return found;
  }
  return undefined;
}
