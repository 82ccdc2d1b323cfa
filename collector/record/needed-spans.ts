import type { Fact } from '../../src/fact.ts';
import { DEEPEST_SCOPE } from '../../src/progress.ts';
import type { AttemptState, ScopeState } from './scope-state.ts';
import { SpanMap } from './span-map.ts';
import type { SpanIds } from './span-map.ts';
import { outerSpanId } from './task-fold.ts';
import type { TaskFold } from './task-fold.ts';

/**
 * The spans that facts of one task touch, each once: those that they are of, their task spans, and the scopes in which
 * scopes begin. A store loads them, and with {@link spansToLoad} those around them, before it folds the facts.
 */
export function touchedSpans(facts: readonly Fact[]): SpanIds[] {
  const touched = new SpanMap<SpanIds>();
  let latest: Fact['span'] | undefined;
  for (const fact of facts) {
    const { span } = fact;
    const { traceId, taskSpanId } = span;
    if (taskSpanId === '') continue;
    if (span !== latest) {
      touched.add(span);
      touch(touched, traceId, taskSpanId);
      latest = span;
    }
    if (fact.kind === 'scope-start') touch(touched, traceId, fact.parentSpanId);
    else if (fact.kind === 'task-end') touch(touched, traceId, fact.exceptionSpanId ?? '');
  }
  return [...touched];
}

/**
 * The spans that the record may show: those of errors, and those that have reported last. A store has them in memory,
 * and those around them, whenever facts are folded into their task.
 */
export function shownSpans(attempts: readonly AttemptState[]): SpanIds[] {
  return attempts.flatMap(({ traceId, exception, final, latestStep, end }) => {
    const step = end === null ? latestStep : null;
    const spanIds = [exception?.spanId ?? '', final?.exceptionSpanId ?? '', step?.spanId ?? ''].filter((spanId) => spanId !== '');
    return spanIds.map((spanId) => ({ traceId, spanId }));
  });
}

function touch(touched: SpanMap<SpanIds>, traceId: string, spanId: string): void {
  if (spanId !== '' && !touched.has(traceId, spanId)) touched.add({ traceId, spanId });
}

/**
 * Yields the spans that a store has to load, level by level: first those given, then those around them. The store
 * calls {@link TaskFold.add} with what it finds of one level before it takes the next. What is in memory is left out,
 * with all that is around it. The levels of many tasks can be loaded together.
 */
export function* spansToLoad(task: TaskFold, spans: readonly SpanIds[]): Generator<readonly SpanIds[], void, void> {
  let level = missingOf(task, spans);
  // No fold looks farther, and the scopes may lie in a circle.
  for (let depth = 0; level.length > 0 && depth <= 2 * DEEPEST_SCOPE; depth++, level = missingOf(task, around(task, level))) yield level;
}

function missingOf(task: TaskFold, spans: readonly SpanIds[]): SpanIds[] {
  return spans.filter(({ traceId, spanId }) => !task.scopes.has(traceId, spanId));
}

/** The spans around those spans of a level that were found. */
function around(task: TaskFold, level: readonly SpanIds[]): SpanIds[] {
  const outer = new SpanMap<SpanIds>();
  for (const { traceId, spanId } of level) {
    const scope = task.scopes.get(traceId, spanId);
    if (scope !== undefined) touch(outer, traceId, outerSpanId(scope));
  }
  return [...outer];
}

/**
 * The scopes that get a plan by names after scopes inside have done something, once what the facts touch is loaded: a
 * fold needs the scopes inside them.
 */
export function latePlans(task: TaskFold, facts: readonly Fact[]): ScopeState[] {
  const planned = new Set<ScopeState>();
  for (const fact of facts) {
    if (fact.kind !== 'plan' || typeof fact.plan !== 'object') continue;
    const { traceId, spanId } = fact.span;
    const scope = task.scopes.get(traceId, spanId);
    if (scope !== undefined && scope.insideUnits > 0 && (scope.plan === null || fact.seq <= scope.plan.seq)) planned.add(scope);
  }
  return [...planned];
}

/**
 * The scopes of a task that begin with these facts and may stand for child tasks: a store gives the fold how far those
 * children are, as far as it knows them.
 */
export function startedParts(facts: readonly Fact[]): SpanIds[] {
  let parts: SpanMap<SpanIds> | undefined;
  for (const fact of facts) {
    if (fact.kind === 'scope-start' && fact.remote === true) touch((parts ??= new SpanMap()), fact.span.traceId, fact.span.spanId);
  }
  return parts === undefined ? [] : [...parts];
}
