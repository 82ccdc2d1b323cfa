import { context, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import type { Context, Span } from '@opentelemetry/api';
import * as conventions from '../conventions.ts';
import { reportOnce } from '../report.ts';
import type { QueueJob } from './queue-job.ts';

/**
 * A job carries its trace in `opts.telemetry.metadata`, JSON of what the propagator writes: the
 * place and the form of bullmq-otel, so that either side may have the one or the other. The
 * job's data stay as they are.
 */
export function withTrace<Options extends object>(options: Options | undefined): Options | undefined {
  if (options !== undefined && 'telemetry' in options) return options;
  const carrier: Record<string, string> = {};
  propagation.inject(context.active(), carrier);
  if (Object.keys(carrier).length === 0) return options;
  return { ...options, telemetry: { metadata: JSON.stringify(carrier) } } as unknown as Options;
}

/** The context in which a job's task begins: inside bullmq-otel's span, else where the job was added. */
export function contextOf(job: QueueJob, uuid: string | undefined): Context {
  const active = context.active();
  const processSpan = bullmqSpan(trace.getSpan(active));
  if (processSpan !== undefined) {
    // Who adopts bullmq-otel's spans knows by this that the job's task has a span of its own.
    if (uuid !== undefined) processSpan.setAttribute(conventions.TASK_UUID, uuid);
    return active;
  }
  const metadata = metadataOf(job);
  if (metadata === undefined) return active;
  try {
    return propagation.extract(ROOT_CONTEXT, JSON.parse(metadata) as unknown);
  } catch (error) {
    reportOnce('bullmq metadata', 'the trace that a job carries could not be read', error);
    return active;
  }
}

/** The span of an SDK by which bullmq-otel tells of this job; any other active one is whatever the worker was made in. */
function bullmqSpan(span: Span | undefined): Span | undefined {
  const { attributes } = (span ?? {}) as { attributes?: Record<string, unknown> };
  return attributes?.['bullmq.queue.operation'] === 'process' ? span : undefined;
}

/** In a sandbox the options have BullMQ's short names. */
function metadataOf({ opts }: QueueJob): string | undefined {
  const { telemetry, tm } = (opts ?? {}) as { telemetry?: { metadata?: unknown } | null; tm?: unknown };
  return [telemetry?.metadata, tm].find((metadata) => typeof metadata === 'string');
}
