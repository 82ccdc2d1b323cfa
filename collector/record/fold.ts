import { basicOutcome } from '../../src/conventions.ts';
import type {
  AnnouncementEnd,
  AttributesFact,
  ExceptionFact,
  Fact,
  PlanFact,
  ProgressFact,
  ResultFact,
  ScopeEnd,
  ScopeStart,
  TaskAnnounced,
  TaskEnd,
  TaskStart,
} from '../../src/fact.ts';
import { canonicalJson } from '../../src/json-text.ts';
import { addByName, addToOuter, DEEPEST_SCOPE, plannedNames, shareDone } from '../../src/progress.ts';
import { DEFAULT_LIMITS } from '../../src/text.ts';
import { addSeen, missingSeen } from './fact-sequence.ts';
import { endRun, foldRun } from './queue-run.ts';
import { endCounted, enter, leave } from './scope-counts.ts';
import { isAttempt, ownEnd } from './scope-state.ts';
import type { AttemptState, ScopeState, ScopeStep } from './scope-state.ts';
import type { Announced, Announcement, QueueEnd, TaskDraft } from './task-fold.ts';

/** Any fact of a task or scope span. An announcement is none of these: {@link foldAnnouncement} takes it. */
export type ScopeFact = Exclude<Fact, TaskAnnounced | AnnouncementEnd>;

/**
 * Takes one fact into a task's state. The state is a function of the set of facts: any order and
 * repetition gives the same, but for what the log needs (`number`, `recent`, `lineBefore`).
 *
 * Every field is a join. A fact seen twice counts once; where its two contents differ, the
 * longer wins, then the greater by bytes.
 *
 * @param scope State of the fact's span.
 * @returns Whether the fact is new, so that the log shows it.
 */
export function fold(task: TaskDraft, fact: ScopeFact, scope: ScopeState): boolean {
  const isNew = see(task, scope, fact.seq);
  if (isNew) {
    task.change(scope);
    if (fact.time > task.updated) task.updated = fact.time;
  }
  switch (fact.kind) {
    case 'notification':
      if (isNew) scope.notifications++;
      break;
    case 'progress':
      foldProgress(task, scope, fact);
      break;
    case 'scope-start':
      foldScopeStart(task, scope, fact);
      break;
    case 'scope-end':
      foldScopeEnd(task, scope, fact);
      break;
    case 'task-start':
      if (isAttempt(scope)) foldTaskStart(task, scope, fact);
      break;
    case 'task-end':
      if (isAttempt(scope)) foldTaskEnd(task, scope, fact);
      break;
    case 'exception':
      foldException(task, task.attemptOf(fact.span), fact);
      break;
    case 'plan':
      foldPlan(task, scope, fact);
      break;
    case 'result':
      if (isAttempt(scope)) foldResult(task, scope, fact);
      break;
    case 'attributes':
      if (isAttempt(scope)) foldAttributes(task, scope, fact);
      break;
  }
  return isNew;
}

/**
 * Takes an announcement, or its end, into a task's state. Name and attributes are those of the first announcement by
 * time, then by its ids; whether the task is queued is decided by the last announcement and the last end.
 */
export function foldAnnouncement(task: TaskDraft, fact: TaskAnnounced | AnnouncementEnd): void {
  const announced = fact.kind === 'task-announced' ? withAnnouncement(task.announced, fact) : withEnd(task.announced, fact);
  if (announced !== task.announced) {
    task.announced = announced;
    task.isAnnouncementChanged = true;
  }
  if (fact.time <= task.updated) return;
  task.updated = fact.time;
  task.isAnnouncementChanged = true;
}

