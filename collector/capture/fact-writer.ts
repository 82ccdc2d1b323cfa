import type { Attributes } from '@opentelemetry/api';
import type { Fact, Plan, ScopeEnd, ScopeStart, SpanRef, TaskAnnounced, TaskEnd, TaskStart } from '../../src/fact.ts';
import type { SpanSink, TaskProcessor } from '../../src/capture.ts';
import { KIND } from './record-layout.ts';
import type { PartStartRest, ScopeEndRest, TaskAnnouncedRest, TaskEndRest, TaskStartRest } from './ring-reader.ts';
import type { RingSpan, RingWriter } from './ring-writer.ts';
import { CONTROL } from './segment.ts';
import { scopeEndFlags } from './scope-end-flags.ts';

/** Writes the facts of one span into the ring. */
export class FactWriter implements SpanSink, RingSpan {
  readonly ring: RingWriter;
  readonly ref: SpanRef;
  readonly handle: number;
  writtenIn = -1;
  /** What the start told, while the span is open. Not read from the span later: its attributes may be others then. */
  #started: TaskStart | ScopeStart | undefined;

  constructor(ring: RingWriter, ref: SpanRef) {
    this.ring = ring;
    this.ref = ref;
    this.handle = ring.nextHandle();
  }

  start(fact: TaskStart | ScopeStart): void {
    this.#started = fact;
    if (fact.kind === 'task-start') Atomics.add(this.ring.control, CONTROL.liveTasks, 1);
    else if (fact.remote === true) Atomics.add(this.ring.control, CONTROL.liveParts, 1);
    this.#writeStart(fact);
  }

  /** For a store that has lost the start. To one that has it, this is nothing new. */
  startAgain(processor: TaskProcessor & { readonly ring?: RingWriter }): void {
    if (processor.ring === this.ring && this.#started !== undefined) this.#writeStart(this.#started);
  }

  #writeStart(fact: TaskStart | ScopeStart): void {
    const { seq, time } = fact;
    if (fact.kind === 'scope-start') {
      const { name, parentSpanId, remote, workerId } = fact;
      if (remote === true) {
        const rest: PartStartRest = { name, parentSpanId, remote, ...(workerId !== undefined && { workerId }) };
        this.ring.write(this, KIND.partStart, seq, time, 0, 0, JSON.stringify(rest), '');
      } else this.ring.write(this, KIND.scopeStart, seq, time, 0, 0, name, parentSpanId);
    } else {
      const { name, attempt, attributes, workerId, workerIntervalMs, cancellable, sampled } = fact;
      const { parentTaskUuid, parentScope } = fact;
      const rest: TaskStartRest = {
        name,
        attempt,
        attributes,
        workerId,
        workerIntervalMs,
        sampled,
        ...(cancellable !== undefined && { cancellable }),
        ...(parentTaskUuid !== undefined && { parentTaskUuid }),
        ...(parentScope !== undefined && { parentScope }),
      };
      this.ring.write(this, KIND.taskStart, seq, time, 0, 0, JSON.stringify(rest), '');
    }
  }

  announced({ seq, time, name, attributes }: TaskAnnounced): void {
    const rest: TaskAnnouncedRest = { name, attributes };
    this.ring.write(this, KIND.taskAnnounced, seq, time, 0, 0, JSON.stringify(rest), '');
  }

  end(fact: TaskEnd | ScopeEnd): void {
    const started = this.#started;
    this.#started = undefined;
    const { seq, time, outcome, duration, error } = fact;
    if (fact.kind === 'scope-end') {
      if (started?.kind === 'scope-start' && started.remote === true) Atomics.sub(this.ring.control, CONTROL.liveParts, 1);
      if (fact.attributes !== undefined) {
        const { heading, attributes } = fact;
        const rest: ScopeEndRest = { outcome, duration, heading, ...(error !== undefined && { error }), attributes };
        this.ring.write(this, KIND.scopeEndWhole, seq, time, 0, 0, JSON.stringify(rest), '');
        return;
      }
      const flags = scopeEndFlags(outcome, fact.heading, error !== undefined);
      this.ring.write(this, KIND.scopeEnd, seq, time, duration, flags, error?.name ?? '', error?.message ?? '');
    } else {
      const { name, exception, jobs, attributes } = fact;
      const rest: TaskEndRest = {
        outcome, duration, name, exception, jobs, ...(error !== undefined && { error }), ...(attributes !== undefined && { attributes }),
      };
      Atomics.sub(this.ring.control, CONTROL.liveTasks, 1);
      this.ring.write(this, KIND.taskEnd, seq, time, 0, 0, JSON.stringify(rest), '');
    }
  }

  notification(seq: number, time: number, message: string, attributes: Attributes | undefined): void {
    const json = attributes === undefined ? '' : JSON.stringify(attributes);
    this.ring.write(this, KIND.notification, seq, time, 0, 0, message, json);
  }

  progress(seq: number, time: number, done: number, total: number | undefined): void {
    this.ring.write(this, KIND.progress, seq, time, done, total ?? NaN, '', '');
  }

  plan(seq: number, time: number, plan: Plan): void {
    this.ring.write(this, KIND.plan, seq, time, 0, 0, JSON.stringify(plan), '');
  }

  exception(seq: number, time: number, type: string, message: string): void {
    this.ring.write(this, KIND.exception, seq, time, 0, 0, type, message);
  }

  result(seq: number, time: number, result: string): void {
    this.ring.write(this, KIND.result, seq, time, 0, 0, result, '');
  }

  attributes(seq: number, time: number, attributes: Attributes): void {
    this.ring.write(this, KIND.attributes, seq, time, 0, 0, JSON.stringify(attributes), '');
  }

  /** Any fact, as a test gives it. */
  write(fact: Fact): void {
    switch (fact.kind) {
      case 'task-announced':
        return this.announced(fact);
      case 'task-start':
      case 'scope-start':
        return this.start(fact);
      case 'task-end':
      case 'scope-end':
        return this.end(fact);
      case 'notification':
        return this.notification(fact.seq, fact.time, fact.message, fact.attributes);
      case 'progress':
        return this.progress(fact.seq, fact.time, fact.done, fact.total);
      case 'plan':
        return this.plan(fact.seq, fact.time, fact.plan);
      case 'exception':
        return this.exception(fact.seq, fact.time, fact.type, fact.message);
      case 'result':
        return this.result(fact.seq, fact.time, fact.result);
      case 'attributes':
        return this.attributes(fact.seq, fact.time, fact.attributes);
      case 'unknown':
        throw new TypeError(`no updater makes an event ${fact.name}`);
    }
  }
}
