import type { Fact } from '../../../src/fact.ts';
import { turn } from '../../async.ts';
import { Committer } from '../../store/committer.ts';
import type { CommitObserver, FactSource } from '../../store/committer.ts';
import type { TaskStore } from '../../store/task-store.ts';
import { SLICE_FACTS } from './readers.ts';

/** Facts of a request that the store can never take: how many, of how many spans, and the store's message about the first. */
interface Refused {
  readonly facts: number;
  readonly spans: number;
  readonly message: string;
}

/** A request that waits for its answer. */
interface Waiting {
  readonly facts: readonly Fact[];
  readonly bytes: number;
  refused: Refused;
  /** The spans whose facts were refused. */
  readonly refusedSpans: Set<Fact['span']>;
  readonly resolve: (refused: Refused) => void;
  readonly reject: (error: unknown) => void;
}

const NONE: Refused = { facts: 0, spans: 0, message: '' };

/**
 * Commits the facts of requests. Requests that come in one turn of the event loop, or while a commit runs, are committed
 * together. The facts of one request stay together while the store takes them, so that their lines stand in the order of
 * their times.
 *
 * @returns Commits the facts of a request, which have about so many bytes. It resolves when they are stored, but for those
 *   that the store can never take; it rejects when the store takes none just now.
 */
export function groupCommit(store: Pick<TaskStore, 'append'>, observer?: CommitObserver): (facts: readonly Fact[], bytes?: number) => Promise<Refused> {
  const requests = new WaitingRequests();
  const committer = new Committer({
    source: requests,
    store,
    sleep: () => requests.arrived(),
    gatherMs: 0,
    onRefused: (fact, { message }) => requests.refused(fact, message),
    observer,
  });
  void committer.run();
  return async (facts, bytes = 0) => {
    if (facts.length === 0) return NONE;
    return new Promise((resolve, reject) => requests.add({ facts, bytes, refused: NONE, refusedSpans: new Set(), resolve, reject }));
  };
}

/** Requests as a source of facts. */
class WaitingRequests implements FactSource {
  #waiting: Waiting[] = [];
  /** The requests whose facts were read last. */
  #group: Waiting[] = [];
  /** The requests of the group by their facts; `undefined` until it is needed. */
  #requests: Map<Fact, Waiting> | undefined;
  /** How many requests at the beginning are to be read one by one, since the store has refused them together. */
  #apart = 0;
  #wake: (() => void) | undefined;

  get hasFacts(): boolean {
    return this.#waiting.length > 0;
  }

  add(request: Waiting): void {
    this.#waiting.push(request);
    this.#wake?.();
  }

  /** Resolves in the turn after the next request has come, so that those of one turn are read together. */
  async arrived(): Promise<void> {
    await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#wake = undefined;
    await turn();
  }

  read(limitBytes: number): readonly Fact[] {
    let facts = 0;
    let bytes = 0;
    const isFull = (request: Waiting): boolean => {
      if (facts > 0 && (facts + request.facts.length > SLICE_FACTS || bytes + request.bytes > limitBytes)) return true;
      facts += request.facts.length;
      bytes += request.bytes;
      return false;
    };
    const full = this.#apart > 0 ? 1 : this.#waiting.findIndex(isFull);
    if (this.#apart > 0) this.#apart--;
    this.#requests = undefined;
    this.#group = this.#waiting.splice(0, full === -1 ? this.#waiting.length : full);
    return this.#group.length === 1 ? this.#group[0]!.facts : this.#group.flatMap((request) => request.facts);
  }

  acknowledge(): void {
    this.#requests = undefined;
    for (const { refused, resolve } of this.#group.splice(0)) resolve(refused);
  }

  fail(error: unknown): void {
    this.#requests = undefined;
    for (const { reject } of this.#group.splice(0)) reject(error);
  }

  takeBack(): number {
    const group = this.#group;
    this.#requests = undefined;
    if (group.length < 2) return 0;
    this.#apart = group.length;
    this.#waiting.unshift(...group);
    this.#group = [];
    return group.reduce((count, { facts }) => count + facts.length, 0);
  }

  /** A fact of one of the requests was refused. */
  refused(fact: Fact, message: string): void {
    const request = this.#requestOf(fact);
    request.refusedSpans.add(fact.span);
    const { facts, message: first } = request.refused;
    request.refused = { facts: facts + 1, spans: request.refusedSpans.size, message: first || message };
  }

  #requestOf(fact: Fact): Waiting {
    if (this.#group.length === 1) return this.#group[0]!;
    this.#requests ??= new Map(this.#group.flatMap((request) => request.facts.map((own) => [own, request])));
    return this.#requests.get(fact)!;
  }
}