function withAnnouncement(announced: Announced, { time, span, name, attributes, serviceName = '', queuedFinalMs }: TaskAnnounced): Announced {
  const { traceId, spanId } = span;
  const given: Announcement = { time, traceId, spanId, name, attributes, serviceName };
  const last = { time, traceId, spanId, finalMs: queuedFinalMs ?? null };
  const isFirst = announced.first === null || isBefore(given, announced.first);
  const isLast = announced.last === null || isAfter(last, announced.last);
  if (!isFirst && !isLast) return announced;
  return { ...announced, ...(isFirst && { first: given }), ...(isLast && { last }) };
}

function withEnd(announced: Announced, { time, span, outcome, error }: AnnouncementEnd): Announced {
  const end: QueueEnd = { time, traceId: span.traceId, spanId: span.spanId, outcome, error: error ?? null };
  return announced.end === null || isAfter(end, announced.end) ? { ...announced, end } : announced;
}

/** Takes in the share done of a child task for which the scope stands; that is a scope which begins elsewhere. */
export function foldChildShare(task: TaskDraft, scope: ScopeState, share: number): void {
  if (scope.remote) raiseShare(task, scope, share);
}

/** Takes in a sequence number, and counts in the attempt what is known to be missing. */
function see(task: TaskDraft, scope: ScopeState, seq: number): boolean {
  const { seen, seenPages } = scope;
  const last = seen.length - 1;
  // Mostly each follows the one before, and nothing else becomes known.
  if (last > 0 && seq === seen[last]! + 1 && seenPages === null) {
    seen[last] = seq;
    return true;
  }
  const before = missingSeen(scope);
  const isNew = addSeen(scope, seq);
  const change = missingSeen(scope) - before;
  if (change !== 0) {
    const attempt = task.attemptOf(scope);
    attempt.missing += change;
    task.change(attempt);
  }
  return isNew;
}

function foldProgress(task: TaskDraft, scope: ScopeState, fact: ProgressFact): void {
  const { seq, done, total } = fact;
  foldStep(task, scope, fact);
  const latest = { seq, done, total: total ?? null };
  const before = scope.latestProgress;
  if (before === null || seq > before.seq || (seq === before.seq && isGreaterContent(latest, before))) {
    scope.latestProgress = latest;
    task.change(scope);
  }
  if (total === undefined) return;
  raiseShare(task, scope, shareDone(done, total));
}

/** Takes in a share done: the greatest counts. */
function raiseShare(task: TaskDraft, scope: ScopeState, share: number): void {
  if (scope.share !== null && share <= scope.share) return;
  scope.share = share;
  rollUp(task, scope);
}

function foldScopeStart(task: TaskDraft, scope: ScopeState, fact: ScopeStart): void {
  if (fact.taskName !== undefined) foldName(task, task.attemptOf(scope), fact.taskName, fact.attempt);
  foldStep(task, scope, fact);
  const { name, parentSpanId, time, remote = false } = fact;
  const workerId = remote ? (fact.workerId ?? '') : '';
  if (scope.start !== null && !isGreaterContent([name, parentSpanId, time, remote, workerId], scopeStartContentOf(scope))) return;
  const before = countedAs(scope);
  if (scope.parentSpanId !== '') leave(task, scope);
  scope.name = name;
  scope.parentSpanId = parentSpanId;
  scope.start = time;
  scope.remote = remote;
  scope.partWorkerId = workerId;
  recount(task, scope, before);
  const around = task.parentOf(scope);
  scope.hangsIn = around === undefined ? '' : hangsIn(task, scope, around);
  enter(task, scope);
  task.begins(scope);
  // A scope whose work goes on elsewhere is a job itself.
  if (around !== undefined && !around.encloses && !remote) {
    const aroundBefore = countedAs(around);
    around.encloses = true;
    recount(task, around, aroundBefore);
  }
  rollUp(task, scope);
}

/** Of the starts and the progress of all scopes the latest counts; what the task itself reports is not among them. */
function foldStep(task: TaskDraft, scope: ScopeState, { time, seq }: ScopeStart | ProgressFact): void {
  if (isAttempt(scope)) return;
  const attempt = task.attemptOf(scope);
  const step = { time, spanId: scope.spanId, seq };
  if (!isLaterStep(step, attempt.latestStep)) return;
  attempt.latestStep = step;
  task.change(attempt);
}

