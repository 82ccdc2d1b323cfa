import { LOST } from '../../src/conventions.ts';
import { failureText } from '../../src/failure.ts';
import type { CancelRequest } from './cancel-request.ts';
import { fieldsOfJson } from './json-fields.ts';
import { lostException } from './liveness.ts';
import type { Liveness } from './liveness.ts';
import { attributesOf, progressOf } from './scope-state.ts';
import type { AttemptState } from './scope-state.ts';
import { errorOf, errorText, outcomeOf } from './task-error.ts';
import type { FoundError } from './task-error.ts';
import { latestAttempt } from './task-fold.ts';
import type { QueueEnd, TaskContent } from './task-fold.ts';
import { createdAt, currentScope, queueEndOf, serviceName, stateOf, statusOf, taskName } from './task-state.ts';
import type { FilteredTask } from '../../src/task-filter.ts';
import { isoTime } from '../../src/task-record.ts';
import type { CurrentScope, TaskState, TaskSummary } from '../../src/task-record.ts';

/*
 * The JSON text of a record is made without parsing what is stored.
 *
 * A store keeps of each task a summary: all of the record that facts alone decide. It is a JSON object in lines, each a
 * piece of the record. When a record is read, its log, its worker's liveness and its version are put between and behind
 * the pieces. No piece has a line feed inside: JSON needs none, and it stands in no string but as `\n`.
 */

/** The pieces of a summary, in their order. */
interface SummaryPieces {
  /** `task_name` to `end`. */
  head: string;
  exception: string;
  /** `finished`, `status` and `state`. */
  state: string;
  /** `attempt` to `progress`. */
  progress: string;
  current: string;
  result: string;
  outcome: string;
  /** `error` up to its message; the whole of it where it is `null`. */
  error: string;
  /** The error's causes, which lists leave out. */
  causes: string;
  /** The rest of the error. */
  place: string;
  exceptionCauses: string;
  attributes: string;
  /** `service_name` to `updated`. */
  details: string;
  cancellable: string;
  close: string;
}

export const PIECES: readonly (keyof SummaryPieces)[] = [
  'head', 'exception', 'state', 'progress', 'current', 'result', 'outcome', 'error', 'causes', 'place', 'exceptionCauses', 'attributes', 'details',
  'cancellable', 'close',
];

/** The summary of a task: JSON text that {@link recordJson} makes whole. */
export function summaryJson(task: TaskContent): string {
  return summaryOf(task);
}

/** A result and attributes that are longer, in bytes, are left out of lists. */
const LIST_RESULT_BYTES = 4 * 1024;
const LIST_ATTRIBUTES_BYTES = 8 * 1024;

/**
 * The summary for lists, without a long result and long attributes, which `cut` names then; `undefined` where it is the
 * same as the whole one.
 */
export function listSummaryJson(task: TaskContent, whole: string): string | undefined {
  if (whole.length * MOST_BYTES <= LIST_RESULT_BYTES) return undefined;
  const latest = latestAttempt(task);
  const cut: ListCut[] = [];
  if (Buffer.byteLength(latest?.result?.json ?? '') > LIST_RESULT_BYTES) cut.push('result');
  if (Buffer.byteLength(JSON.stringify(attributesOf(latest, task.announced.first?.attributes))) > LIST_ATTRIBUTES_BYTES) cut.push('attributes');
  return cut.length === 0 ? undefined : summaryOf(task, cut);
}

type ListCut = 'result' | 'attributes';

/** The most bytes of UTF-8 that a UTF-16 code unit takes. */
const MOST_BYTES = 3;

