import { hostname } from 'node:os';
import { parseKeyPairsIntoRecord } from '@opentelemetry/core';
import { worker } from '../../src/worker.ts';
import type { SinkSettings } from '../otlp/send/otlp-sink.ts';
import { resourceOf } from '../export/provider.ts';
import type { ResolvedOptions, SendingOptions } from '../taskspan-options.ts';

/** Where facts are sent, and as what, for the thread that sends them. */
export function sinkSettings({ endpoint, serverUrl, token }: SendingOptions, options: ResolvedOptions): SinkSettings {
  const headers = { ...headersOf('LOGS'), ...tokenHeader(token, 'LOGS') };
  return {
    endpoint,
    headers,
    serverUrl,
    // Those of the environment are for the endpoint, and may be nobody else's business.
    serverHeaders: serverUrl === endpoint ? headers : bearer(token),
    resource: { ...resourceOf(options.serviceName).attributes, 'process.pid': process.pid, 'host.name': hostname() },
    workerId: worker.id,
    intervalMs: options.beatIntervalMs,
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
  const own = signal === 'LOGS' ? env['OTEL_EXPORTER_OTLP_LOGS_HEADERS'] : env['OTEL_EXPORTER_OTLP_TRACES_HEADERS'];
  return { ...parseKeyPairsIntoRecord(env['OTEL_EXPORTER_OTLP_HEADERS']), ...parseKeyPairsIntoRecord(own) };
}
