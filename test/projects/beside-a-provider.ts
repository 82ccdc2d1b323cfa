import { join } from 'node:path';
import { createTasksApp, sqliteStore } from '../../collector/index.ts';
import { temporaryFolder } from '../support/node-process.ts';
import { passed } from './project.ts';
import type { Project } from './project.ts';
import { spanSink } from './span-sink.ts';
import type { SpanSink } from './span-sink.ts';

/** One run of the task of the project `providers`. */
export interface Run {
  /** A name of `set-ups.cjs`. */
  readonly setUp: string;
  /** When the provider is registered: see `main.cjs`. */
  readonly when: 'first' | 'second' | 'midway' | 'alone' | 'preloaded';
  readonly program?: 'program.mjs' | 'program.cjs';
  /** Modules that Node.js loads before the program, in this order. */
  readonly preloads?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** What is expected of a run beside a provider, beyond a whole record. */
export interface Row extends Run {
  /** Whose exporter has all spans; the other exporter has none. */
  readonly spansOf: 'theirs' | 'ours' | 'none';
  /** Attributes that their sampler adds to the first span of a trace, which is the task's. */
  readonly added?: Readonly<Record<string, unknown>>;
  /** Whether `rows`, which the task sets on the active span, is missing in the record. */
  readonly lacksRows?: boolean;
  /** The name of the service by their resource. */
  readonly service?: string;
}

/** What is left of a run, without ids, times and numbers of commits. */
export interface Outcome {
  readonly stderr: string;
  readonly failures: readonly string[];
  readonly task: Recorded;
  readonly child: Recorded;
  /** Whether the trace was sampled, by the record. */
  readonly sampled: boolean;
  /** The spans that their exporter sent, and those that ours sent. */
  readonly theirs: readonly string[];
  readonly ours: readonly string[];
}

export interface Recorded {
  readonly record: { readonly attributes: Attributes; readonly [field: string]: unknown };
  readonly log: string;
  readonly scopes: { readonly attempts: readonly ScopeInTree[] };
}

interface ScopeInTree {
  readonly name: string;
  readonly attributes: Attributes;
  readonly scopes: readonly ScopeInTree[];
}

type Attributes = Readonly<Record<string, unknown>>;

export const UUID = '54bf5712-b9ec-11e9-afdd-8c16454a0938';
const CHILD_UUID = '54bf5712-b9ec-11e9-afdd-8c16454a0939';

/**
 * What a run gives whose record is whole: all of the reference, which is the run with the provider of taskspan itself.
 */
export function whole(reference: Outcome, { spansOf, added = {}, lacksRows = false, service }: Row): Outcome {
  const own = (attributes: Attributes): Attributes =>
    Object.fromEntries(Object.entries(attributes).filter(([key]) => !(lacksRows && key === 'rows')));
  const scope = (of: ScopeInTree): ScopeInTree => ({ ...of, attributes: own(of.attributes), scopes: of.scopes.map(scope) });
  const { record, log, scopes } = reference.task;
  const ofService = service !== undefined && { service_name: service };
  const root = (attributes: Attributes): Attributes => ({ ...own(attributes), ...added });
  const attempts = scopes.attempts.map((attempt) => ({ ...scope(attempt), attributes: root(attempt.attributes) }));
  return {
    ...reference,
    task: { log, record: { ...record, attributes: root(record.attributes), ...ofService }, scopes: { ...scopes, attempts } },
    child: { ...reference.child, record: { ...reference.child.record, ...ofService } },
    sampled: spansOf !== 'none',
    theirs: spansOf === 'theirs' ? reference.ours : [],
    ours: spansOf === 'ours' ? reference.ours : [],
  };
}

/** Runs the rows, and gives the result of each, and what is expected, by a name for each. */
export async function besides(project: Project, rows: readonly Row[]): Promise<{ seen: Outcomes; expected: Outcomes }> {
  const sink = await spanSink();
  const reference = await run(project, sink, REFERENCE);
  const [seen, expected]: [Outcomes, Outcomes] = [{}, {}];
  for (const row of rows) {
    const name = [row.setUp, row.when, row.program, ...(row.preloads ?? []), ...Object.entries(row.env ?? {}).map((pair) => pair.join('='))].join(' ');
    seen[name] = await run(project, sink, row);
    expected[name] = whole(reference, row);
  }
  return { seen, expected };
}

type Outcomes = Record<string, Outcome>;

/** Limits of OpenTelemetry's SDK, and samplers that sample nothing. */
export const LIMITS: readonly Readonly<Record<string, string>>[] = [
  { OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: '10' },
  { OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT: '10' },
  { OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: '4' },
  { OTEL_ATTRIBUTE_COUNT_LIMIT: '3' },
  { OTEL_SPAN_EVENT_COUNT_LIMIT: '0' },
  { OTEL_SPAN_LINK_COUNT_LIMIT: '0' },
];

export const SAMPLERS: readonly Readonly<Record<string, string>>[] = [
  { OTEL_TRACES_SAMPLER: 'always_off' },
  { OTEL_TRACES_SAMPLER: 'parentbased_always_off' },
  { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' },
];

/** Whether under this limit a span does not keep what is set on it after its start: `rows`. */
export function dropsLate(limit: Readonly<Record<string, string>>): boolean {
  return Object.keys(limit).some((name) => name.endsWith('ATTRIBUTE_COUNT_LIMIT'));
}

/** The reference: each other run is compared with it. */
export const REFERENCE: Run = { setUp: 'none', when: 'first' };

/** Runs the task, and reads what its store has then. */
export async function run(project: Project, sink: SpanSink, { setUp, when, program = 'program.mjs', preloads = [], env }: Run): Promise<Outcome> {
  const folder = await temporaryFolder();
  const [store, otherStore] = [join(folder, 'tasks.sqlite'), join(folder, 'other.sqlite')];
  const imports = preloads.flatMap((module) => ['--import', module]);
  const { stdout, stderr } = await passed(
    project.node(['--disable-warning=ExperimentalWarning', ...imports, program, setUp, when], {
      env: {
        TASKSPAN_STORE: store,
        OTHER_STORE: otherStore,
        THEIRS: sink.url('theirs'),
        DSN: sink.dsn,
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: sink.url('ours'),
        OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
        ...env,
      },
    }),
  );
  return {
    stderr,
    failures: JSON.parse(stdout) as string[],
    task: await recordedIn(store, UUID),
    child: await recordedIn(store, CHILD_UUID),
    sampled: await isSampled(store),
    theirs: sink.taken('theirs'),
    ours: sink.taken('ours'),
  };
}

/** What a store in a file has of a task. */
export async function recordedIn(path: string, uuid: string): Promise<Recorded> {
  return read(path, async (get) => {
    const { log, ...record } = JSON.parse(await get(`/tasks/${uuid}`)) as { log: string; [field: string]: unknown };
    const scopes = JSON.parse(await get(`/tasks/${uuid}/scopes`)) as unknown;
    return comparable({ record, log, scopes }) as Recorded;
  });
}

async function isSampled(path: string): Promise<boolean> {
  return read(path, async (get) => (JSON.parse(await get(`/tasks/${UUID}`)) as { trace_sampled: boolean }).trace_sampled);
}

async function read<T>(path: string, ask: (get: (route: string) => Promise<string>) => Promise<T>): Promise<T> {
  const store = sqliteStore(path);
  const app = createTasksApp({ store });
  try {
    return await ask(async (route) => {
      const response = await app.request(route);
      if (!response.ok) throw new Error(`${route}: ${response.status}`);
      return response.text();
    });
  } finally {
    await store.close();
  }
}

/** Ids and times of a run, how often it was committed, and whether its trace was sampled. */
const OF_THE_RUN: ReadonlySet<string> = new Set([
  'trace_id', 'span_id', 'start', 'end', 'time', 'created', 'updated', 'heard', 'duration', 'busy_since', 'version', 'trace_sampled',
]);

function comparable(json: unknown): unknown {
  return JSON.parse(JSON.stringify(json, (key, value: unknown) => (OF_THE_RUN.has(key) ? undefined : value)));
}
