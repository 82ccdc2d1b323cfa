import type { Attributes } from '@opentelemetry/api';
import { BEAT_EVENT } from '../../../src/conventions.ts';
import type { Fact } from '../../../src/fact.ts';

/** An ended span as OTLP has it. Ids are lower-case hex, times are microseconds since the epoch. */
export interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** `""` for a root span, and for one that follows the contract, which names parents by attributes. */
  readonly parentSpanId: string;
  readonly name: string;
  readonly start: number;
  readonly end: number;
  readonly attributes: Attributes;
  readonly events: readonly OtlpEvent[];
  /** Whether the span's status is an error, and the status's message. */
  readonly failed: boolean;
  readonly message: string;
  /** Name of the instrumentation scope. */
  readonly scopeName: string;
}

/** An event of a span. */
export interface OtlpEvent {
  readonly name: string;
  readonly time: number;
  readonly attributes: Attributes;
}

/** What the spans or log records of one instrumentation scope have in common. */
export interface ItemSource {
  /** Name of the instrumentation scope. */
  readonly scopeName: string;
  /** Gives the attributes of the resource; the same object for all its items. */
  readonly resource: () => Attributes;
}

/** A worker's heartbeat as it was received. */
export interface ReceivedHeartbeat {
  readonly workerId: string;
  readonly host: string;
  readonly pid: number;
  readonly intervalMs: number;
  /** Microseconds since the epoch, by the sender's clock. */
  readonly time: number;
  /** For how long the worker's event loop has been blocked; `undefined` where it is not blocked. */
  readonly busyMs: number | undefined;
  /** The attributes of its resource, by `resourceJson`. */
  readonly resource: string;
}

/** What one span or log record contributes: facts, a heartbeat, or the reason why it is rejected. */
export interface ItemFacts {
  readonly facts?: readonly Fact[];
  /** Whether they are of a span that another instrumentation made. */
  readonly areAdapted?: boolean;
  readonly heartbeat?: ReceivedHeartbeat;
  /** Why nothing of the item is taken. */
  readonly rejected?: string | undefined;
  /** Why something of the item is left out. */
  readonly warning?: string | undefined;
}

/** The result for an item that is not of a task. */
export const NO_FACTS: ItemFacts = {};

/** Thrown for a body that is not OTLP, and never will be; `message` has the reason. */
export class MalformedError extends Error {
  override readonly name = 'MalformedError';
}

/** As many workers may live at a time. */
export const MOST_WORKERS = 10_000;

/** The contents of one request: what is to be stored, and how many of its items are rejected. */
export class Received {
  readonly facts: Fact[] = [];
  /** Whether some of the facts are of spans that other instrumentations made. */
  hasAdapted = false;
  /** The latest heartbeat of each worker: an older one of the same request adds nothing to it. */
  readonly heartbeats: Map<string, ReceivedHeartbeat> = new Map<string, ReceivedHeartbeat>();
  /** The number of rejected spans or log records. */
  rejected = 0;
  /** The reason of the first rejection; without one, the first warning. */
  message = '';

  add({ facts, areAdapted, heartbeat, rejected, warning }: ItemFacts): void {
    if (areAdapted === true) this.hasAdapted = true;
    if (rejected !== undefined) this.reject(rejected);
    if (facts !== undefined) for (const fact of facts) this.facts.push(fact);
    if (heartbeat !== undefined) this.#addHeartbeat(heartbeat);
    if (warning !== undefined && this.message === '') this.message = warning;
  }

  reject(reason: string, items = 1): void {
    if (this.rejected === 0) this.message = reason;
    this.rejected += items;
  }

  #addHeartbeat(heartbeat: ReceivedHeartbeat): void {
    const { workerId, time } = heartbeat;
    const before = this.heartbeats.get(workerId);
    if (before === undefined && this.heartbeats.size >= MOST_WORKERS) {
      this.reject(`${BEAT_EVENT}: expected those of at most ${MOST_WORKERS} workers in a request`);
    } else if (before === undefined || before.time < time) {
      this.heartbeats.set(workerId, heartbeat);
    }
  }
}
