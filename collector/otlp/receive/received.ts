import type { Fact } from '../../../src/fact.ts';

/** A worker's sign of life, as it came: by the sender's own clock, with how long its event loop has been blocked. */
export interface ReceivedBeat {
  readonly workerId: string;
  readonly host: string;
  readonly pid: number;
  readonly intervalMs: number;
  /** Microseconds since the epoch, by the sender's clock. */
  readonly time: number;
  /** `undefined` where it is not blocked. */
  readonly busyMs: number | undefined;
}

/** What a request's body brought: what is to be stored, and how much can't be. */
export class Received {
  readonly facts: Fact[] = [];
  /** Of each worker the latest. */
  readonly beats: Map<string, ReceivedBeat> = new Map<string, ReceivedBeat>();
  /** How many spans or log records can't be taken, and why the first of them; where none, why something was left out of one. */
  rejected = 0;
  message = '';

  beat(beat: ReceivedBeat): void {
    const before = this.beats.get(beat.workerId);
    if (before === undefined || before.time < beat.time) this.beats.set(beat.workerId, beat);
  }

  /** Of what is taken something is left out. */
  warn(reason: string): void {
    if (this.message === '') this.message = reason;
  }

  reject(reason: string, items = 1): void {
    if (this.rejected === 0) this.message = reason;
    this.rejected += items;
  }
}
