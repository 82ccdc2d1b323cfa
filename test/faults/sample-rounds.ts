import type { ScopeRecord, TaskRecord } from '../../collector/index.ts';
import type { Answer, Evidence, StoredTaskEvidence, StreamEvidence, StreamEvent, WorkerEvidence } from './evidence.ts';
import type { ReportedFact, WorkerLine } from './worker-lines.ts';
import type { Schedule } from './schedule.ts';

/** The evidence of a round that a test may change. */
export type Changeable<T> = T extends ReadonlyMap<infer K, infer V>
  ? Map<K, Changeable<V>>
  : T extends object
    ? { -readonly [Key in keyof T]: Changeable<T[Key]> }
    : T;

export const TASK = '54bf5712-b9ec-11e9-afdd-8c16454a0938';
/** When the worker of {@link killedRound} was killed. */
export const KILLED_AT = 1000;

/** A valid round: one worker with one task that has two scopes side by side. The task completed, and all of it is acknowledged. */
export function completedRound(): Changeable<Evidence> {
  const round: Evidence = {
    schedule: SCHEDULE,
    workers: [workerOf(FACTS)],
    stored: new Map([[TASK, stored(RECORD)]]),
    answers: [answer(10, RUNNING), answer(90, RECORD)],
    streams: [streamOf(RECORD)],
    list: [streamEvent('change', '1', { ...RUNNING, log: undefined }), streamEvent('change', '2', { ...RECORD, log: undefined })],
    storeFaults: [],
    stallMs: 0,
    unsettled: [],
  };
  return structuredClone(round) as Changeable<Evidence>;
}

/** The same round where the worker was killed midway: its task is lost, and half of it is stored. */
export function killedRound(): Changeable<Evidence> {
  const facts = FACTS.slice(0, 6);
  const log = '\t - 0\n\t - 1\n\t - 0 (continued)\n\t0/0/0\n\t0/0/1\n';
  const lost: TaskRecord = { ...RUNNING, state: 'lost', log, log_bytes: log.length };
  const round: Evidence = {
    schedule: SCHEDULE,
    workers: [{ ...workerOf(facts), lines: workerOf(facts).lines.slice(0, -2), killedAt: KILLED_AT, code: null, lostAfterMs: [1400] }],
    stored: new Map([[TASK, { record: lost, attempts: attempts(['running', 2, 1], ['running', 0, null]) }]]),
    answers: [answer(10, { ...RUNNING, log: '\t - 0\n' }), answer(KILLED_AT + 1400, lost)],
    streams: [{ task: TASK, events: [streamEvent('record', '3', { ...RUNNING, log: '', log_from: 0 }), streamEvent('change', '3', { state: 'lost', version: 3, log_bytes: log.length, log: { offset: 0, text: log } }, KILLED_AT + 1400)] }],
    list: [streamEvent('change', '1', RUNNING)],
    storeFaults: [],
    stallMs: 0,
    unsettled: [],
  };
  return structuredClone(round) as Changeable<Evidence>;
}

const SCHEDULE: Schedule = {
  seed: 1,
  workers: [{ tasks: [{ uuid: TASK, scopes: [scopePlan(2), scopePlan(1)] }] }],
  faults: [],
};

function scopePlan(messages: number): Schedule['workers'][number]['tasks'][number]['scopes'][number] {
  return { steps: [{ messages, pauseMs: 0 }], inside: [], parallel: false, fails: false };
}

const FACTS: readonly ReportedFact[] = [
  { kind: 'task-start', task: TASK },
  { kind: 'scope-start', task: TASK, scope: '0' },
  { kind: 'scope-start', task: TASK, scope: '1' },
  { kind: 'message', task: TASK, scope: '0', text: '0/0/0' },
  { kind: 'message', task: TASK, scope: '0', text: '0/0/1' },
  { kind: 'progress', task: TASK, scope: '0', done: 1 },
  { kind: 'message', task: TASK, scope: '1', text: '1/0/0' },
  { kind: 'progress', task: TASK, scope: '1', done: 1 },
  { kind: 'scope-end', task: TASK, scope: '0', outcome: 'completed' },
  { kind: 'scope-end', task: TASK, scope: '1', outcome: 'completed' },
  { kind: 'task-end', task: TASK, state: 'completed' },
];

