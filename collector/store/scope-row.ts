import type { Attributes } from '@opentelemetry/api';
import type { ErrorInfo } from '../../src/fact.ts';
import type { Outcome } from '../../src/conventions.ts';
import { layeredMap } from '../../src/layered-map.ts';
import { plannedNames } from '../../src/progress.ts';
import type { PlannedNames } from '../../src/progress.ts';
import { rankOf } from '../record/scope-line.ts';
import type { Rank } from '../record/scope-line.ts';
import { isAttempt } from '../record/scope-state.ts';
import type { AttemptState, ScopeEndState, ScopeState } from '../record/scope-state.ts';
import { spanKey } from '../record/span-map.ts';
import { areInPages } from './scope-pages.ts';

/** The ids of an attempt. */
export type AttemptIds = Pick<AttemptState, 'traceId' | 'taskSpanId'>;

/** The column `attempts` of a task: the ids of its attempts, in the order in which they became known. */
export function attemptsJson(attempts: readonly AttemptIds[]): string {
  return JSON.stringify(attempts.map(({ traceId, taskSpanId }) => [traceId, taskSpanId]));
}

export function attemptsOfJson(json: string): AttemptIds[] {
  return (JSON.parse(json) as [string, string][]).map(([traceId, taskSpanId]) => ({ traceId, taskSpanId }));
}

/**
 * A scope as a row of JSON: an array of what every scope has, and at its end an object of what only
 * few have. Its attempt is the index among the task's attempts.
 */
type Row = [
  spanId: string,
  attempt: number,
  number: number,
  /** The task's version with which the scope has changed last. */
  version: number,
  /** The number of the scope or attempt in which the tree has it; 0 for an attempt. */
  within: number,
  rank: Rank,
  /** Its time counts from the start, where that is known. 0 is the outcome of most: `completed`. */
  end: [time: number, seq: number, outcome: Outcome | 0, duration: number, heading: 0 | 1] | null,
  /** 0 is the task span. */
  parentSpanId: string | 0,
  name: string,
  start: number | null,
  seen: number[],
  encloses: 0 | 1,
  insideUnits: number,
  units: number,
  notifications: number,
  recent: number[],
  more?: More,
];

/** What is absent or `null` was not reported. */
interface More {
  error?: ErrorInfo | null;
  /** Byte of the log at which the lines of the error begin. */
  errorOffset?: number;
  attributes?: Attributes;
  /** Steps, failed and running ones inside. */
  inside?: [number, number, number];
  share?: number | null;
  progress?: ScopeState['latestProgress'];
  plan?: ScopeState['plan'];
  /** What names of a plan have done: the number of a name, units, number, units, … */
  units?: number[];
  /** Of a plan whose names are in pages: sequence number, what is done and the whole. */
  names?: [seq: number, done: string, whole: string];
  /** Where sequence numbers are in pages: how many, and the greatest. */
  gaps?: [count: number, last: number];
  hangs?: string;
  remote?: 1 | 0;
  /** The worker of a remote one. */
  worker?: string;
  task?: AttemptOnly | null;
}

/** What few attempts have reported is left out of a row. */
const NOT_REPORTED = {
  serviceName: '', run: null, cancellable: false, parentTaskUuid: null, parentScope: null, missing: 0, latestStep: null, exception: null, result: null, set: {}, final: null,
} as const satisfies Partial<AttemptState>;

type AttemptOnly = Omit<AttemptState, keyof ScopeState | 'isTask' | keyof typeof NOT_REPORTED> & Partial<Pick<AttemptState, keyof typeof NOT_REPORTED>>;

/** The row of a scope. */
export function scopeRow(scope: ScopeState, attempts: readonly AttemptIds[], version: number): string {
  const { start, end, taskSpanId, parentSpanId } = scope;
  const row: Row = [
    scope.spanId,
    indexOfAttempt(scope, attempts),
    scope.number,
    version,
    scope.within,
    rankOf(scope),
    end === null ? null : [end.time - (start ?? 0), end.seq, end.outcome === 'completed' ? 0 : end.outcome, end.duration, end.heading ? 1 : 0],
    parentSpanId === taskSpanId ? 0 : parentSpanId,
    scope.name,
    start,
    scope.seen,
    scope.encloses ? 1 : 0,
    scope.insideUnits,
    scope.units,
    scope.notifications,
    scope.recent,
  ];
  if (!hasCommonFieldsOnly(scope)) row.push(moreOf(scope));
  return JSON.stringify(row);
}