/** Whether a step comes after another one: by time, span id and sequence number. */
function isLaterStep({ time, spanId, seq }: ScopeStep, before: ScopeStep | null): boolean {
  if (before === null) return true;
  if (time !== before.time) return time > before.time;
  return spanId === before.spanId ? seq > before.seq : spanId > before.spanId;
}

function foldScopeEnd(task: TaskDraft, scope: ScopeState, fact: ScopeEnd): void {
  const end = endOf(fact, fact.heading);
  if (scope.end !== null && !isGreaterContent(end, scope.end, scope.end)) return;
  const before = countedAs(scope);
  endCounted(task, scope, end);
  recount(task, scope, before);
  rollUp(task, scope);
}

function foldTaskStart(task: TaskDraft, attempt: AttemptState, fact: TaskStart): void {
  if (attempt.start !== null && !isGreaterContent(startContent(fact), startContentOf(attempt), attempt)) return;
  TEXTS.delete(attempt);
  task.change(attempt);
  attempt.name = fact.name;
  attempt.start = fact.time;
  attempt.attempt = fact.attempt;
  attempt.attributes = fact.attributes;
  attempt.serviceName = fact.serviceName ?? '';
  attempt.workerId = fact.workerId;
  attempt.workerIntervalMs = fact.workerIntervalMs;
  attempt.cancellable = fact.cancellable ?? false;
  attempt.parentTaskUuid = fact.parentTaskUuid ?? null;
  attempt.parentScope = fact.parentScope ?? null;
  attempt.sampled = fact.sampled;
  foldRun(task, attempt, fact);
}

/**
 * Takes in the name of the task, and the number of the attempt, while the attempt's start is not known. The greater
 * counts; mostly all facts have the same.
 */
function foldName(task: TaskDraft, attempt: AttemptState, name: string, number: number = attempt.attempt): void {
  if (attempt.start !== null || name === '' || (name === attempt.name && number <= attempt.attempt)) return;
  if (name.length > attempt.name.length || (name.length === attempt.name.length && name > attempt.name)) attempt.name = name;
  attempt.attempt = Math.max(attempt.attempt, number);
  task.change(attempt);
}

function foldTaskEnd(task: TaskDraft, attempt: AttemptState, fact: TaskEnd): void {
  foldName(task, attempt, fact.name);
  const end = endOf(fact, true);
  const final = { exception: fact.exception, exceptionSpanId: fact.exceptionSpanId ?? '', jobs: fact.jobs };
  const known = ownEnd(attempt);
  if (known !== null && !isGreaterContent([end, final], [known, attempt.final], known)) return;
  task.change(attempt);
  attempt.end = end;
  attempt.final = final;
  endRun(task, attempt);
}

function foldException(task: TaskDraft, attempt: AttemptState, fact: ExceptionFact): void {
  const { time, seq, type: name, message, causes } = fact;
  const { spanId } = fact.span;
  const exception = { time, spanId, seq, name, message, ...(causes !== undefined && { causes }) };
  const before = attempt.exception;
  const later =
    before === null ||
    (time !== before.time
      ? time > before.time
      : spanId !== before.spanId
        ? spanId > before.spanId
        : seq !== before.seq
          ? seq > before.seq
          : isGreaterContent(exception, before));
  if (!later) return;
  attempt.exception = exception;
  task.change(attempt);
}

/** The first plan counts. */
function foldPlan(task: TaskDraft, scope: ScopeState, fact: PlanFact): void {
  const { seq, plan } = fact;
  const before = scope.plan;
  if (before !== null && (seq > before.seq || (seq === before.seq && !isGreaterContent(plan, before.plan, before)))) return;
  scope.plan = { seq, plan };
  scope.names = typeof plan === 'object' ? plannedNames(plan) : null;
  task.change(scope);
  // Where nothing inside has done anything yet, nothing inside counts yet.
  if (scope.names !== null && scope.insideUnits > 0) {
    for (const inside of task.inside(scope)) addByName(scope, inside);
  }
  rollUp(task, scope);
}

