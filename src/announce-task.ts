import { context as contextApi, SpanKind } from '@opentelemetry/api';
import type { Attributes } from '@opentelemetry/api';
import { sinkOf, taskTracer } from './capture.ts';
import { checkName } from './check-name.ts';
import { checkKeys, checkType } from './check-options.ts';
import * as conventions from './conventions.ts';
import { checkLimits } from './limits.ts';
import type { Limits } from './limits.ts';
import { reportOnce } from './report.ts';
import { identified, startRoot } from './scope-span.ts';
import { hrTimeOf, TaskClock } from './task-clock.ts';
import { checkAttributes } from './task-options.ts';
import { taskUuid } from './task-uuid.ts';
import { cleanAttributes, cleanerWith } from './text.ts';
import type { Redact } from './text.ts';

/** Options of {@link announceTask}. */
export interface AnnounceTaskOptions {
  /** Name of the task, not empty. */
  taskName: string;
  /** UUID of the task, of any version of RFC 9562. Default: a new one of version 7, which begins with the time. */
  taskUuid?: string;
  /** Attributes of the task, for its record until a worker takes it. No name may begin with `taskspan.`. */
  attributes?: Attributes;
  /** Takes secrets out of name and attributes before they leave this code. Where it throws, the text is left out. */
  redact?: Redact;
  /** How long its texts may be and how many its attributes; what is more is cut. See {@link Limits}. */
  limits?: Partial<Limits>;
}

/**
 * Says that a task is to come, as who puts it into a queue knows: its record exists from now on,
 * `queued`, and the first attempt of a task with this UUID makes it `running`. An announcement
 * that comes after that changes nothing.
 *
 * In the trace it is a short span of kind `PRODUCER`. Without an OpenTelemetry SDK nothing is told.
 *
 * @returns The task's UUID, in lower case.
 * @throws TypeError for wrong arguments.
 */
export function announceTask(options: AnnounceTaskOptions): string {
  checkKeys('announceTask', options, OPTIONS);
  const { taskName, attributes, redact, limits } = options;
  checkName(taskName, 'taskName');
  checkType('redact', redact, 'function');
  if (limits !== undefined) checkLimits(limits);
  if (attributes !== undefined) checkAttributes(attributes);
  const uuid = taskUuid(options.taskUuid);
  try {
    announce(uuid, options);
  } catch (error) {
    reportOnce('announce', 'a task could not be announced', error);
  }
  return uuid;
}

const OPTIONS = ['taskName', 'taskUuid', 'attributes', 'redact', 'limits'] satisfies (keyof AnnounceTaskOptions)[];

function announce(uuid: string, { taskName, attributes = {}, redact, limits }: AnnounceTaskOptions): void {
  const clean = cleanerWith(redact, limits);
  const name = clean.name(taskName);
  const tracer = taskTracer();
  const time = new TaskClock().now();
  const base = contextApi.active();
  const own = cleanAttributes(attributes, clean);
  const { given, takers } = startRoot(
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
  const { span, traceId, spanId } = identified(given, base, takers, undefined);
  const ref = { taskUuid: uuid, traceId, spanId, taskSpanId: '' };
  sinkOf(takers, ref)?.announced({ kind: 'task-announced', span: ref, seq: 0, time, name, attributes: own });
  span.end(hrTimeOf(time));
}
