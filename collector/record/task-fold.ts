import type { Attributes } from '@opentelemetry/api';
import type { AnnouncementOutcome } from '../../src/conventions.ts';
import type { ErrorInfo, SpanRef } from '../../src/fact.ts';
import { missingSeen } from './fact-sequence.ts';
import { countNew, countNoMore } from './scope-counts.ts';
import { copyOf, isAttempt, isCounted, newAttempt, newScope, NOTHING_INSIDE, settleState } from './scope-state.ts';
import type { AttemptState, ScopeState } from './scope-state.ts';
import { idsOfKey, SpanMap } from './span-map.ts';
import type { SpanIds } from './span-map.ts';

/** The span of an announcement, and a time. */
interface AnnouncementRef {
  readonly time: number;
  readonly traceId: string;
  readonly spanId: string;
}

/** What an announcement reports of a task. */
export interface Announcement extends AnnouncementRef {
  readonly name: string;
  readonly attributes: Attributes;
  /** `""` while unknown. */
  readonly serviceName: string;
}

/** How an announcement ended without an attempt. */
export interface QueueEnd extends AnnouncementRef {
  readonly outcome: AnnouncementOutcome;
  readonly error: ErrorInfo | null;
}

/** What the announcements of a task have reported. Plain data, so that a store can keep it as it likes. */
export interface Announced {
  /** The earliest announcement: its name and attributes count. */
  readonly first: Announcement | null;
  /** The latest one, with the milliseconds after which the task has expired; `null` where it names none. */
  readonly last: (AnnouncementRef & { readonly finalMs: number | null }) | null;
  /** The latest end of an announcement. */
  readonly end: QueueEnd | null;
}

/** Of a task that was never announced. */
export const NOT_ANNOUNCED: Announced = Object.freeze({ first: null, last: null, end: null });

/** What the record and the state of a task are made from: a {@link TaskFold}, or the {@link TaskDraft} that comes after it. */
export interface TaskContent {
  readonly uuid: string;
  /** The attempts that are known, in the order in which they became known. */
  readonly attempts: readonly AttemptState[];
  readonly announced: Announced;
  /** Time of the latest fact. */
  readonly updated: number;
  /** What is known of a span, if it is in memory. It is not to be changed. */
  scopeAt(traceId: string, spanId: string): ScopeState | undefined;
}

/**
 * What the facts of one task have reported up to a version. A store keeps it; a {@link TaskDraft} becomes its next version.
 *
 * Attempts are always in memory. Other scopes are in memory while a batch of facts needs them, see `needed-spans.ts`: the
 * store loads and forgets them.
 */
export class TaskFold implements TaskContent {
  readonly uuid: string;
  readonly scopes: SpanMap<ScopeState> = new SpanMap();
  attempts: AttemptState[] = [];
  announced: Announced = NOT_ANNOUNCED;
  updated = 0;
  /** How many spans the task has, loaded or not. */
  spanCount = 0;
  /** Key of the span whose line was written last in the log. */
  lineBefore: string | null = null;
  version = 0;
  logBytes = 0;
  logLines = 0;

  constructor(uuid: string) {
    this.uuid = uuid;
  }

  /** Takes in a span that a store has loaded. */
  add(scope: ScopeState): void {
    this.scopes.add(scope);
    if (isAttempt(scope)) this.attempts.push(scope);
  }

  scopeAt(traceId: string, spanId: string): ScopeState | undefined {
    return this.scopes.get(traceId, spanId);
  }

  /** The scope or task span in which a scope counts, if it is in memory. */
  around(scope: ScopeState): ScopeState | undefined {
    const outer = outerSpanId(scope);
    return outer === '' ? undefined : this.scopes.get(scope.traceId, outer);
  }

  /** The span whose line was written last in the log, if it is in memory. */
  scopeBefore(): ScopeState | undefined {
    if (this.lineBefore === null) return undefined;
    const { traceId, spanId } = idsOfKey(this.lineBefore);
    return this.scopes.get(traceId, spanId);
  }

  /** Becomes what a draft of this version has made of it. Throws for a draft of another version. */
  keep(draft: TaskDraft): void {
    if (draft.of !== this || draft.ofVersion !== this.version) {
      throw new Error(`task ${this.uuid} is at version ${this.version}: this draft of version ${draft.ofVersion} is not its next`);
    }
    for (const scope of draft.scopes) {
      settleState(scope);
      this.scopes.add(scope);
    }
    this.attempts = draft.attempts;
    this.announced = draft.announced;
    this.updated = draft.updated;
    this.spanCount = draft.spanCount;
    this.lineBefore = draft.lineBefore;
    this.version = draft.version;
    this.logBytes = draft.logBytes;
    this.logLines = draft.logLines;
  }
}

