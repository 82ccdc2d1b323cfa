import { isoTime } from './iso-time.ts';
import { progressOf } from './roll-up.ts';
import { attributesOf } from './scope-state.ts';
import type { AttemptState } from './scope-state.ts';
import { latestAttempt } from './task-fold.ts';
import type { TaskFacts } from './task-fold.ts';
import type { TaskState, TaskStatus } from './task-record.ts';

/** State of a task as its facts have it, whatever is known of its worker: without an attempt it is queued. */
export function stateOf(task: TaskFacts, latest: AttemptState | undefined = latestAttempt(task)): TaskState {
  if (latest === undefined && task.announced !== null) return 'queued';
  return latest?.end?.outcome ?? 'running';
}

/** Name of a task: that of the latest attempt whose start is known, else the announced one. */
export function taskName(task: TaskFacts): string {
  return latestAttempt(task, ({ start }) => start !== null)?.name ?? task.announced?.name ?? '';
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
export function summaryJson(task: TaskFacts): string {
  const latest = latestAttempt(task);
  const state = stateOf(task, latest);
  const end = latest?.end ?? null;
  const jobs = latest?.jobs ?? { finished: 0, failed: 0, running: 0 };
  const exception = latest?.final?.exception ?? latest?.exception?.text ?? '';
  return (
    `{"task_name":${JSON.stringify(taskName(task))},"task_uuid":"${task.uuid}"` +
    `,"start":${timeJson(latest?.start ?? null)},"end":${timeJson(end === null ? null : end.time)}` +
    `,"exception":${JSON.stringify(exception)},"finished":${end !== null},"status":${statusOf(state)}` +
    `,"state":"${state}","attempt":${latest?.attempt ?? 0}` +
    `,"jobs":{"total":${jobs.finished + jobs.failed + jobs.running},"finished":${jobs.finished}` +
    `,"failed":${jobs.failed},"running":${jobs.running}}` +
    `,"progress":${latest === undefined ? 'null' : JSON.stringify(progressOf(latest))}` +
    `,"result":${latest?.result?.json ?? 'null'},"attributes":${JSON.stringify(attributesOf(latest, task.announced?.attributes))}` +
    `,"parent_task_uuid":${JSON.stringify(latest?.parentTaskUuid ?? null)}` +
    `,"trace_id":${JSON.stringify(latest?.traceId ?? null)},"trace_sampled":${latest?.sampled ?? false}` +
    `,"facts_missing":${latest?.missing ?? 0},"created":${timeJson(createdAt(task))},"updated":${timeJson(task.updated)}` +
    `,"cancellable":${end === null && latest?.cancellable === true}}`
  );
}

/** The earliest announcement or start; `null` while neither is known. */
function createdAt(task: TaskFacts): number | null {
  let created = task.announced?.time ?? null;
  for (const { start } of task.attempts) if (start !== null && (created === null || start < created)) created = start;
  return created;
}

function timeJson(micros: number | null): string {
  return micros === null ? 'null' : `"${isoTime(micros)}"`;
}
