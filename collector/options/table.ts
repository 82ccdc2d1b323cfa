import type { Sampler, SpanProcessor } from '@opentelemetry/sdk-trace-node';
import { LONGEST_TIMER_MS } from '../async.ts';
import {
  anyNumber,
  boolean,
  group,
  hosts,
  httpUrl,
  oneOf,
  origins,
  textValue,
  tokenValue,
  typeErrorKind,
  urlTemplate,
  wholeNumber,
} from './kinds.ts';
import type { Kind } from './kinds.ts';

/** The options of the collecting side and the types of their values. A dot leads into a group: `serve.port`. */
export interface OptionValues {
  store: string;
  serve: boolean | object;
  'serve.port': number;
  'serve.host': string;
  'serve.token': string | undefined;
  'serve.allowedHosts': string[];
  'serve.allowedOrigins': string[];
  'serve.access': object;
  'serve.access.trustProxy': boolean;
  'serve.access.guarded': boolean;
  'serve.traceUrl': string | undefined;
  'serve.frameAncestors': string[];
  'serve.index': boolean;
  'serve.receive': boolean | object;
  'serve.receive.maxBodyBytes': number;
  'serve.receive.maxWaitingBytes': number;
  'serve.streams': object;
  'serve.streams.aliveMs': number;
  'serve.streams.maxBehindBytes': number;
  endpoint: string | undefined;
  serverUrl: string | undefined;
  token: string | undefined;
  serviceName: string | undefined;
  sampler: Sampler | undefined;
  spanProcessors: SpanProcessor[];
  registerProvider: 'auto' | boolean;
  bufferBytes: number;
  retention: false | object;
  'retention.days': number;
  'retention.count': number;
  'retention.states': object;
  beatIntervalMs: number;
  lostFinalMs: number;
  quietFinalMs: number;
  queuedFinalMs: number;
  handleSignals: boolean;
}

export type OptionName = keyof OptionValues;

/** An entry of the table: what `startTaskspan`, the command, the environment and `docs/options.md` know of an option. */
export interface OptionEntry<T = unknown> {
  readonly kind: Kind;
  /** `undefined` where an absent option has no value. */
  readonly default: T;
  /** The environment variable, which counts where the option is absent. */
  readonly variable?: string;
  /** The kind of values that a variable and the command have, where the option has more kinds. */
  readonly variableKind?: Kind;
  /** What the option means, in one or a few sentences of Markdown. Bounds and errors follow by the kind. */
  readonly doc: string;
  /** What the page has for the default, where the value alone does not explain enough. */
  readonly defaultDoc?: string;
  /** What the page has after the variable, or instead of it. */
  readonly variableDoc?: string;
}

const MIB = 1024 * 1024;
/** A hundred years. */
const LONGEST_FINAL_MS = 36_525 * 86_400_000;

