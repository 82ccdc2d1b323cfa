import { hostname } from 'node:os';
import type { Attributes } from '@opentelemetry/api';
import { parseKeyPairsIntoRecord } from '@opentelemetry/core';
import { worker } from '../../src/worker.ts';
import { hasLiveTasks } from '../capture/segment.ts';
import { otlpSink } from '../otlp/send/otlp-sink.ts';
import type { OtlpSinkOptions, SinkSettings } from '../otlp/send/otlp-sink.ts';
import { storeAt } from '../store/store-at.ts';
import type { TaskStore } from '../store/task-store.ts';

/** Where the facts of a process go: a store, or a sink that sends them to a server, where they are stored. */
export interface FactDestination extends Pick<TaskStore, 'append' | 'beat' | 'workers' | 'silence' | 'cancellations' | 'cancellationHeard' | 'close'> {
  /** Finds out why requests to cancel can't be received; `undefined` if they can. A store has none: there they always can. */
  cancellationProblem?(): Promise<string | undefined>;
}

/** The path or URL of a store, or where facts are sent instead. It can be posted to a thread. */
export type FactLocation = string | SinkSettings;

/** Options of {@link destinationAt}. */
interface DestinationOptions extends Pick<OtlpSinkOptions, 'waitSeconds' | 'report'> {
  /** The shared words of the process's ring. */
  control: Int32Array;
}

/** What is at this location. It is opened, or connected to, at its first use. */
export function destinationAt(location: FactLocation, { control, waitSeconds, report }: DestinationOptions): FactDestination {
  if (typeof location === 'string') return storeAt(location);
  return otlpSink({ ...location, hasLiveTasks: () => hasLiveTasks(control), waitSeconds, report });
}

/** Where facts are sent. */
export interface SendingOptions {
  endpoint: string;
  /** The server that is polled for cancellations, and that serves the records. */
  serverUrl: string;
  token: string | undefined;
}

/**
 * Where facts are sent, and with which resource.
 *
 * @param resource Attributes of the resource of the process's spans.
 */
export function sinkSettings({ endpoint, serverUrl, token }: SendingOptions, resource: Attributes, intervalMs: number): SinkSettings {
  const headers = { ...headersOf('LOGS'), ...tokenHeader(token, 'LOGS') };
  return {
    endpoint,
    headers,
    serverUrl,
    // The headers of the environment are for the endpoint: they may hold its credentials.
    serverHeaders: serverUrl === endpoint ? headers : bearer(token),
    resource: { ...resource, 'process.pid': process.pid, 'host.name': hostname() },
    workerId: worker.id,
    intervalMs,
  };
}

/** What the exporter of spans has to send besides `OTEL_EXPORTER_OTLP_HEADERS`, which it reads itself. */
export function spanHeaders({ token }: SendingOptions): Record<string, string> {
  return tokenHeader(token, 'TRACES');
}

/** An endpoint whose own credentials stand in the environment keeps them. */
function tokenHeader(token: string | undefined, signal: Signal): Record<string, string> {
  const names = Object.keys(headersOf(signal)).map((name) => name.toLowerCase());
  return names.includes('authorization') ? {} : bearer(token);
}

function bearer(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { Authorization: `Bearer ${token}` };
}

type Signal = 'LOGS' | 'TRACES';

/** As OpenTelemetry's exporters read them. */
function headersOf(signal: Signal): Record<string, string> {
  const { env } = process;
  const ofSignal = signal === 'LOGS' ? env['OTEL_EXPORTER_OTLP_LOGS_HEADERS'] : env['OTEL_EXPORTER_OTLP_TRACES_HEADERS'];
  return { ...parseKeyPairsIntoRecord(env['OTEL_EXPORTER_OTLP_HEADERS']), ...parseKeyPairsIntoRecord(ofSignal) };
}
