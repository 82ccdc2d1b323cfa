import type { Attributes } from '@opentelemetry/api';
import * as conventions from '../../../src/conventions.ts';
import { logRecordOf } from '../../facts/log-record.ts';
import type { LogRecord } from '../../facts/log-record.ts';
import type { Beat, TaskStore } from '../../store/task-store.ts';
import { CancellationPoll } from './cancellation-poll.ts';
import { LogsEndpoint } from './logs-endpoint.ts';

/** Where the facts of a worker without a store are sent. Threads can pass it to each other. */
export interface SinkSettings {
  /** Base URL of an OTLP/HTTP receiver, without `/v1/logs`. */
  endpoint: string;
  headers: Readonly<Record<string, string>>;
  /** Base URL of the taskspan server, which takes requests to cancel. */
  serverUrl: string;
  serverHeaders: Readonly<Record<string, string>>;
  /** Attributes of the resource, as the spans have them. */
  resource: Attributes;
  /** The worker, and the interval of its heartbeats in milliseconds. */
  workerId: string;
  intervalMs: number;
}

/** Options of {@link otlpSink}. */
export interface OtlpSinkOptions extends SinkSettings {
  /** Whether a task of the worker is running. */
  hasLiveTasks: () => boolean;
  /** For how many seconds the server may hold a request for cancellations; 0 where an open request would keep the process alive. */
  waitSeconds: number;
  /** Reports facts that the receiver rejected, in one line. */
  report: (message: string) => void;
}

/** Stands in for a worker's store: sends facts and heartbeats by OTLP as log records. `docs/wire.md` has their names. */
export interface OtlpSink extends Pick<TaskStore, 'append' | 'beat' | 'workers' | 'silence' | 'cancellations' | 'cancellationHeard' | 'close'> {
  /** Why requests to cancel can't be read; `undefined` if they can. Takes at most a second. */
  cancellationProblem(): Promise<string | undefined>;
}

/** How long the start waits for the endpoint's answer whether it takes logs. */
const PROBE_MS = 1000;

export function otlpSink(options: OtlpSinkOptions): OtlpSink {
  const { endpoint, headers, serverUrl, serverHeaders, resource, workerId, intervalMs, hasLiveTasks, waitSeconds, report } = options;
  const closing = new AbortController();
  const { signal } = closing;
  const logs = new LogsEndpoint({ endpoint, headers, resource, report, closing: signal });
  const cancellations = new CancellationPoll({ serverUrl, headers: serverHeaders, waitSeconds, closing: signal });
  let beats = 0;
  return {
    append: (facts) => (facts.length === 0 ? logs.send([], PROBE_MS) : logs.send(facts.map(logRecordOf))),
    async beat(given) {
      await logs.send(given.map(beatRecordOf));
      beats++;
    },
    // The server watches the other workers.
    workers: async () => (hasLiveTasks() ? [{ id: workerId, intervalMs, beats, silentMs: 0 }] : []),
    silence: async () => undefined,
    cancellations: (worker, after) => cancellations.after(worker, after),
    cancellationHeard: (worker, number) => cancellations.heard(worker, number),
    cancellationProblem: () => cancellations.cancellationProblem(workerId),
    async close() {
      closing.abort();
    },
  };
}

/** The log record of a worker's heartbeat. */
export function beatRecordOf({ workerId, host, pid, intervalMs, time, busySince }: Beat): LogRecord {
  return {
    eventName: conventions.BEAT_EVENT,
    traceId: '',
    spanId: '',
    time,
    sampled: false,
    attributes: {
      [conventions.WORKER_ID]: workerId,
      [conventions.WORKER_INTERVAL_MS]: intervalMs,
      'host.name': host,
      'process.pid': pid,
      ...(busySince !== null && { [conventions.WORKER_BUSY_MS]: Math.max(0, Math.round((time - busySince) / 1000)) }),
    },
  };
}
