import type { Attributes } from '@opentelemetry/api';
import type { SpanSink, TaskProcessor } from '../../src/capture.ts';
import { OUTCOMES } from '../../src/conventions.ts';
import type { AnnouncementEnd, ErrorCause, Fact, Plan, ScopeEnd, ScopeStart, SpanRef, TaskAnnounced, TaskEnd, TaskStart } from '../../src/fact.ts';
import type { RingSpan, RingWriter } from './ring-writer.ts';
import { CONTROL, KIND } from './segment.ts';
import type { Kind } from './segment.ts';

/*
 * How facts stand in the ring's entries. The kinds that come most often, notifications, progress and the starts and ends
 * of scopes, are written by hand; any other fact is its kind and the JSON of its contents.
 */

/** Writes the facts of one span into the ring. */
export class FactWriter implements SpanSink, RingSpan {
  readonly ring: RingWriter;
  readonly ref: SpanRef;
  readonly handle: number;
  writtenIn = -1;
  /** The start, while the span is open. It is not read from the span later: the span's attributes may have changed by then. */
  #started: TaskStart | ScopeStart | undefined;

  constructor(ring: RingWriter, ref: SpanRef) {
    this.ring = ring;
    this.ref = ref;
    this.handle = ring.nextHandle();
  }

  announced(fact: TaskAnnounced | AnnouncementEnd): void {
    this.#writeFact(fact);
  }

  start(fact: TaskStart | ScopeStart): void {
    this.#started = fact;
    const counter = counterOf(fact);
    if (counter !== undefined) Atomics.add(this.ring.control, counter, 1);
    this.#writeStart(fact);
  }

  /** Writes the start again, for a store that has lost it. To a store that has it, this is nothing new. */
  startAgain(processor: TaskProcessor & { readonly ring?: RingWriter }): void {
    if (processor.ring === this.ring && this.#started !== undefined) this.#writeStart(this.#started);
  }

  notification(seq: number, time: number, message: string, attributes: Attributes | undefined): void {
    const json = attributes === undefined ? '' : JSON.stringify(attributes);
    this.ring.write(this, KIND.notification, seq, time, 0, 0, message, json);
  }

  progress(seq: number, time: number, done: number, total: number | undefined): void {
    this.ring.write(this, KIND.progress, seq, time, done, total ?? NaN, '', '');
  }

  plan(seq: number, time: number, plan: Plan): void {
    this.#writeFact({ kind: 'plan', span: this.ref, seq, time, plan });
  }

  exception(seq: number, time: number, type: string, message: string, causes?: readonly ErrorCause[]): void {
    this.#writeFact({ kind: 'exception', span: this.ref, seq, time, type, message, causes });
  }

  result(seq: number, time: number, result: string): void {
    this.#writeFact({ kind: 'result', span: this.ref, seq, time, result });
  }

  attributes(seq: number, time: number, attributes: Attributes): void {
    this.#writeFact({ kind: 'attributes', span: this.ref, seq, time, attributes });
  }

  end(fact: TaskEnd | ScopeEnd): void {
    const counter = this.#started && counterOf(this.#started);
    this.#started = undefined;
    if (counter !== undefined) Atomics.sub(this.ring.control, counter, 1);
    if (fact.kind === 'task-end' || fact.attributes !== undefined || fact.error?.causes !== undefined) {
      this.#writeFact(fact);
      return;
    }
    const { seq, time, outcome, duration, heading, error } = fact;
    const flags = OUTCOMES.indexOf(outcome) | (heading ? HEADING : 0) | (error === undefined ? 0 : WITH_ERROR);
    this.ring.write(this, KIND.scopeEnd, seq, time, duration, flags, error?.name ?? '', error?.message ?? '');
  }

  #writeStart(fact: TaskStart | ScopeStart): void {
    if (fact.kind === 'task-start' || fact.remote === true) this.#writeFact(fact);
    else this.ring.write(this, KIND.scopeStart, fact.seq, fact.time, 0, 0, fact.name, fact.parentSpanId);
  }

  #writeFact({ kind, span: _span, seq, time, ...contents }: OtherFact): void {
    this.ring.write(this, KIND.fact, seq, time, 0, 0, kind, JSON.stringify(contents));
  }
}

/** A fact that {@link KIND} has no kind of its own for, or not in each case. */
type OtherFact = Exclude<Fact, { kind: 'notification' | 'progress' | 'unknown' }>;

/** What counts the span while it is open: an attempt, or a part of an attempt of another process. */
function counterOf(start: TaskStart | ScopeStart): number | undefined {
  if (start.kind === 'task-start') return CONTROL.liveTasks;
  return start.remote === true ? CONTROL.liveParts : undefined;
}

// The flags of a scope's end, above its outcome.
const OUTCOME_BITS = 15;
const HEADING = 16;
const WITH_ERROR = 32;

/** Reads a fact of an entry, as {@link FactWriter} has written it. */
export function factOfEntry(
  kind: Exclude<Kind, typeof KIND.attempt | typeof KIND.span>,
  span: SpanRef,
  seq: number,
  time: number,
  number1: number,
  number2: number,
  text1: string,
  text2: string,
): Fact {
  switch (kind) {
    case KIND.notification:
      return text2 === ''
        ? { kind: 'notification', span, seq, time, message: text1 }
        : { kind: 'notification', span, seq, time, message: text1, attributes: JSON.parse(text2) as Attributes };
    case KIND.progress:
      return { kind: 'progress', span, seq, time, done: number1, total: Number.isNaN(number2) ? undefined : number2 };
    case KIND.scopeStart:
      return { kind: 'scope-start', span, seq, time, name: text1, parentSpanId: text2 };
    case KIND.scopeEnd:
      return {
        kind: 'scope-end',
        span,
        seq,
        time,
        outcome: OUTCOMES[number2 & OUTCOME_BITS] ?? 'failed',
        duration: number1,
        heading: (number2 & HEADING) !== 0,
        error: (number2 & WITH_ERROR) === 0 ? undefined : { name: text1, message: text2 },
      };
    default:
      return { kind: text1, span, seq, time, ...(JSON.parse(text2) as object) } as OtherFact;
  }
}
