import type { Attributes } from '@opentelemetry/api';
import * as conventions from '../../src/conventions.ts';
import { isSpanKind } from '../../src/conventions.ts';
import type { SpanRef } from '../../src/fact.ts';
import { isTaskUuid } from '../../src/task-uuid.ts';
import { spanIdIn } from './ids.ts';

/** Whose span it is by its attributes; `undefined` for one that is neither a task, a scope nor an announcement. */
export function spanRefOf(attributes: Attributes, traceId: string, spanId: string): SpanRef | undefined {
  const kind = attributes[conventions.SPAN_KIND];
  if (!isSpanKind(kind)) return undefined;
  const taskUuid = uuidOf(attributes[conventions.TASK_UUID]);
  if (taskUuid === undefined) return undefined;
  const taskSpanId = kind === 'task' ? spanId : kind === 'scope' ? taskSpanIdOf(attributes[conventions.TASK_SPAN]) : '';
  return taskSpanId === undefined ? undefined : { taskUuid, traceId, spanId, taskSpanId };
}

let latestUuid: string | undefined;

/** In lower case, as tasks are asked for. Most spans are of the same task as the one before. */
export function uuidOf(value: unknown): string | undefined {
  if (typeof value === 'string' && value === latestUuid) return value;
  if (!isTaskUuid(value)) return undefined;
  latestUuid = value.toLowerCase();
  return latestUuid;
}

let latestTaskSpanId: string | undefined;

/** In lower case, as a span's own id is: by it a task span is told from a scope. Most are the same as the one before. */
export function taskSpanIdOf(value: unknown): string | undefined {
  if (typeof value === 'string' && value === latestTaskSpanId) return value;
  const id = spanIdIn(value);
  if (id !== undefined) latestTaskSpanId = id;
  return id;
}