/** The scope of a row, without what is in pages. */
export function scopeOfRow(row: string, attempts: readonly AttemptIds[]): ScopeState {
  const [spanId, attempt, number, , within, , end, parent, name, start, seen, encloses, insideUnits, units, notifications, recent, more = {}] =
    JSON.parse(row) as Row;
  const { traceId, taskSpanId } = attempts[attempt]!;
  const [stepsInside, failedInside, runningInside] = more.inside ?? [0, 0, 0];
  const scope: ScopeState = {
    traceId,
    spanId,
    taskSpanId,
    number,
    within,
    parentSpanId: parent === 0 ? taskSpanId : parent,
    hangsIn: more.hangs ?? '',
    name,
    start,
    end: end && endOf(end, start, more),
    errorOffset: more.errorOffset ?? null,
    seen,
    seenPages: more.gaps === undefined ? null : { count: more.gaps[0], last: more.gaps[1], pages: layeredMap() },
    remote: more.remote === 1,
    partWorkerId: more.worker ?? '',
    encloses: encloses === 1,
    stepsInside,
    failedInside,
    runningInside,
    share: more.share ?? null,
    latestProgress: more.progress ?? null,
    plan: more.names === undefined ? (more.plan ?? null) : { seq: more.names[0], plan: {} },
    insideUnits,
    names: namesOf(more),
    units,
    notifications,
    recent,
    changed: false,
  };
  const { task } = more;
  if (!task) return scope;
  const state: AttemptState = { ...scope, ...NOT_REPORTED, ...task, isTask: true };
  return state;
}

/** What is at the beginning of a row. */
export interface RowHead {
  readonly spanId: string;
  /** Index of its attempt among the task's. */
  readonly attempt: number;
  readonly number: number;
  readonly version: number;
  readonly within: number;
  readonly rank: Rank;
}

/** The beginning of a row, without reading the rest of it. */
export function headOfRow(row: string): RowHead {
  const [, spanId = '', attempt, number, version, within, rank] = HEAD.exec(row) ?? [];
  return { spanId, attempt: Number(attempt), number: Number(number), version: Number(version), within: Number(within), rank: Number(rank) as Rank };
}

/** The ids of the scope of a row. */
export function idsOfRow(row: string, attempts: readonly AttemptIds[]): { traceId: string; spanId: string } {
  const [, spanId = '', attempt = ''] = IDS.exec(row) ?? [];
  return { traceId: attempts[Number(attempt)]!.traceId, spanId };
}

/** Whether the scope of a row has not ended. */
export function isOpenRow(row: string): boolean {
  return OPEN.test(row);
}

const IDS = /^\["([^"]*)",(\d+),/;
const HEAD = /^\["([^"]*)",(\d+),(\d+),(\d+),(\d+),(\d),/;
const OPEN = /^\["[^"]*",\d+,\d+,\d+,\d+,\d,null,/;

function indexOfAttempt({ traceId, taskSpanId }: ScopeState, attempts: readonly AttemptIds[]): number {
  if (attempts.length > FEW) return indexOf(attempts).get(spanKey(traceId, taskSpanId))!;
  return attempts.findIndex((attempt) => attempt.taskSpanId === taskSpanId && attempt.traceId === traceId);
}

/** So many attempts are searched one by one. */
const FEW = 8;
let latest: { readonly attempts: readonly AttemptIds[]; readonly length: number; readonly index: ReadonlyMap<string, number> } | undefined;

/** The indices of attempts by their keys, and of the first of each trace by the trace: mostly many rows of one task come together. */
function indexOf(attempts: readonly AttemptIds[]): ReadonlyMap<string, number> {
  if (latest?.attempts !== attempts || latest.length !== attempts.length) {
    const index = new Map<string, number>();
    attempts.forEach(({ traceId, taskSpanId }, at) => {
      index.set(spanKey(traceId, taskSpanId), at);
      if (!index.has(traceId)) index.set(traceId, at);
    });
    latest = { attempts, length: attempts.length, index };
  }
  return latest.index;
}

