import type { Attributes } from '@opentelemetry/api';
import * as conventions from '../../../src/conventions.ts';
import { logRecordOf } from '../../facts/log-record-facts.ts';
import type { LogRecord } from '../../facts/log-record-facts.ts';
import type { Beat, TaskStore } from '../../store/task-store.ts';
import { AskedCancellations } from './asked-cancellations.ts';
import { HttpClient } from './http-client.ts';
import { LogsEndpoint } from '../receive/logs-endpoint.ts';

/** Where a worker's facts go that are not kept here; it can be sent to a thread. */
export interface SinkSettings {
  /** Base URL of an OTLP/HTTP receiver, without `/v1/logs`. */
  endpoint: string;
  headers: Readonly<Record<string, string>>;
  /** Base URL of the server that knows what is to be cancelled. */
  serverUrl: string;
  serverHeaders: Readonly<Record<string, string>>;
  /** Attributes of the resource, as on the spans. */
  resource: Attributes;
  /** The worker, and how often it beats, in milliseconds. */
  workerId: string;
  intervalMs: number;
}

/** Options of {@link otlpSink}. */
export interface OtlpSinkOptions extends SinkSettings {
  /** Whether the worker has a task that is open. */
  hasLiveTasks: () => boolean;
  /** For how many seconds the server may keep a question for cancellations; 0 where an open request would hold the process. */
  waitSeconds: number;
  /** Told of facts that were not taken, in one line. */
  report: (message: string) => void;
}

/** What a worker needs of a store, sent by OTLP instead: facts and beats as log records. `docs/wire.md` has their names. */
export interface OtlpSink extends Pick<TaskStore, 'append' | 'beat' | 'workers' | 'silence' | 'cancellations' | 'close'> {
  /** Why requests to cancel can't be heard; `undefined` if they can. Takes a second at the most. */
  unheard(): Promise<string | undefined>;
}

/** How long the start waits for the endpoint to say whether it takes logs. */
const PROBE_MS = 1000;

export function otlpSink(options: OtlpSinkOptions): OtlpSink {
  const { endpoint, headers, serverUrl, serverHeaders, resource, workerId, intervalMs, hasLiveTasks, waitSeconds, report } = options;
  const client = new HttpClient();
  const logs = new LogsEndpoint({ client, endpoint, headers, resource, report });
  const cancellations = new AskedCancellations({ client, serverUrl, headers: serverHeaders, waitSeconds });
  let beats = 0;
  return {
    append: (facts) => (facts.length === 0 ? logs.send([], PROBE_MS) : logs.send(facts.map(logRecordOf))),
    async beat(given) {
      await logs.send(given.map(beatRecordOf));
      beats++;
    },
    // Others are the server's to listen to.
    workers: async () => (hasLiveTasks() ? [{ id: workerId, intervalMs, beats, silentMs: 0 }] : []),
    silence: async () => undefined,
    cancellations: (worker, after) => cancellations.after(worker, after),
    unheard: () => cancellations.unheard(workerId),
    async close() {
      logs.close();
      cancellations.close();
      client.close();
    },
  };
}

/** The log record of a worker's sign of life. */
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
