import { context, propagation, trace } from '@opentelemetry/api';
import { NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import type { ReadableSpan, SpanExporter, SpanProcessor, TracerConfig } from '@opentelemetry/sdk-trace-node';
import { onTestFinished } from 'vitest';
import { memoryStore, TaskSpanProcessor } from '../../../collector/index.ts';
import type { AttemptRecord, TaskRecord } from '../../../collector/index.ts';
import { recordJson } from '../../../collector/record/record-json.ts';
import type { TaskUpdater } from '../../../src/index.ts';

/** A task, by its updater or by its UUID. */
export type TaskRef = string | Pick<TaskUpdater<boolean>, 'taskUuid'>;

/** What a registered SDK has seen until now. */
export interface Recorded {
  readonly provider: NodeTracerProvider;
  readonly record: (task: TaskRef) => Promise<TaskRecord>;
  readonly log: (task: TaskRef) => Promise<string>;
  /** The attempts with their scopes. */
  readonly attempts: (task: TaskRef) => Promise<AttemptRecord[]>;
  /** The spans that have ended, in that order. */
  readonly spans: () => Promise<ReadableSpan[]>;
  /** The one ended span of this name. */
  readonly span: (name: string) => Promise<ReadableSpan>;
}

export interface RecordedOptions extends Omit<TracerConfig, 'spanProcessors'> {
  /** Foreign span processors, before ours. */
  before?: SpanProcessor[];
  /** Foreign span processors, after ours. */
  after?: SpanProcessor[];
}

/** Registers the real SDK with our processor and a memory store until the test has finished. */
export function recorded({ before = [], after = [], ...config }: RecordedOptions = {}): Recorded {
  const store = memoryStore();
  const exporter = new EndedSpans();
  const provider = registered({
    ...config,
    // It has no timers, since tests count those of a task.
    spanProcessors: [...before, new TaskSpanProcessor({ store, beatIntervalMs: 0, retention: false }), ...after, new SimpleSpanProcessor(exporter)],
  });
  const recording: Recorded = {
    provider,
    async record(task) {
      await flushed(provider);
      const stored = found(await store.stored(uuidOf(task)), 'the task');
      const { text, offset } = found(await store.log(stored.uuid), 'the log');
      return JSON.parse(recordJson(stored, { text, offset })) as TaskRecord;
    },
    async log(task) {
      await flushed(provider);
      return found(await store.log(uuidOf(task)), 'the log').text;
    },
    async attempts(task) {
      await flushed(provider);
      return found(await store.scopes(uuidOf(task)), 'the scopes').attempts;
    },
    async spans() {
      await flushed(provider);
      return [...exporter.spans];
    },
    async span(name) {
      const spans = (await recording.spans()).filter((span) => span.name === name);
      if (spans.length !== 1) throw new Error(`expected one span "${name}", got ${spans.length}`);
      return spans[0]!;
    },
  };
  return recording;
}

/** Resolves when all is committed: one flush ends after two seconds, also where a loaded machine has not committed all by then. */
export async function flushed(provider: Pick<NodeTracerProvider, 'forceFlush'>): Promise<void> {
  for (let tries = 0; tries < 5; tries++) await provider.forceFlush();
}

/** Registers the real SDK without our processor until the test has finished. */
export function exported(config: Omit<TracerConfig, 'spanProcessors'> = {}): Pick<Recorded, 'spans' | 'provider'> {
  const exporter = new EndedSpans();
  const provider = registered({ ...config, spanProcessors: [new SimpleSpanProcessor(exporter)] });
  return {
    provider,
    async spans() {
      await provider.forceFlush();
      return [...exporter.spans];
    },
  };
}

/** Keeps ended spans, as the SDK's exporter in memory does. It has no timer, since a test may fake time. */
class EndedSpans implements SpanExporter {
  readonly spans: ReadableSpan[] = [];

  export(spans: ReadableSpan[], done: (result: { code: number }) => void): void {
    this.spans.push(...spans);
    done({ code: 0 });
  }

  shutdown(): Promise<void> {
    return Promise.resolve();
  }
}

/** Registers a provider until the test has finished. Then it shuts the provider down. */
export function registered(config: TracerConfig): NodeTracerProvider {
  const provider = new NodeTracerProvider(config);
  provider.register();
  onTestFinished(async () => {
    trace.disable();
    context.disable();
    propagation.disable();
    await provider.shutdown();
  });
  return provider;
}

function uuidOf(task: TaskRef): string {
  return typeof task === 'string' ? task : task.taskUuid;
}

function found<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`${what} is not in the store`);
  return value;
}
