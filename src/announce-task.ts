import { context as contextApi, SpanKind } from '@opentelemetry/api';
import type { Attributes } from '@opentelemetry/api';
import { checkName, nameOf, checkKeys, checkType } from './arguments.ts';
import { cleanAttributes } from './attributes.ts';
import { sinkOf, taskTracer, untilCommitted } from './capture.ts';
import type { TaskProcessor } from './capture.ts';
import { hrTimeOf, TaskClock } from './clock.ts';
import { usableSpan, startRoot } from './open-span.ts';
import { checkAttributes } from './options.ts';
import { reportOnce } from './report.ts';
import { finalAttributes } from './span-writer.ts';
import { taskUuid } from './task-uuid.ts';
import { checkLimits, cleanerWith } from './text.ts';
import type { Limits, Redact } from './text.ts';
import * as conventions from './conventions.ts';

/** Options of {@link announceTask}. */
export interface AnnounceTaskOptions {
  /** Name of the task; a blank one is replaced by `(unnamed)`. */
  taskName: string;
  /** UUID of the task, of any version of RFC 9562. Default: a new one of version 7, which begins with the time. */
  taskUuid?: string;
  /** Attributes of the task, for its record. No name may begin with `taskspan.`. */
  attributes?: Attributes;
  /** Removes secrets from name and attributes before they leave this code. Where it throws, the text is left out. */
  redact?: Redact;
  /** How long its texts may be and how many its attributes; what is more is cut. See {@link Limits}. */
  limits?: Partial<Limits>;
}

/**
 * Announces a task that a worker will run later: its record exists from now on, `queued`, and the
 * first attempt of a task with this UUID makes it `running`. The attributes stay in the record under
 * those of the attempt.
 *
 * The announcement is made before this returns. The promise resolves when the record can be found: when
 * it is committed, or acknowledged where facts are sent, and after two seconds at the latest, which is
 * reported. Without a collector it resolves at once. Code that need not wait may ignore the promise.
 *
 * In the trace it is a short span of kind `PRODUCER`.
 *
 * @returns The task's UUID, in lower case. Rejects with a TypeError for wrong arguments, and for nothing else.
 */
export async function announceTask(options: AnnounceTaskOptions): Promise<string> {
  const { uuid, processors } = announce(options);
  await untilCommitted(processors);
  return uuid;
}

/** Announces a task, and does not wait for the commit. Throws a `TypeError` for wrong arguments. */
export function announce(options: AnnounceTaskOptions): { uuid: string; processors: readonly TaskProcessor[] } {
  checkKeys('announceTask', options, OPTIONS);
  const { taskName, attributes, redact, limits } = options;
  checkName(taskName, 'taskName');
  checkType('redact', redact, 'function');
  if (limits !== undefined) checkLimits(limits);
  if (attributes !== undefined) checkAttributes(attributes);
  const uuid = taskUuid(options.taskUuid);
  try {
    return { uuid, processors: record(uuid, options) };
  } catch (error) {
    reportOnce('announce', 'a task could not be announced', error);
    return { uuid, processors: [] };
  }
}

const OPTIONS = ['taskName', 'taskUuid', 'attributes', 'redact', 'limits'] satisfies (keyof AnnounceTaskOptions)[];

/** Records the announcement, and returns the processors that have taken it. */
function record(
  uuid: string,
  { taskName, attributes = {}, redact, limits }: AnnounceTaskOptions,
): readonly TaskProcessor[] {
  const clean = cleanerWith(redact, limits);
  const of = { clean, title: `task ${uuid}` };
  const name = nameOf(taskName, of);
  const tracer = taskTracer();
  const time = new TaskClock().now();
  const base = contextApi.active();
  const own = cleanAttributes(attributes, of);
  const { given, processors } = startRoot(
    tracer,
    `enqueue ${name}`,
    {
      kind: SpanKind.PRODUCER,
      startTime: hrTimeOf(time),
      attributes: {
        [conventions.SPAN_KIND]: 'announcement',
        [conventions.TASK_UUID]: uuid,
        [conventions.TASK_NAME]: name,
        ...own,
      },
    },
    base,
  );
  const { span, traceId, spanId } = usableSpan(given, base, processors, undefined);
  const ref = { taskUuid: uuid, traceId, spanId, taskSpanId: '' };
  // Includes what samplers and other processors have set on the span: a receiver of the span reads that too.
  const all = finalAttributes(span, own, false, of) ?? {};
  sinkOf(processors, ref)?.announced({ kind: 'task-announced', span: ref, seq: 0, time, name, attributes: all });
  span.end(hrTimeOf(time));
  return processors;
}