/** Each option once. The page has them in this order. */
export const OPTIONS: { readonly [Name in OptionName]: OptionEntry<OptionValues[Name]> } = {
  store: {
    kind: { ...textValue('a path or a TaskStore'), type: 'string or `TaskStore`' },
    default: './taskspan.sqlite',
    variable: 'TASKSPAN_STORE',
    variableKind: textValue('a path'),
    doc: 'path of a SQLite file, made if it is missing; its folder must exist. Not empty. It is resolved at the start, so that `process.chdir()` changes nothing, as with `sqliteStore(path)`. `:memory:` is SQLite without a file, with the collector in the task\'s own thread. A `TaskStore` keeps the collector in the task\'s own thread, which is reported unless it is a `memoryStore()`, and stays yours to close',
  },
  serve: {
    kind: group('boolean or object', true, false),
    default: false,
    variableDoc: '`TASKSPAN_PORT`: setting it serves',
    doc: '`true` is port 4320 of 127.0.0.1; `false` rules over the variable',
  },
  'serve.port': {
    kind: wholeNumber({ least: 0, most: 65_535 }),
    default: 4320,
    variable: 'TASKSPAN_PORT',
    doc: '0 takes a free one',
  },
  'serve.host': {
    kind: textValue(),
    default: '127.0.0.1',
    variable: 'TASKSPAN_HOST',
    doc: '`localhost`, `::1` or an address in 127.0.0.0/8; with a token, or `guarded`, any address or name; otherwise any other is a failure',
  },
  'serve.token': {
    kind: tokenValue(),
    default: undefined,
    variable: 'TASKSPAN_TOKEN',
    doc: 'a [secret that each request needs](http-api.md#a-token)',
  },
  'serve.allowedHosts': {
    kind: hosts(),
    default: [],
    variable: 'TASKSPAN_ALLOWED_HOSTS',
    variableDoc: ', by commas',
    doc: 'further names that `Host` may have, with a port or without: `tasks.example`, `tasks.example:8080`. [An entry that can never match](http-api.md#who-may-read) is a `TypeError`',
  },
  'serve.allowedOrigins': {
    kind: origins(),
    default: [],
    variable: 'TASKSPAN_ALLOWED_ORIGINS',
    variableDoc: ', by commas',
    doc: 'origins whose pages may read (CORS): `https://app.example`. An entry that can never match is a `TypeError`',
  },
  'serve.access': {
    kind: group('object'),
    default: {},
    doc: 'what is in front of the server',
  },
  'serve.access.trustProxy': {
    kind: boolean(),
    default: false,
    variable: 'TASKSPAN_TRUST_PROXY',
    doc: 'whether the headers of [a proxy in front](http-api.md#behind-a-proxy-and-guarded-by-the-application) count: `Forwarded`, `X-Forwarded-Host`, `-Proto` and `-Prefix`',
  },
  'serve.access.guarded': {
    kind: boolean(),
    default: false,
    variable: 'TASKSPAN_GUARDED',
    doc: 'whether the application itself, or a proxy, decides who may ask: then any `Host` and any address will do',
  },
  'serve.traceUrl': {
    kind: urlTemplate('{trace_id}', 'https://jaeger.example/trace/{trace_id}'),
    default: undefined,
    defaultDoc: 'none: no link',
    variable: 'TASKSPAN_TRACE_URL',
    doc: 'where a [page](page.md) links to the trace of its task',
  },
  'serve.frameAncestors': {
    kind: origins(),
    default: [],
    variable: 'TASKSPAN_FRAME_ANCESTORS',
    variableDoc: ', by commas',
    doc: 'origins whose pages may show a task in [a frame](page.md#in-a-frame): `https://app.example`',
  },
  'serve.index': {
    kind: boolean(),
    default: true,
    defaultDoc: '`true`; `createTasksApp` has `false`',
    variable: 'TASKSPAN_INDEX',
    doc: 'whether `/` leads to the list of tasks',
  },
  'serve.receive': {
    kind: group('boolean or object', true, false),
    default: false,
    defaultDoc: '`false`; `taskspan serve` has `true`',
    variable: 'TASKSPAN_RECEIVE',
    variableKind: boolean(),
    doc: 'whether facts of other processes are [taken](receiving.md) by OTLP/HTTP at `/v1/traces` and `/v1/logs`',
  },
  'serve.receive.maxBodyBytes': {
    kind: wholeNumber({ least: 1024 }),
    default: 64 * MIB,
    variable: 'TASKSPAN_RECEIVE_MAX_BODY_BYTES',
    doc: 'the longest body after decompression',
  },
  'serve.receive.maxWaitingBytes': {
    kind: wholeNumber({ least: 1024 }),
    default: 128 * MIB,
    defaultDoc: '128 MiB, or `maxBodyBytes` if that is more',
    variable: 'TASKSPAN_RECEIVE_MAX_WAITING_BYTES',
    doc: 'how many bytes of bodies may wait for the store; not less than `maxBodyBytes`',
  },
  'serve.streams': {
    kind: group('object'),
    default: {},
    doc: 'how [live streams](streams.md) behave; the defaults suit',
  },
  'serve.streams.aliveMs': {
    kind: wholeNumber({ least: 100, most: LONGEST_TIMER_MS }),
    default: 15_000,
    variable: 'TASKSPAN_STREAM_ALIVE_MS',
    doc: 'milliseconds of silence after which a stream sends a comment',
  },
  'serve.streams.maxBehindBytes': {
    kind: wholeNumber({ least: 65_536 }),
    default: MIB,
    variable: 'TASKSPAN_STREAM_MAX_BEHIND_BYTES',
    doc: 'how many bytes a watching client may lag behind',
  },
  endpoint: {
    kind: httpUrl('http://127.0.0.1:4318'),
    default: undefined,
    defaultDoc: 'none: nothing is sent',
    variable: 'TASKSPAN_ENDPOINT',
    variableDoc: '; for spans alone `OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`',
    doc: 'base URL of an OTLP/HTTP receiver; `/v1/traces` is added. With neither `store` nor `serve` facts are [sent there too](sending.md), to `/v1/logs`, and nothing is kept here. With `serve` it also gets [what dead workers left open](opentelemetry.md#what-a-dead-worker-left-open)',
  },
  serverUrl: {
    kind: httpUrl('http://127.0.0.1:4320'),
    default: undefined,
    defaultDoc: '`endpoint`',
    variable: 'TASKSPAN_SERVER_URL',
    doc: 'where facts are sent: base URL of the taskspan server that is [asked for cancellations](sending.md#cancelling); needed behind an OpenTelemetry Collector',
  },
  token: {
    kind: tokenValue(),
    default: undefined,
    variable: 'TASKSPAN_TOKEN',
    doc: 'where facts are sent: goes to both as `Authorization: Bearer …`',
  },
  serviceName: {
    kind: textValue(),
    default: undefined,
    defaultDoc: "OpenTelemetry's, `unknown_service:node`",
    variableDoc: '`OTEL_SERVICE_NAME`',
    doc: 'name of this service in traces',
  },
  sampler: {
    kind: typeErrorKind('`Sampler`', 'a Sampler', (value) => hasMethod(value, 'shouldSample')),
    default: undefined,
    defaultDoc: 'all, but those whose caller decided otherwise',
    variableDoc: '`OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG`',
    doc: 'which traces are sent; records do not depend on it. `always_on`, `always_off`, `traceidratio` and these with `parentbased_`; for any other all is sampled, which is reported',
  },
  spanProcessors: {
    kind: typeErrorKind('list', 'a list of SpanProcessors', (value) => Array.isArray(value) && value.every((each) => hasMethod(each, 'onEnd'))),
    default: [],
    doc: 'further processors for the provider',
  },
  registerProvider: {
    kind: oneOf("`'auto'` or boolean", 'auto', true, false),
    default: 'auto',
    defaultDoc: "`'auto'`",
    variable: 'TASKSPAN_REGISTER_PROVIDER',
    variableDoc: ': `auto`, `true` or `false`',
    doc: "when a tracer provider, a context manager and a propagator are registered, each where the application has registered [none](your-opentelemetry.md#who-makes-the-spans). `'auto'`: as the first task, part or announcement begins. `true`: at once; beside a provider that is registered already it acts as `'auto'`. `false`: never",
  },
  bufferBytes: {
    kind: wholeNumber({ least: MIB }),
    default: 128 * MIB,
    variable: 'TASKSPAN_BUFFER_BYTES',
    doc: 'the most memory that facts waiting for the store take, in bytes. Facts beyond it are dropped, which is reported',
  },
  retention: {
    kind: group('object or `false`', false),
    default: {},
    defaultDoc: '30 days, 100,000 ended tasks',
    doc: 'what is [kept of ended tasks](retention.md); `false` keeps all without limit',
  },
  'retention.days': {
    kind: anyNumber({ least: 0, most: 100_000 }),
    default: 30,
    variable: 'TASKSPAN_RETENTION_DAYS',
    doc: 'days after which an ended task is deleted; 0 keeps it without limit',
  },
  'retention.count': {
    kind: wholeNumber({ least: 0 }),
    default: 100_000,
    variable: 'TASKSPAN_RETENTION_COUNT',
    doc: 'how many ended tasks are kept; 0 keeps any number',
  },
  'retention.states': {
    kind: group('object'),
    default: {},
    doc: 'other `days` and `count` by state: `completed`, `failed`, `cancelled`, `expired`, `lost`',
  },
  beatIntervalMs: {
    kind: wholeNumber({ least: 50, most: 3_600_000, orZero: true }),
    default: 5000,
    variable: 'TASKSPAN_BEAT_INTERVAL_MS',
    doc: 'milliseconds between two [heartbeats](liveness.md); 0 sends none, and other workers are listened to only while the server is asked for tasks',
  },
  lostFinalMs: {
    kind: wholeNumber({ least: 0, most: LONGEST_TIMER_MS }),
    default: 600_000,
    variable: 'TASKSPAN_LOST_FINAL_MS',
    doc: "silence in milliseconds after which a worker's tasks are lost for good; not before three intervals",
  },
  quietFinalMs: {
    kind: wholeNumber({ least: 0, most: LONGEST_FINAL_MS }),
    default: 86_400_000,
    variable: 'TASKSPAN_QUIET_FINAL_MS',
    doc: 'milliseconds without a fact after which a task that promises [no heartbeats](liveness.md#tasks-without-heartbeats) is lost for good; 0 never',
  },
  queuedFinalMs: {
    kind: wholeNumber({ least: 0, most: LONGEST_FINAL_MS }),
    default: 604_800_000,
    variable: 'TASKSPAN_QUEUED_FINAL_MS',
    doc: 'milliseconds after its announcement at which a [queued task](liveness.md#queued-and-expired) without an attempt has expired; 0 never. An announcement may have its own',
  },
  handleSignals: {
    kind: boolean(),
    default: false,
    variable: 'TASKSPAN_HANDLE_SIGNALS',
    doc: 'whether SIGTERM and SIGINT [end what is open](process-end.md) and flush before the process ends',
  },
};

function hasMethod(value: unknown, name: string): boolean {
  return typeof (value as Record<string, unknown> | null | undefined)?.[name] === 'function';
}