/** The last result counts. */
function foldResult(task: TaskDraft, attempt: AttemptState, fact: ResultFact): void {
  const { seq } = fact;
  const json = canonicalJson(fact.result) ?? JSON.stringify(fact.result);
  const before = attempt.result;
  if (before !== null && (seq < before.seq || (seq === before.seq && !isGreaterContent(json, before.json)))) return;
  attempt.result = { seq, json };
  task.change(attempt);
}

/** Of the values for a name the last one counts. As many names are kept as a task may have, the first by their order. */
function foldAttributes(task: TaskDraft, attempt: AttemptState, { seq, attributes }: AttributesFact): void {
  const set = new Map(Object.entries(attempt.set));
  let isChanged = false;
  for (const [key, value] of Object.entries(attributes)) {
    const before = set.get(key);
    const isLater = before === undefined || seq > before.seq || (seq === before.seq && isGreaterContent([value], [before.value]));
    if (!isLater) continue;
    set.set(key, { seq, value });
    isChanged = true;
  }
  if (!isChanged) return;
  attempt.set = Object.fromEntries([...set].toSorted(byName).slice(0, MOST_SET));
  task.change(attempt);
}

/** A task may have one more: the attribute that marks how many were cut. */
const MOST_SET = DEFAULT_LIMITS.attributes + 1;

function byName([one]: [string, unknown], [other]: [string, unknown]): number {
  return one < other ? -1 : 1;
}

/**
 * Where a scope counts that begins in another one: `""` for that one itself. At {@link DEEPEST_SCOPE} it is the scope
 * around that one, so that none lies deeper.
 */
function hangsIn(task: TaskDraft, scope: ScopeState, around: ScopeState): string {
  if (isAttempt(around)) return '';
  if (around.hangsIn !== '') return around.hangsIn;
  let outer: ScopeState | undefined = around;
  let marked: ScopeState = around;
  for (let depth = 1; depth < DEEPEST_SCOPE; depth++) {
    outer = task.seenAround(outer);
    // The task span, a scope of which nothing is known yet, or a circle.
    if (outer === undefined || isAttempt(outer) || outer === marked || outer.spanId === scope.spanId) return '';
    // At each power of two.
    if ((depth & (depth - 1)) === 0) marked = outer;
  }
  const isWhole = isAttempt(task.seenAround(outer) ?? outer);
  return isWhole ? around.parentSpanId : scope.taskSpanId;
}

/**
 * Takes a scope's changed progress into the scopes around it: so many as may be around one. Where these lie in a circle,
 * which only a foreign sender can make, it stops at the scope that it has marked last.
 */
function rollUp(task: TaskDraft, scope: ScopeState): void {
  let inside = scope;
  let marked = scope;
  for (let steps = 1, markAt = 2; steps <= DEEPEST_SCOPE; steps++) {
    task.change(inside);
    const around = task.around(inside);
    if (around === undefined || !addToOuter(inside, inside.end !== null, around)) return;
    task.change(around);
    if (around.plan === null) return;
    inside = around;
    if (inside === marked) return;
    if (steps < markAt) continue;
    marked = inside;
    markAt *= 2;
  }
}

type CountedAs = keyof AttemptState['jobs'] | undefined;

/**
 * What a scope counts as. A heading is no job unless it failed by an error of its own; what
 * the source reports at the end rules over what is seen until then.
 */
