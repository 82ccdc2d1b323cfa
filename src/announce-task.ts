import { context as contextApi, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Attributes, Context, Span } from '@opentelemetry/api';
import { checkName, isCount, nameOf, checkKeys, checkType } from './arguments.ts';
import { cleanAttributes } from './attributes.ts';
import { sinkOf, taskTracer, untilCommitted } from './capture.ts';
import type { TaskProcessor } from './capture.ts';
import type { AnnouncementOutcome } from './conventions.ts';
import { hrTimeOf, TaskClock } from './clock.ts';
import { describeFailure } from './failure.ts';
import { serviceOf, usableSpan, startRoot } from './open-span.ts';
import { checkAttributes } from './options.ts';
import { reportOnce } from './report.ts';
import { finalAttributes } from './span-writer.ts';
import { taskUuid } from './task-uuid.ts';
import { checkLimits, cleanerWith } from './text.ts';
import type { Cleaner, Limits, Redact, Subject } from './text.ts';
import * as conventions from './conventions.ts';

/** Options of {@link announceTask}. */
export interface AnnounceTaskOptions {
  /** Name of the task; a blank one is replaced by `(unnamed)`. */
  taskName: string;
  /** UUID of the task, of any version of RFC 9562. Default: a new one of version 7, which begins with the time. */
  taskUuid?: string;
  /** Attributes of the task, for its record. No name may begin with `taskspan.`. */
  attributes?: Attributes;
  /**
   * After how many milliseconds without an attempt the task has expired; 0 never. Default: `queuedFinalMs` of the process
   * that keeps the store in order, seven days.
   */
  queuedFinalMs?: number;
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
  checkAnnouncement(options);
  const uuid = taskUuid(options.taskUuid);
  try {
    return { uuid, processors: record(uuid, options) };
  } catch (error) {
    reportOnce('announce', 'a task could not be announced', error);
    return { uuid, processors: [] };
  }
}

function checkAnnouncement(options: AnnounceTaskOptions): void {
  checkKeys('announceTask', options, OPTIONS);
  const { taskName, attributes, queuedFinalMs, redact, limits } = options;
  checkName(taskName, 'taskName');
  checkType('queuedFinalMs', queuedFinalMs, 'number');
  checkType('redact', redact, 'function');
  if (limits !== undefined) checkLimits(limits);
  if (attributes !== undefined) checkAttributes(attributes);
}

const OPTIONS = ['taskName', 'taskUuid', 'attributes', 'queuedFinalMs', 'redact', 'limits'] satisfies (keyof AnnounceTaskOptions)[];

/** Records the announcement, and returns the processors that have taken it. */
function record(uuid: string, options: AnnounceTaskOptions): readonly TaskProcessor[] {
  const contents = contentsOf(uuid, options, cleanerWith(options.redact, options.limits));
  return end(startSpan(spanName(contents.name), SpanKind.PRODUCER, attributesOf(contents)), contents);
}

/** What an announcement reports, without secrets and invalid values. */
interface Contents {
  readonly uuid: string;
  readonly name: string;
  readonly own: Attributes;
  readonly queuedFinalMs: number | undefined;
  readonly of: Subject;
}

function contentsOf(uuid: string, { taskName, attributes = {}, queuedFinalMs }: AnnounceTaskOptions, clean: Cleaner): Contents {
  const of = { clean, title: `task ${uuid}` };
  const finalMs = queuedFinalMs !== undefined && isCount(queuedFinalMs) ? queuedFinalMs : undefined;
  if (finalMs !== queuedFinalMs) {
    reportOnce(`queuedFinalMs of ${of.title}`, `queuedFinalMs of ${of.title} is left out: expected 0 or more milliseconds, got ${queuedFinalMs}`);
  }
  return { uuid, name: nameOf(taskName, of), own: cleanAttributes(attributes, of), queuedFinalMs: finalMs, of };
}