function summaryOf(task: TaskContent, cut: readonly ListCut[] = []): string {
  const latest = latestAttempt(task);
  const state = stateOf(task, latest);
  const queueEnd = latest === undefined ? queueEndOf(task.announced) : undefined;
  const end = latest?.end ?? queueEnd ?? null;
  const jobs = latest?.jobs ?? { finished: 0, failed: 0, running: 0 };
  // What is open when the task has finished is lost, and counted nowhere.
  const running = end === null ? jobs.running : 0;
  const error = latest === undefined ? queueError(queueEnd) : errorOf(task, latest);
  const outcome = queueEnd?.outcome ?? (latest?.end && outcomeOf(latest.end, error)) ?? null;
  const { updated } = task;
  const created = createdAt(task);
  const begun = latest?.start ?? null;
  // A clock that was set back meanwhile: no task ends before it begins.
  const ended = end === null ? null : Math.max(end.time, begun ?? 0);
  const begunJson = timeJson(begun);
  const endedJson = timeJson(ended);
  const pieces: SummaryPieces = {
    head:
      `{"task_name":${JSON.stringify(taskName(task))},"task_uuid":"${task.uuid}"` +
      `,"start":${begunJson},"end":${endedJson},`,
    exception: exceptionPiece(queueEnd === undefined ? (latest?.final?.exception ?? latestText(latest)) : queueException(task, queueEnd)),
    state: statePiece(end !== null, statusOf(state), state),
    progress:
      `"attempt":${latest?.attempt ?? 0}` +
      `,"jobs":{"total":${jobs.finished + jobs.failed + running},"finished":${jobs.finished}` +
      `,"failed":${jobs.failed},"running":${running}}` +
      `,"progress":${latest === undefined ? 'null' : JSON.stringify(progressOf(latest))},`,
    current: currentPiece(currentScope(task, latest)),
    result: `"result":${cut.includes('result') ? 'null' : latest?.result?.json ?? 'null'},`,
    outcome: outcomePiece(outcome),
    ...(error === undefined ? NO_ERROR : errorPieces(error)),
    attributes: `"attributes":${cut.includes('attributes') ? '{}' : JSON.stringify(attributesOf(latest, task.announced.first?.attributes))},`,
    details:
      `"service_name":${textJson(serviceName(task, latest))},"parent_task_uuid":${textJson(latest?.parentTaskUuid ?? null)}` +
      `,"trace_id":${textJson(latest?.traceId ?? null)},"trace_sampled":${latest?.sampled ?? false}` +
      `,"facts_missing":${latest?.missing ?? 0}` +
      // Mostly the same times as above.
      `,"created":${created === begun ? begunJson : timeJson(created)},"updated":${updated === ended ? endedJson : timeJson(updated)},`,
    cancellable: cancellablePiece(state === 'queued' || (end === null && latest?.cancellable === true)),
    close: cut.length === 0 ? '}' : `,"cut":${JSON.stringify(cut)}}`,
  };
  let summary = pieces.head;
  for (let at = 1; at < PIECES.length; at++) summary += `\n${pieces[PIECES[at]!]}`;
  return summary;
}

function piecesOf(summary: string): SummaryPieces {
  const lines = summary.split('\n');
  return Object.fromEntries(PIECES.map((name, at) => [name, lines[at]])) as unknown as SummaryPieces;
}

function latestText(attempt: AttemptState | undefined): string {
  return attempt === undefined || attempt.exception === null ? '' : failureText(attempt.exception);
}

/** Why a task ended without an attempt. */
function queueException({ announced: { last } }: TaskContent, { outcome, error }: QueueEnd): string {
  if (outcome !== 'expired') return error === null ? '' : failureText(error);
  return last === null ? 'expired' : `expired: queued since ${isoTime(last.time)}`;
}

function queueError(end: QueueEnd | undefined): FoundError | undefined {
  if (end === undefined || end.error === null || end.outcome === 'expired') return undefined;
  return { ...end.error, path: [], spanId: end.spanId, logOffset: null };
}

/** What a reader adds to a stored summary. */
interface RecordParts {
  summary: string;
  version: number;
  logBytes: number;
  logLines: number;
  /** `lost`, or the state by the facts. */
  state?: TaskState;
  /** Absent where no heartbeat is expected. */
  liveness?: Liveness;
  /** Absent where nobody has asked to cancel the task. */
  cancel?: CancelRequest;
}

/** Longest log inside a record, in bytes; of a longer one the record has the tail. */
export const RECORD_LOG_BYTES: number = 1024 * 1024;

/** Whether a summary is one for lists without the task's attributes. */
export function hasCutAttributes(summary: string): boolean {
  return summary.endsWith('"attributes"]}');
}

/** The whole record, or without its log. With an offset and no text it is that of a log that stands elsewhere. */
export function recordJson(parts: RecordParts, log?: RecordLog): string {
  return joined(piecesOf(parts.summary), parts, log);
}

/** The record as lists have it: without its log, and without the causes of its error, which are in `exception_causes`. */
export function listJson(parts: RecordParts): string {
  return joined({ ...piecesOf(parts.summary), causes: '' }, parts);
}

interface RecordLog {
  text: string | undefined;
  offset: number;
}

function joined(pieces: SummaryPieces, parts: RecordParts, log?: RecordLog): string {
  const shown = parts.state === 'lost' ? lostPieces(pieces, parts.liveness) : pieces;
  const { heard, busySince } = timesOf(parts);
  return (
    shown.head +
    (log?.text === undefined ? '' : `"log":${JSON.stringify(log.text)},`) +
    shown.exception + shown.state + shown.progress + shown.current + shown.result + shown.outcome + shown.error + shown.causes + shown.place +
    shown.exceptionCauses + shown.attributes + shown.details + `"cancel":${cancelJson(parts.cancel)},` + shown.cancellable +
    `,"heard":${timeJson(heard)},"busy_since":${timeJson(busySince)}` +
    `,"version":${parts.version},"log_offset":${log?.offset ?? 0},"log_bytes":${parts.logBytes},"log_lines":${parts.logLines}` +
    shown.close
  );
}

/** The record without its log, parsed. */
export function parsedRecord(parts: RecordParts): TaskSummary {
  return JSON.parse(recordJson(parts)) as TaskSummary;
}