function countedAs(scope: ScopeState): CountedAs {
  if (isAttempt(scope)) return undefined;
  const { end } = scope;
  if (end === null) return scope.start !== null && !scope.encloses ? 'running' : undefined;
  const outcome = basicOutcome(end.outcome);
  if (outcome === 'completed') return end.heading ? undefined : 'finished';
  if (outcome === 'failed') return end.heading && end.error === null ? undefined : 'failed';
  return undefined;
}

/** Corrects how a scope that has changed counts in its attempt: as what it is now, instead of what it was before. */
function recount(task: TaskDraft, scope: ScopeState, before: CountedAs): void {
  const after = countedAs(scope);
  task.change(scope);
  if (before === after) return;
  const attempt = task.attemptOf(scope);
  if (before !== undefined) attempt.jobs[before]--;
  if (after !== undefined) attempt.jobs[after]++;
  task.change(attempt);
}

function endOf(fact: ScopeEnd | TaskEnd, heading: boolean): NonNullable<ScopeState['end']> {
  const { time, seq, outcome, duration, error, attributes } = fact;
  return { time, seq, outcome, duration, heading, error: error ?? null, ...(attributes && { attributes }) };
}

function scopeStartContentOf({ name, parentSpanId, start, remote, partWorkerId }: ScopeState): unknown {
  return [name, parentSpanId, start, remote, partWorkerId];
}

function startContent(fact: TaskStart): unknown {
  const { name, time, attempt, attributes, serviceName, workerId, workerIntervalMs, cancellable, parentTaskUuid, parentScope, sampled, run, observed } = fact;
  const parent = { parentTaskUuid: parentTaskUuid ?? null, parentScope: parentScope ?? null };
  const whole = { cancellable: cancellable ?? false, ...parent, sampled, ...(run !== undefined && { run, observed: observed ?? false }) };
  return { name, time, attempt, attributes, serviceName: serviceName ?? '', workerId, workerIntervalMs, ...whole };
}

function startContentOf(state: AttemptState): unknown {
  const { name, start, attempt, attributes, serviceName, workerId, workerIntervalMs, cancellable, parentTaskUuid, parentScope, sampled, run } = state;
  const ofRun = run === null ? {} : { run: run.id, observed: run.isObserved };
  const rest = { serviceName, workerId, workerIntervalMs, cancellable, parentTaskUuid, parentScope, sampled, ...ofRun };
  return { name, time: start, attempt, attributes, ...rest };
}

function isBefore(one: Announcement, other: Announcement): boolean {
  if (one.time !== other.time) return one.time < other.time;
  const [key, otherKey] = [one.traceId + one.spanId, other.traceId + other.spanId];
  if (key !== otherKey) return key < otherKey;
  return isGreaterContent(one, other, other);
}

/** Whether one of the same kind is later, by time, then by its ids. */
function isAfter<T extends Pick<Announcement, 'time' | 'traceId' | 'spanId'>>(one: T, other: T): boolean {
  if (one.time !== other.time) return one.time > other.time;
  const [key, otherKey] = [one.traceId + one.spanId, other.traceId + other.spanId];
  return key === otherKey ? isGreaterContent(one, other) : key > otherKey;
}

/**
 * Of two contents for one fact the longer wins, then the greater by bytes: one may have been cut
 * by a limit on its way, and every reader has to choose alike.
 *
 * @param key Has the same other content each time: so a long one is not written again for each repetition of a fact.
 */
export function isGreaterContent(one: unknown, other: unknown, key?: object): boolean {
  const text = contentText(one);
  let otherText = key && TEXTS.get(key);
  if (otherText === undefined) {
    otherText = contentText(other);
    if (key !== undefined) TEXTS.set(key, otherText);
  }
  return text.length === otherText.length ? text > otherText : text.length > otherText.length;
}

/** The text of a content by what has it. */
const TEXTS = new WeakMap<object, string>();

/** The same text for the same content, whatever the order of its keys. */
function contentText(content: unknown): string {
  if (typeof content === 'string') return content;
  return JSON.stringify(content, (_key, value: unknown) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1)));
  });
}
