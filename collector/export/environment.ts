import { AlwaysOffSampler, AlwaysOnSampler, ParentBasedSampler, TraceIdRatioBasedSampler } from '@opentelemetry/sdk-trace-node';
import type { Sampler } from '@opentelemetry/sdk-trace-node';
import { received } from '../../src/failure.ts';
import { report, reportOnce } from '../../src/report.ts';
import { redacted } from '../options/kinds.ts';
import { variableText } from '../options/read.ts';

/** What the environment variables of OpenTelemetry's specification say, as far as neither SDK nor exporter reads them. */

/** Whether the environment names an endpoint to which spans can be sent. */
export function exportsByEnv(env: NodeJS.ProcessEnv = process.env): boolean {
  if (variableText(env, 'OTEL_TRACES_EXPORTER')?.trim() === 'none') return false;
  return (variableText(env, 'OTEL_EXPORTER_OTLP_ENDPOINT') ?? variableText(env, 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT')) !== undefined;
}

/** The encodings in which spans can be sent by HTTP; the first is the default. */
const PROTOCOLS = ['http/protobuf', 'http/json'] as const;
type SpanProtocol = (typeof PROTOCOLS)[number];

/** The encoding that `OTEL_EXPORTER_OTLP_TRACES_PROTOCOL` or `OTEL_EXPORTER_OTLP_PROTOCOL` names. */
export function spanProtocol(env: NodeJS.ProcessEnv = process.env): SpanProtocol {
  return PROTOCOLS.find((each) => each === namedProtocol(env).value) ?? PROTOCOLS[0];
}

/** Why the protocol that the environment names is not used; `undefined` where it is. */
export function protocolFault(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const { name, value } = namedProtocol(env);
  if (value === undefined || PROTOCOLS.some((each) => each === value)) return undefined;
  const expected = `${name}: expected ${PROTOCOLS.join(' or ')}, got ${received(value)}; spans are sent as ${PROTOCOLS[0]}`;
  if (value !== 'grpc') return expected;
  return `${expected}. gRPC is not available: send to the HTTP port of an OpenTelemetry Collector (4318), which can send on by gRPC`;
}

/** Why nothing arrives at the endpoint that the environment names; `undefined` where it is a URL. */
export function endpointFault(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const name = ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT'].find((each) => variableText(env, each) !== undefined);
  if (name === undefined) return undefined;
  const value = variableText(env, name)!.trim();
  if (/^https?:$/.test(URL.parse(value)?.protocol ?? '')) return undefined;
  return `${name}: expected a URL such as http://127.0.0.1:4318, got ${received(redacted(value))}; spans will not arrive there`;
}

function namedProtocol(env: NodeJS.ProcessEnv): { name: string; value: string | undefined } {
  const names = ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL'];
  const name = names.find((each) => variableText(env, each) !== undefined) ?? names[0]!;
  return { name, value: variableText(env, name)?.trim() };
}

/** The variables that the SDK, its exporter and taskspan read. */
const HEEDED: readonly RegExp[] = [
  /^OTEL_(SDK_DISABLED|LOG_LEVEL|SERVICE_NAME|RESOURCE_ATTRIBUTES|TRACES_(EXPORTER|SAMPLER|SAMPLER_ARG))$/,
  /^OTEL_(ATTRIBUTE|SPAN)_.*_LIMIT$/,
  /^OTEL_BSP_(SCHEDULE_DELAY|EXPORT_TIMEOUT|MAX_QUEUE_SIZE|MAX_EXPORT_BATCH_SIZE)$/,
  /^OTEL_EXPORTER_OTLP_(TRACES_)?(ENDPOINT|HEADERS|TIMEOUT|COMPRESSION|CERTIFICATE|CLIENT_CERTIFICATE|CLIENT_KEY|PROTOCOL)$/,
  /^OTEL_EXPORTER_OTLP_LOGS_HEADERS$/,
];

/** Values that match what taskspan does: it sends no metrics or logs by the SDK, and propagates contexts as W3C specifies. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set(['none', 'tracecontext,baggage']);

/** Reports the variables that are set and have no effect on the provider of taskspan, in one line. */
export function reportUnheeded(env: NodeJS.ProcessEnv = process.env): void {
  const names = unheededVariables(env);
  if (names.length > 0) reportOnce('OTEL_* variables', `not heeded, since taskspan has no use for them: ${names.join(', ')}`);
}

/** The variables of OpenTelemetry that are set and have no effect. */
export function unheededVariables(env: NodeJS.ProcessEnv): string[] {
  const isUnheeded = (name: string): boolean => {
    const text = variableText(env, name)?.trim();
    return name.startsWith('OTEL_') && text !== undefined && !WITHOUT_EFFECT.has(text) && !HEEDED.some((each) => each.test(name));
  };
  return Object.keys(env).filter(isUnheeded).toSorted();
}

/**
 * The sampler that `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG` name, by OpenTelemetry's
 * specification of environment variables. An invalid one is reported.
 */
export function samplerFromEnv(env: NodeJS.ProcessEnv = process.env): Sampler {
  const name = env['OTEL_TRACES_SAMPLER']?.trim() || 'parentbased_always_on';
  const ratio = (): Sampler => new TraceIdRatioBasedSampler(ratioFromEnv(env));
  switch (name) {
    case 'always_on':
      return new AlwaysOnSampler();
    case 'always_off':
      return new AlwaysOffSampler();
    case 'traceidratio':
      return ratio();
    case 'parentbased_always_off':
      return new ParentBasedSampler({ root: new AlwaysOffSampler() });
    case 'parentbased_traceidratio':
      return new ParentBasedSampler({ root: ratio() });
    default:
      if (name !== 'parentbased_always_on') {
        report(`OTEL_TRACES_SAMPLER: expected a sampler of the specification, got ${received(name)}; all is sampled`);
      }
      return new ParentBasedSampler({ root: new AlwaysOnSampler() });
  }
}

function ratioFromEnv(env: NodeJS.ProcessEnv): number {
  const text = env['OTEL_TRACES_SAMPLER_ARG']?.trim() ?? '';
  const ratio = Number(text);
  if (text !== '' && ratio >= 0 && ratio <= 1) return ratio;
  report(`OTEL_TRACES_SAMPLER_ARG: expected a number from 0 to 1, got ${received(text)}; all is sampled`);
  return 1;
}