/** The span of an announcement that is not complete: the queue has not made the task's id yet. */
export interface StartedAnnouncement {
  /** The context that a job carries, so that its run belongs to the announcement's trace. */
  readonly context: Context;
  /** Announces the task, and does not wait for the commit. Throws a `TypeError` for wrong arguments. */
  announce(options: AnnounceTaskOptions): void;
  /** Ends the span without announcing a task, such as where the queue has refused the job. */
  drop(error?: unknown): void;
}

/** Starts the announcement of a task by its name alone, before it is added to a queue. */
export function startAnnouncement(taskName: string, { redact, limits }: Pick<AnnounceTaskOptions, 'redact' | 'limits'>): StartedAnnouncement {
  const clean = cleanerWith(redact, limits);
  const name = nameOf(taskName, { clean, title: 'a task that is to be announced' });
  const started = startSpan(spanName(name), SpanKind.PRODUCER, {});
  return {
    context: trace.setSpan(contextApi.active(), started.span),
    announce(options) {
      checkAnnouncement(options);
      const contents = contentsOf(taskUuid(options.taskUuid), options, clean);
      started.span.updateName(spanName(contents.name)).setAttributes(attributesOf(contents));
      end(started, contents);
    },
    drop(error) {
      if (error !== undefined) started.span.setStatus({ code: SpanStatusCode.ERROR, message: clean.message(describeFailure(error).message) });
      started.span.end();
    },
  };
}

/**
 * Ends the announcement of a task that will not come any more. While the task has no attempt, it has that outcome. It
 * never throws.
 *
 * @param what Names the span in the trace.
 */
export function endAnnouncement(uuid: string, outcome: AnnouncementOutcome, what: string): void {
  try {
    const attributes = { [conventions.SPAN_KIND]: 'announcement', [conventions.TASK_UUID]: uuid, [conventions.OUTCOME]: outcome, [conventions.FACTS]: 1 };
    const { span, traceId, spanId, processors, time } = startSpan(what, SpanKind.INTERNAL, attributes);
    const ref = { taskUuid: uuid, traceId, spanId, taskSpanId: '' };
    sinkOf(processors, ref)?.announced({ kind: 'announcement-end', span: ref, seq: 1, time, outcome });
    span.end(hrTimeOf(time));
  } catch (error) {
    reportOnce('end of an announcement', 'the end of a task that was announced could not be recorded', error);
  }
}

/** A span of an announcement, and the processors that take it. */
interface StartedSpan {
  readonly span: Span;
  readonly traceId: string;
  readonly spanId: string;
  readonly processors: readonly TaskProcessor[];
  readonly time: number;
}

function startSpan(name: string, kind: SpanKind, attributes: Attributes): StartedSpan {
  const time = new TaskClock().now();
  const base = contextApi.active();
  const { given, processors } = startRoot(taskTracer(), name, { kind, startTime: hrTimeOf(time), attributes }, base);
  return { ...usableSpan(given, base, processors, undefined), processors, time };
}

function spanName(name: string): string {
  return `enqueue ${name}`;
}

function attributesOf({ uuid, name, own, queuedFinalMs }: Contents): Attributes {
  return {
    [conventions.SPAN_KIND]: 'announcement',
    [conventions.TASK_UUID]: uuid,
    [conventions.TASK_NAME]: name,
    ...(queuedFinalMs !== undefined && { [conventions.QUEUED_FINAL_MS]: queuedFinalMs }),
    ...own,
  };
}

/** Records the announcement, ends its span, and returns the processors that have taken it. */
function end(
  { span, traceId, spanId, processors, time }: StartedSpan,
  { uuid, name, own, queuedFinalMs, of }: Contents,
): readonly TaskProcessor[] {
  const ref = { taskUuid: uuid, traceId, spanId, taskSpanId: '' };
  // Includes what samplers and other processors have set on the span: a receiver of the span reads that too.
  const all = finalAttributes(span, own, false, of) ?? {};
  const expiry = queuedFinalMs !== undefined && { queuedFinalMs };
  sinkOf(processors, ref)?.announced({ kind: 'task-announced', span: ref, seq: 0, time, name, attributes: all, ...serviceOf(span), ...expiry });
  span.end(hrTimeOf(time));
  return processors;
}
