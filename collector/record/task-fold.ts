import type { SpanRef } from '../../src/fact.ts';
import type { Announcement } from './announcement.ts';
import { isAttempt, newAttempt, newScope } from './scope-state.ts';
import type { AttemptState, ScopeState } from './scope-state.ts';
import { missingIn } from './seq-set.ts';
import { SpanMap } from './span-map.ts';

/**
 * What the facts of one task have told so far. {@link fold} changes it; a store keeps it.
 *
 * Attempts are always in memory. Of the other scopes those that a batch of facts touches are,
 * with the scopes around them: a store loads and forgets them as it needs.
 */
export class TaskFold {
  readonly uuid: string;
  readonly scopes: SpanMap<ScopeState> = new SpanMap();
  readonly attempts: AttemptState[] = [];
  /** Spans whose state has changed since the store last wrote it: each has its mark. */
  #changed: ScopeState[] = [];
  /** What was said of the task before its first attempt; `null` if nothing. */
  announced: Announcement | null = null;
  /** Whether the announcement, or the time of the latest one, has changed since the last commit. */
  announcedAnew = false;
  /** Time of the latest fact. */
  updated = 0;
  /** How many spans the task has, loaded or not. */
  spanCount = 0;
  /** Key of the span whose line was written last in the log. */
  lineBefore: string | null = null;
  version = 0;
  logBytes = 0;
  /** The attempt asked for last: mostly there is one. */
  #attempt: AttemptState | undefined;

  constructor(uuid: string) {
    this.uuid = uuid;
  }

  /** The state of a span, made if nothing was known of it. */
  scopeOf(ref: SpanRef): ScopeState {
    if (ref.spanId === ref.taskSpanId) return this.attemptOf(ref);
    const known = this.scopes.get(ref.traceId, ref.spanId);
    if (known !== undefined) return known;
    // Any fact of a scope makes its attempt known, so that the record does not depend on which came first.
    const attempt = this.attemptOf(ref);
    const scope = this.#create(newScope(ref, ++this.spanCount));
    // Its start is not known yet.
    attempt.missing++;
    this.change(attempt);
    return scope;
  }

  /** The state of the task span to which a span belongs. */
  attemptOf({ traceId, taskSpanId }: { readonly traceId: string; readonly taskSpanId: string }): AttemptState {
    const asked = this.#attempt;
    if (asked !== undefined && asked.spanId === taskSpanId && asked.traceId === traceId) return asked;
    const known = this.scopes.get(traceId, taskSpanId);
    const attempt = known !== undefined && isAttempt(known) ? known : this.#createAttempt(traceId, taskSpanId, known);
    this.#attempt = attempt;
    return attempt;
  }

  /** The scope or task span around a scope; `undefined` while that is unknown. */
  around(scope: ScopeState): ScopeState | undefined {
    const { traceId, taskSpanId, parentSpanId } = scope;
    if (parentSpanId === '') return undefined;
    if (parentSpanId === taskSpanId) return this.attemptOf(scope);
    const known = this.scopes.get(traceId, parentSpanId);
    return known ?? this.scopeOf({ ...scope, taskUuid: this.uuid, spanId: parentSpanId });
  }

  /** Takes in a span's state, as when a store loads it. */
  add<State extends ScopeState>(scope: State): State {
    this.scopes.add(scope);
    if (isAttempt(scope)) this.attempts.push(scope);
    return scope;
  }

  /** Notes that a span's state has changed. */
  change(scope: ScopeState): void {
    if (scope.changed === true) return;
    scope.changed = true;
    this.#changed.push(scope);
  }

  get hasChanges(): boolean {
    return this.#changed.length > 0;
  }

  /** The spans whose state has changed since this was asked before, in the order of their first change. */
  takeChanges(): ScopeState[] {
    const changed = this.#changed;
    this.#changed = [];
    for (const scope of changed) scope.changed = false;
    return changed;
  }

  /** What was told of the span as a scope, as only a foreign sender can do, stays told of it. */
  #createAttempt(traceId: string, taskSpanId: string, scope: ScopeState | undefined): AttemptState {
    if (scope === undefined) return this.#create(newAttempt(traceId, taskSpanId, this.uuid, ++this.spanCount));
    this.scopes.delete(scope);
    const { number, seen } = scope;
    const attempt = newAttempt(traceId, taskSpanId, this.uuid, number);
    return this.#create({ ...attempt, ...scope, taskSpanId, missing: missingIn(seen), changed: false });
  }

  #create<State extends ScopeState>(scope: State): State {
    this.change(scope);
    return this.add(scope);
  }

  /** The span whose line was written last in the log, if it is in memory. */
  scopeBefore(): ScopeState | undefined {
    const [traceId = '', spanId = ''] = this.lineBefore?.split('-') ?? [];
    return this.scopes.get(traceId, spanId);
  }

  /** The attempt of which the record tells, of those asked for: the greatest by number, start and span id. */
  latest(isMeant: (attempt: AttemptState) => boolean = () => true): AttemptState | undefined {
    let latest: AttemptState | undefined;
    for (const attempt of this.attempts) {
      if (isMeant(attempt) && (latest === undefined || isLater(attempt, latest))) latest = attempt;
    }
    return latest;
  }
}

function isLater(one: AttemptState, other: AttemptState): boolean {
  if (one.attempt !== other.attempt) return one.attempt > other.attempt;
  const start = one.start ?? -1;
  const otherStart = other.start ?? -1;
  if (start !== otherStart) return start > otherStart;
  return one.spanId > other.spanId;
}