/** What a filter needs of a record; what is long in it and not needed, such as the result, is not parsed. */
export function filteredTask(parts: Pick<RecordParts, 'summary' | 'state' | 'liveness'>): FilteredTask {
  const pieces = piecesOf(parts.summary);
  const { head, error, place, exceptionCauses, attributes, details } = parts.state === 'lost' ? lostPieces(pieces, parts.liveness) : pieces;
  const task = JSON.parse(`${head}${error}${place}${exceptionCauses}${attributes}${details.slice(0, -1)}}`) as Omit<FilteredTask, 'state' | 'heard'>;
  const heard = parts.liveness === undefined ? null : isoTime(parts.liveness.heard);
  return { ...task, state: parts.state ?? 'running', heard };
}

/** A task whose worker has fallen silent is not finished, until that is for good. */
function lostPieces(pieces: SummaryPieces, liveness: Liveness | undefined): SummaryPieces {
  if (liveness?.final !== true) return { ...pieces, state: statePiece(false, 2, 'lost') };
  const exception = exceptionPiece(lostException(liveness.heard));
  const cancellable = cancellablePiece(false);
  const progress = withoutRunning(pieces.progress);
  return { ...pieces, exception, state: statePiece(true, 0, 'lost'), progress, current: currentPiece(null), outcome: outcomePiece(LOST), ...NO_ERROR, cancellable };
}

const JOBS = /^("attempt":\d+,"jobs":\{"total":)\d+(,"finished":(\d+),"failed":(\d+),"running":)\d+/;

/** The piece with the jobs of a task that has finished: none of them runs any more. */
function withoutRunning(progress: string): string {
  return progress.replace(JOBS, (_, head: string, counts: string, finished: string, failed: string) => `${head}${Number(finished) + Number(failed)}${counts}0`);
}

function currentPiece(current: CurrentScope | null): string {
  return `"current":${current === null ? 'null' : JSON.stringify(current)},`;
}

function exceptionPiece(exception: string): string {
  return `"exception":${JSON.stringify(exception)},`;
}

function statePiece(finished: boolean, status: number, state: TaskState): string {
  return `"finished":${finished},"status":${status},"state":"${state}",`;
}

function outcomePiece(outcome: string | null): string {
  return `"outcome":${textJson(outcome)},`;
}

type ErrorPieces = Pick<SummaryPieces, 'error' | 'causes' | 'place' | 'exceptionCauses'>;

const NO_ERROR: ErrorPieces = { error: '"error":null,', causes: '', place: '', exceptionCauses: '"exception_causes":[],' };

function errorPieces({ name, message, causes = [], path, spanId, logOffset }: FoundError): ErrorPieces {
  return {
    error: `"error":{"name":${JSON.stringify(name)},"message":${JSON.stringify(message)}`,
    causes: `,"causes":${JSON.stringify(causes)}`,
    place: `,"path":${JSON.stringify(path)},"span_id":${JSON.stringify(spanId)},"log_offset":${logOffset}},`,
    exceptionCauses: `"exception_causes":${JSON.stringify(causes.map(errorText))},`,
  };
}

function cancellablePiece(cancellable: boolean): string {
  return `"cancellable":${cancellable}`;
}

function cancelJson(cancel: CancelRequest | undefined): string {
  if (cancel === undefined) return 'null';
  const { requested, by, reason, heard } = cancel;
  return `{"requested":${timeJson(requested)},"by":${JSON.stringify(by)},"reason":${JSON.stringify(reason)},"heard":${timeJson(heard)}}`;
}

/** A lost worker is silent: what it reported last of its event loop is out of date. */
function timesOf({ state, liveness }: RecordParts): { heard: number | null; busySince: number | null } {
  if (liveness === undefined) return { heard: null, busySince: null };
  return { heard: liveness.heard, busySince: state === 'lost' ? null : liveness.busySince };
}

function textJson(text: string | null): string {
  return text === null ? 'null' : JSON.stringify(text);
}

function timeJson(micros: number | null): string {
  return micros === null ? 'null' : `"${isoTime(micros)}"`;
}

/** The top-level fields of a record, each as JSON text, without those that a change never has. */
export type RecordFields = ReadonlyMap<string, string>;

/** @param json A record without its log. */
export function recordFields(json: string): RecordFields {
  const fields = fieldsOfJson(json);
  fields.delete('log_offset');
  return fields;
}

/**
 * JSON text of a `TaskChange` of a stream: the fields that differ, all of them where there are none before, and always
 * `version`; then further members, each as JSON text. `undefined` if nothing differs and there are no further members.
 */
export function changeJson(before: RecordFields | undefined, now: RecordFields, further: readonly string[] = []): string | undefined {
  const parts: string[] = [];
  for (const [name, value] of now) {
    if (name !== 'version' && before?.get(name) !== value) parts.push(`"${name}":${value}`);
  }
  if (parts.length === 0 && further.length === 0 && before?.get('version') === now.get('version')) return undefined;
  return `{${[...parts, `"version":${now.get('version')}`, ...further].join(',')}}`;
}