/**
 * The next version of a task while facts are folded into it. The {@link TaskFold} stays as it is until it keeps the
 * draft, so that a store which could not write the draft has nothing to undo.
 *
 * Each span that is asked for is copied once: what these methods return may be changed, and one span is one object.
 */
export class TaskDraft implements TaskContent {
  readonly of: TaskFold;
  readonly ofVersion: number;
  readonly uuid: string;
  /** The scopes and task spans that were asked for or made. */
  readonly scopes: SpanMap<ScopeState> = new SpanMap();
  attempts: AttemptState[];
  announced: Announced;
  /** Whether the announcement, or the time of the latest one, has changed. */
  isAnnouncementChanged = false;
  updated: number;
  spanCount: number;
  lineBefore: string | null;
  version: number;
  logBytes: number;
  logLines: number;
  /** The spans whose state has changed, in the order of their first change: each has its mark. */
  readonly changed: ScopeState[] = [];
  /** What is inside which span, by its id; `undefined` until it is needed. */
  #inside: Map<string, SpanIds[]> | undefined;
  /** The attempt of the last call: most tasks have only one. */
  #attempt: AttemptState | undefined;

  constructor(task: TaskFold) {
    this.of = task;
    this.ofVersion = task.version;
    this.uuid = task.uuid;
    this.attempts = task.attempts;
    this.announced = task.announced;
    this.updated = task.updated;
    this.spanCount = task.spanCount;
    this.lineBefore = task.lineBefore;
    this.version = task.version;
    this.logBytes = task.logBytes;
    this.logLines = task.logLines;
  }

  /** Whether the attempt of a span is known, or there is room for one more. */
  hasRoomFor({ traceId, taskSpanId }: SpanRef): boolean {
    if (this.attempts.length < MOST_ATTEMPTS) return true;
    const known = this.scopes.get(traceId, taskSpanId) ?? this.of.scopes.get(traceId, taskSpanId);
    return known !== undefined && isAttempt(known);
  }

  /** The state of a span, made if nothing was known of it. */
  scopeOf(ref: SpanRef): ScopeState {
    if (ref.spanId === ref.taskSpanId) return this.attemptOf(ref);
    const known = this.get(ref.traceId, ref.spanId);
    if (known !== undefined) return known;
    // Any fact of a scope makes its attempt known, so that the record does not depend on which came first.
    const attempt = this.attemptOf(ref);
    const scope = newScope(ref, ++this.spanCount);
    this.scopes.add(scope);
    this.change(scope);
    // Its start is not known yet.
    attempt.missing++;
    countNew(this, scope);
    return scope;
  }

  /** The state of the task span to which a span belongs, made if nothing was known of it. */
  attemptOf({ traceId, taskSpanId }: { readonly traceId: string; readonly taskSpanId: string }): AttemptState {
    const asked = this.#attempt;
    if (asked !== undefined && asked.spanId === taskSpanId && asked.traceId === traceId) return asked;
    const known = this.get(traceId, taskSpanId);
    const attempt = known !== undefined && isAttempt(known) ? known : this.#newAttempt(traceId, taskSpanId, known);
    this.#attempt = attempt;
    return attempt;
  }

  /** The scope or task span in which a scope counts, if it is in memory. */
  around(scope: ScopeState): ScopeState | undefined {
    const outer = outerSpanId(scope);
    if (outer === '') return undefined;
    return outer === scope.taskSpanId ? this.attemptOf(scope) : this.get(scope.traceId, outer);
  }

  /** The scope or task span in which a scope has begun, made if nothing was known of it. */
  parentOf(scope: ScopeState): ScopeState | undefined {
    const { traceId, taskSpanId, parentSpanId } = scope;
    if (parentSpanId === '') return undefined;
    if (parentSpanId === taskSpanId) return this.attemptOf(scope);
    return this.get(traceId, parentSpanId) ?? this.scopeOf({ traceId, taskSpanId, taskUuid: this.uuid, spanId: parentSpanId });
  }

  /** The same as {@link around}, not to be changed: nothing is copied. */
  seenAround(scope: ScopeState): ScopeState | undefined {
    const { traceId } = scope;
    const outer = outerSpanId(scope);
    return outer === '' ? undefined : (this.scopes.get(traceId, outer) ?? this.of.scopes.get(traceId, outer));
  }

