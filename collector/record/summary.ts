import { isoTime } from './iso-time.ts';
import { progressOf } from './roll-up.ts';
import { attributesOf } from './scope-state.ts';
import type { AttemptState } from './scope-state.ts';
import type { TaskFold } from './task-fold.ts';
import type { TaskState, TaskStatus } from './task-record.ts';

/** State of a task as its facts have it, whatever is known of its worker: without an attempt it is queued. */
export function stateOf(task: TaskFold, latest: AttemptState | undefined = task.latest()): TaskState {
  if (latest === undefined && task.announced !== null) return 'queued';
  return latest?.end?.outcome ?? 'running';
}

/** Name of a task: its latest attempt's, and until that is known the announced one. */
export function taskName(task: TaskFold): string {
  const latest = task.latest();
  return announcedOnly(task, latest)?.name ?? latest?.name ?? '';
}

/** The seed's number for a state. */
export function statusOf(state: TaskState): TaskStatus {
  if (state === 'completed') return 1;
  return state === 'failed' || state === 'cancelled' ? 0 : 2;
}

/**
 * JSON text of a record without its log and what follows `cancellable`: all that facts alone decide.
 * `recordJson` makes it whole.
 */
export function summaryJson(task: TaskFold): string {
  const latest = task.latest();
  const state = stateOf(task, latest);
  const announced = announcedOnly(task, latest);
  const end = latest?.end ?? null;
  const jobs = latest?.jobs ?? { finished: 0, failed: 0, running: 0 };
  const exception = latest?.final?.exception ?? latest?.exception?.text ?? '';
  return (
    `{"task_name":${JSON.stringify(announced?.name ?? latest?.name ?? '')},"task_uuid":"${task.uuid}"` +
    `,"start":${timeJson(latest?.start ?? null)},"end":${timeJson(end === null ? null : end.time)}` +
    `,"exception":${JSON.stringify(exception)},"finished":${end !== null},"status":${statusOf(state)}` +
    `,"state":"${state}","attempt":${latest?.attempt ?? 0}` +
    `,"jobs":{"total":${jobs.finished + jobs.failed + jobs.running},"finished":${jobs.finished}` +
    `,"failed":${jobs.failed},"running":${jobs.running}}` +
    `,"progress":${latest === undefined ? 'null' : JSON.stringify(progressOf(latest))}` +
    `,"result":${latest?.result?.json ?? 'null'},"attributes":${JSON.stringify(announced?.attributes ?? (latest ? attributesOf(latest) : {}))}` +
    `,"parent_task_uuid":${JSON.stringify(latest?.parentTaskUuid ?? null)}` +
    `,"trace_id":${JSON.stringify(latest?.traceId ?? null)},"trace_sampled":${latest?.sampled ?? false}` +
    `,"facts_missing":${latest?.missing ?? 0},"updated":${timeJson(task.updated)}` +
    `,"cancellable":${end === null && latest?.cancellable === true}}`
  );
}

/** The announcement, while no attempt has told its name and attributes. */
function announcedOnly(task: TaskFold, latest: AttemptState | undefined): TaskFold['announced'] {
  return latest === undefined || latest.start === null ? task.announced : null;
}

function timeJson(micros: number | null): string {
  return micros === null ? 'null' : `"${isoTime(micros)}"`;
}
