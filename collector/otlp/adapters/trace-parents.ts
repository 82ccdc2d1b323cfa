import type { Fact, TaskAnnounced, TaskStart } from '../../../src/fact.ts';
import { NO_ID } from '../../facts/span-ids.ts';

/** As many spans are kept, the latest ones. */
const MOST_SPANS = 4000;
/** A start with longer attributes, in characters of JSON, is not kept: its task has no parent. */
const LONGEST_ATTRIBUTES = 4096;

/** What is kept of a span that published or ran a task. */
interface SeenSpan {
  readonly taskUuid: string;
  /** Key of the span above it; `""` for a root span. */
  readonly above: string;
  /** The task in whose run the task was published, where the span itself names it. */
  readonly parentTaskUuid: string | undefined;
  /** The start of a run whose parent is not known yet. */
  start: TaskStart | undefined;
  /** Key of the span that the run waits for. */
  waitsFor?: string;
}

/**
 * Finds the parent of a task in the trace: the task in whose run it was published. So do Celery's chains, groups and chords
 * have parents, although no span of its instrumentation names them.
 *
 * The run of a task is a child of the span that published it, which is a child of the parent's run. The spans come in any
 * order, the parent's own mostly last, so the latest ones are kept in memory. A retry is published by its own run.
 */
export class TraceParents {
  /** By trace id and span id, the oldest first. */
  readonly #spans = new Map<string, SeenSpan>();
  /** Keys of the runs that wait for a span, by its key. */
  readonly #waiting = new Map<string, Set<string>>();

  /** Gives the facts, and again the starts of all runs whose parent is known now, with the parent. */
  complete(facts: readonly Fact[]): readonly Fact[] {
    const known: TaskStart[] = [];
    for (const fact of facts) {
      if ((fact.kind === 'task-start' || fact.kind === 'task-announced') && fact.parentSpanId !== undefined) known.push(...this.#take(fact));
    }
    return known.length === 0 ? facts : [...facts, ...known];
  }

  #take(fact: TaskStart | TaskAnnounced): TaskStart[] {
    const { traceId, spanId, taskUuid } = fact.span;
    const key = traceId + spanId;
    this.#forget(key);
    const start = fact.kind === 'task-start' && JSON.stringify(fact.attributes).length <= LONGEST_ATTRIBUTES ? fact : undefined;
    const above = fact.parentSpanId === NO_ID ? '' : `${traceId}${fact.parentSpanId}`;
    this.#spans.set(key, { taskUuid, above, parentTaskUuid: fact.parentTaskUuid, start });
    if (this.#spans.size > MOST_SPANS) this.#forget(this.#spans.keys().next().value!);
    const waited = this.#waiting.get(key) ?? [];
    this.#waiting.delete(key);
    return [key, ...waited].flatMap((run) => this.#withParent(run) ?? []);
  }

  /** The start of a run with its parent; `undefined` while that is unknown, and where there is none. */
  #withParent(key: string): TaskStart | undefined {
    const run = this.#spans.get(key);
    const start = run?.start;
    if (run === undefined || start === undefined) return undefined;
    // The spans of one task above each other are those of its retries; in a circle, which only a foreign sender can make, all.
    const passed = new Set<string>();
    for (let above = run.above; above !== '' && !passed.has(above);) {
      const span = this.#spans.get(above);
      if (span === undefined) {
        run.waitsFor = above;
        this.#waiting.set(above, (this.#waiting.get(above) ?? new Set()).add(key));
        return undefined;
      }
      const parentTaskUuid = span.taskUuid === run.taskUuid ? span.parentTaskUuid : span.taskUuid;
      if (parentTaskUuid !== undefined) {
        run.start = undefined;
        return { ...start, parentTaskUuid };
      }
      passed.add(above);
      above = span.above;
    }
    run.start = undefined;
    return undefined;
  }

  #forget(key: string): void {
    const { waitsFor } = this.#spans.get(key) ?? {};
    this.#spans.delete(key);
    if (waitsFor === undefined) return;
    const waiting = this.#waiting.get(waitsFor);
    waiting?.delete(key);
    if (waiting?.size === 0) this.#waiting.delete(waitsFor);
  }
}