  /** The state of a span of which something is known, and that is in memory. */
  get(traceId: string, spanId: string): ScopeState | undefined {
    const drafted = this.scopes.get(traceId, spanId);
    if (drafted !== undefined) return drafted;
    const stored = this.of.scopes.get(traceId, spanId);
    if (stored === undefined) return undefined;
    const copy = copyOf(stored);
    this.scopes.add(copy);
    if (isAttempt(copy)) {
      const attempts = this.#ownAttempts();
      attempts[attempts.indexOf(stored as AttemptState)] = copy;
    }
    return copy;
  }

  scopeAt(traceId: string, spanId: string): ScopeState | undefined {
    return this.scopes.get(traceId, spanId) ?? this.of.scopes.get(traceId, spanId);
  }

  /** The span whose line was written last in the log, if it is in memory. */
  scopeBefore(): ScopeState | undefined {
    if (this.lineBefore === null) return undefined;
    const { traceId, spanId } = idsOfKey(this.lineBefore);
    return this.get(traceId, spanId);
  }

  /** The scopes directly inside a scope, as far as they are in memory. They are not to be changed. */
  *inside(outer: ScopeState): Generator<ScopeState> {
    const { traceId, spanId } = outer;
    if (this.#inside === undefined) {
      this.#inside = new Map();
      for (const scope of this.of.scopes) this.#addInside(scope);
      for (const scope of this.scopes) this.#addInside(scope);
    }
    for (const ids of this.#inside.get(spanId) ?? []) {
      const scope = ids.traceId === traceId ? (this.scopes.get(traceId, ids.spanId) ?? this.of.scopes.get(traceId, ids.spanId)) : undefined;
      if (scope !== undefined && outerSpanId(scope) === spanId) yield scope;
    }
  }

  /** A scope counts in another one from now on. */
  begins(scope: ScopeState): void {
    if (this.#inside !== undefined) this.#addInside(scope);
  }

  #addInside(scope: ScopeState): void {
    const outer = outerSpanId(scope);
    if (outer === '') return;
    const inside = this.#inside!.get(outer);
    if (inside === undefined) this.#inside!.set(outer, [scope]);
    else inside.push(scope);
  }

  /** Marks a span's state as changed. */
  change(scope: ScopeState): void {
    if (scope.changed === true) return;
    scope.changed = true;
    this.changed.push(scope);
  }

  /** The attempts as an array of this draft. */
  #ownAttempts(): AttemptState[] {
    if (this.attempts === this.of.attempts) this.attempts = [...this.attempts];
    return this.attempts;
  }

  /** What was reported of the span as a scope, as only a foreign sender can do, stays reported of it. */
  #newAttempt(traceId: string, taskSpanId: string, scope: ScopeState | undefined): AttemptState {
    const attempt = newAttempt(traceId, taskSpanId, this.uuid, scope?.number ?? ++this.spanCount);
    if (scope !== undefined) {
      countNoMore(this, scope);
      this.scopes.delete(scope);
      Object.assign(attempt, scope, { taskSpanId, missing: missingSeen(scope), within: 0, ...NOTHING_INSIDE, changed: false });
    }
    this.scopes.add(attempt);
    this.#ownAttempts().push(attempt);
    this.change(attempt);
    return attempt;
  }
}

/** So many attempts of a task are kept. */
export const MOST_ATTEMPTS = 1000;

/** Span id of the scope or task span in which a scope counts; `""` while that is unknown. */
export function outerSpanId({ hangsIn, parentSpanId }: Pick<ScopeState, 'hangsIn' | 'parentSpanId'>): string {
  return hangsIn === '' ? parentSpanId : hangsIn;
}

/** The attempt that the record is about, of those that count and `matches` accepts: the greatest by number, start, span id and trace id. */
export function latestAttempt(
  { attempts }: Pick<TaskContent, 'attempts'>,
  matches: (attempt: AttemptState) => boolean = () => true,
): AttemptState | undefined {
  let latest: AttemptState | undefined;
  for (const attempt of attempts) {
    if (isCounted(attempt) && matches(attempt) && (latest === undefined || isLater(attempt, latest))) latest = attempt;
  }
  return latest;
}

function isLater(one: AttemptState, other: AttemptState): boolean {
  if (one.attempt !== other.attempt) return one.attempt > other.attempt;
  const start = one.start ?? -1;
  const otherStart = other.start ?? -1;
  if (start !== otherStart) return start > otherStart;
  return one.spanId === other.spanId ? one.traceId > other.traceId : one.spanId > other.spanId;
}