const ENDED = '\t\tSuccessfully completed\n\t\tTime spent: 0h0m\n';
const LOG =
  '\t - 0\n\t - 1\n\t - 0 (continued)\n\t0/0/0\n\t0/0/1\n\t - 1 (continued)\n\t1/0/0\n' +
  `\t - 0 (continued)\n${ENDED}\t - 1 (continued)\n${ENDED}\tTask Finished - 2 out of 2 jobs finished\n`;

const RUNNING = record('running', 3, '\t - 0\n\t - 1\n', {
  end: null,
  finished: false,
  status: 2,
  jobs: { total: 2, finished: 0, failed: 0, running: 2 },
});
const RECORD = record('completed', 9, LOG, {
  end: '2026-01-02T03:04:05.000006Z',
  finished: true,
  status: 1,
  jobs: { total: 2, finished: 2, failed: 0, running: 0 },
});

function record(state: TaskRecord['state'], version: number, log: string, more: object): TaskRecord {
  const text = { log, log_offset: 0, log_bytes: log.length };
  return { task_name: 'TASK', task_uuid: TASK, state, exception: '', version, ...text, ...more } as TaskRecord;
}

/** A worker that reported a fact every 10 ms: at 10, 20, … */
function workerOf(facts: readonly ReportedFact[]): WorkerEvidence {
  const lines: WorkerLine[] = facts.flatMap((fact, index): WorkerLine[] => [
    { is: 'reporting', number: index + 1, fact },
    { is: 'reported', number: index + 1, at: 10 * (index + 1) },
  ]);
  const flush: WorkerLine[] = [{ is: 'flushing', number: 100 }, { is: 'flushed', number: 100 }];
  return { tasks: [TASK], lines: [{ is: 'ready' }, ...lines, ...flush], killedAt: undefined, code: 0, stderr: '', stops: [], lostAfterMs: [] };
}

function stored(kept: TaskRecord): StoredTaskEvidence {
  return { record: kept, attempts: attempts(['completed', 2, 1], ['completed', 1, 1]) };
}

type Scope = [outcome: ScopeRecord['outcome'], count: number, done: number | null];

function attempts(...scopes: Scope[]): StoredTaskEvidence['attempts'] {
  const named = scopes.map(([outcome, notification_count, done], index) => scope(String(index), outcome, notification_count, done));
  return [{ ...scope('TASK', 'running', 0, null), attempt: 1, scopes: named }];
}

function scope(name: string, outcome: ScopeRecord['outcome'], notification_count: number, done: number | null): ScopeRecord {
  const ids = { span_id: '', trace_id: '', start: null, end: null, error: null, attributes: {} };
  return { ...ids, name, outcome, heading: false, progress: null, done, total: done, notifications: [], notification_count, facts_missing: 0, scopes: [] };
}

function answer(at: number, given: TaskRecord): Answer {
  return { task: TASK, sentAt: at, receivedAt: at + 1, status: 200, record: given };
}

function streamOf(last: TaskRecord): StreamEvidence {
  const { log, ...fields } = last;
  const events = [
    streamEvent('record', '3', { ...RUNNING, log_from: 0 }),
    streamEvent('change', '9', { ...fields, log: { offset: RUNNING.log.length, text: log.slice(RUNNING.log.length) } }),
    streamEvent('end', '9', { version: 9, state: last.state }),
  ];
  return { task: TASK, events };
}

function streamEvent(event: string, id: string, data: object, receivedAt = 50): StreamEvent {
  return { event, id, data: JSON.stringify(data), receivedAt, connection: 1 };
}