/** Index of the first attempt that is in a trace; -1 for none. */
export function traceIndexOf(traceId: string, attempts: readonly AttemptIds[]): number {
  return attempts.length > FEW ? (indexOf(attempts).get(traceId) ?? -1) : attempts.findIndex((attempt) => attempt.traceId === traceId);
}

function hasCommonFieldsOnly(scope: ScopeState): boolean {
  const { end, stepsInside, share, latestProgress, plan, remote, seenPages, hangsIn } = scope;
  if (isAttempt(scope) || stepsInside > 0 || share !== null || latestProgress !== null || plan !== null || remote || seenPages !== null || hangsIn !== '') return false;
  return (end?.error ?? null) === null && end?.attributes === undefined;
}

function moreOf(scope: ScopeState): More {
  const { end, stepsInside, share, latestProgress, remote, partWorkerId, seenPages, hangsIn } = scope;
  return {
    ...(end !== null && end.error !== null && { error: end.error }),
    ...(scope.errorOffset !== null && { errorOffset: scope.errorOffset }),
    ...(end?.attributes !== undefined && { attributes: end.attributes }),
    ...(stepsInside > 0 && { inside: [stepsInside, scope.failedInside, scope.runningInside] }),
    ...(share !== null && { share }),
    ...(latestProgress !== null && { progress: latestProgress }),
    ...planOf(scope),
    ...(seenPages !== null && { gaps: [seenPages.count, seenPages.last] }),
    ...(hangsIn !== '' && { hangs: hangsIn }),
    ...(remote && { remote: 1 }),
    ...(partWorkerId !== '' && { worker: partWorkerId }),
    ...(isAttempt(scope) && { task: attemptOnly(scope) }),
  };
}

function planOf({ plan, names }: ScopeState): Pick<More, 'plan' | 'names' | 'units'> {
  if (plan === null) return {};
  if (names === null) return { plan };
  if (areInPages(names)) return { names: [plan.seq, String(names.done), String(names.whole)] };
  const units = [...names.units.kept, ...names.units.changed].flat();
  return { plan, ...(units.length > 0 && { units }) };
}

/** Of names that are in pages it has what they have done together. */
function namesOf({ plan, names, units = [] }: More): PlannedNames | null {
  if (names !== undefined) {
    return { numbers: new Map(), weights: [], done: BigInt(names[1]), whole: BigInt(names[2]), units: layeredMap(), isStored: true };
  }
  if (typeof plan?.plan !== 'object') return null;
  const planned = { ...plannedNames(plan.plan), isStored: true };
  for (let at = 0; at < units.length; at += 2) planned.units.kept.set(units[at]!, units[at + 1]!);
  for (const [number, done] of planned.units.kept) planned.done += planned.weights[number]! * BigInt(done);
  return planned;
}

function attemptOnly(state: AttemptState): AttemptOnly {
  const { attempt, run, attributes, serviceName, workerId, workerIntervalMs, cancellable, parentTaskUuid, parentScope, sampled, missing, jobs, latestStep, exception, result, set, final } =
    state;
  return {
    attempt,
    attributes,
    ...(serviceName !== '' && { serviceName }),
    workerId,
    workerIntervalMs,
    ...(run !== null && { run }),
    ...(cancellable && { cancellable }),
    ...(parentTaskUuid !== null && { parentTaskUuid }),
    ...(parentScope !== null && { parentScope }),
    sampled,
    ...(missing > 0 && { missing }),
    jobs,
    ...(latestStep !== null && { latestStep }),
    ...(exception !== null && { exception }),
    ...(result !== null && { result }),
    ...(Object.keys(set).length > 0 && { set }),
    ...(final !== null && { final }),
  };
}

function endOf([time, seq, outcome, duration, heading]: NonNullable<Row[6]>, start: number | null, { error, attributes }: More): ScopeEndState {
  return { time: time + (start ?? 0), seq, outcome: outcome === 0 ? 'completed' : outcome, duration, heading: heading === 1, error: error ?? null, ...(attributes && { attributes }) };
}
