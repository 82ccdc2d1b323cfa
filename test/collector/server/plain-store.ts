import type { AttemptRecord, TaskState } from '../../../src/task-record.ts';
import { summaryOf } from '../record/summary-of.ts';
import { unavailableStore } from '../../../collector/store/store-at.ts';
import type { LogRange, StoredLog, StoredTask, TaskPage, TaskQuery, TaskStore } from '../../../collector/store/task-store.ts';

/** A task of {@link plainStore}. Tests change it in place, as a running task would be. */
export interface PlainTask {
  uuid: string;
  name: string;
  state: TaskState;
  version: number;
  log: string;
  attempts: AttemptRecord[];
}

export const UUID = '54bf5712-b9ec-11e9-afdd-8c16454a0938';

export function plainTask(task: Partial<PlainTask> = {}): PlainTask {
  return { uuid: UUID, name: 'TEST', state: 'running', version: 1, log: '', attempts: [], ...task };
}

/** A store of plain data that is only read: what the app sees of a real one, and what it asked for. */
export function plainStore(...tasks: PlainTask[]): TaskStore & { reads: string[] } {
  const reads: string[] = [];
  const find = (uuid: string): PlainTask | undefined => tasks.find((task) => task.uuid === uuid);
  return {
    ...unavailableStore('not of use here'),
    reads,
    async stored(uuid) {
      reads.push('stored');
      const task = find(uuid);
      return task && stored(task);
    },
    async storedMany(uuids) {
      reads.push('stored');
      return uuids.map((uuid) => {
        const task = find(uuid);
        return task && stored(task);
      });
    },
    async log(uuid, range) {
      reads.push(`log ${JSON.stringify(range ?? {})}`);
      const task = find(uuid);
      return task && cut(task, range ?? {});
    },
    async scopes(uuid) {
      reads.push('scopes');
      const task = find(uuid);
      return task && { version: task.version, attempts: task.attempts };
    },
    async scopesOf(uuid) {
      const task = find(uuid);
      return task && { version: task.version, scopes: [] };
    },
    async tasks(query) {
      reads.push('tasks');
      return pageOf(tasks, query);
    },
    counts: () => Promise.resolve({ counts: {}, capped: [] }),
    workers: () => Promise.resolve([]),
  };
}

function stored({ uuid, name, state, version, log, attempts }: PlainTask): StoredTask {
  const finished = state === 'completed' || state === 'failed' || state === 'cancelled';
  const summary = summaryOf({
    task_name: name,
    task_uuid: uuid,
    start: '2026-01-02T03:04:05.000006Z',
    end: finished ? '2026-01-02T03:04:06.000007Z' : null,
    exception: '',
    finished,
    status: finished ? Number(state === 'completed') : 2,
    state,
    attempt: attempts.length,
    jobs: { total: 0, finished: 0, failed: 0, running: 0 },
    progress: null,
    result: null,
    outcome: null,
    error: null,
    exception_causes: [],
    attributes: {},
    parent_task_uuid: null,
    trace_id: null,
    trace_sampled: false,
    updated: '2026-01-02T03:04:06.000007Z',
    cancellable: !finished,
  });
  return { uuid, summary, state, version, logBytes: Buffer.byteLength(log), logLines: log.split('\n').length - 1 };
}

// Cuts between characters, not between lines: the least that a store may do.
function cut({ log, version }: PlainTask, { from = 0, limit = Infinity }: LogRange): StoredLog {
  const bytes = Buffer.from(log);
  let begin = from < 0 ? Math.max(0, bytes.length + from) : from;
  let end = Math.min(bytes.length, begin + limit);
  if (from < 0 && begin > 0) begin = bytes.indexOf('\n', begin - 1) + 1;
  while (isInsideCharacter(bytes, begin)) begin++;
  while (isInsideCharacter(bytes, end)) end--;
  return { offset: begin, text: bytes.toString('utf8', begin, end), version, logBytes: bytes.length };
}

function isInsideCharacter(bytes: Buffer, at: number): boolean {
  return ((bytes[at] ?? 0) & 0xc0) === 0x80;
}

function pageOf(tasks: PlainTask[], { filter: { states } = {}, limit, cursor }: TaskQuery): TaskPage {
  if (cursor !== undefined && !/^after \d+$/.test(cursor)) throw new RangeError('no cursor of this store');
  const from = cursor === undefined ? 0 : Number(cursor.slice(6));
  const found = tasks.toReversed().filter((task) => states === undefined || states.includes(task.state));
  const page: TaskPage = { tasks: found.slice(from, from + limit).map(stored) };
  if (found.length > from + limit) page.next = `after ${from + limit}`;
  return page;
}
