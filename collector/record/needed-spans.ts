import type { Fact } from '../../src/fact.ts';
import { SpanMap } from './span-map.ts';
import type { SpanIds } from './span-map.ts';
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
  }
  return [...touched];
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
  for (let level = missingOf(task, spans); level.length > 0; level = missingOf(task, around(task, level))) yield level;
}

function missingOf(task: TaskFold, spans: readonly SpanIds[]): SpanIds[] {
  return spans.filter(({ traceId, spanId }) => !task.scopes.has(traceId, spanId));
}

/** The spans around those spans of a level that were found. */
function around(task: TaskFold, level: readonly SpanIds[]): SpanIds[] {
  const outer = new SpanMap<SpanIds>();
  for (const { traceId, spanId } of level) touch(outer, traceId, task.scopes.get(traceId, spanId)?.parentSpanId ?? '');
  return [...outer];
}

/**
 * Whether a fold of these facts needs all scopes of the task, once what they touch is loaded: a plan by names is to be
 * folded that comes after scopes inside have done something.
 */
export function needsAllScopes(task: TaskFold, facts: readonly Fact[]): boolean {
  return facts.some((fact) => {
    if (fact.kind !== 'plan' || typeof fact.plan !== 'object') return false;
    const { traceId, spanId } = fact.span;
    return (task.scopes.get(traceId, spanId)?.insideUnits ?? 0) > 0;
  });
}

/**
 * The scopes of a task that begin with these facts and may stand for child tasks: a store gives the fold how far those
 * children are, as far as it knows them.
 */
export function startedParts(facts: readonly Fact[]): SpanIds[] {
  const parts = new SpanMap<SpanIds>();
  for (const fact of facts) {
    if (fact.kind === 'scope-start' && fact.remote === true) touch(parts, fact.span.traceId, fact.span.spanId);
  }
  return [...parts];
}
