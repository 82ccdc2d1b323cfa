import type { ScopeRecord } from '../../collector/index.ts';
import type { StoredTaskEvidence, WorkerEvidence } from './evidence.ts';
import type { ReportedFact } from './worker-lines.ts';

/** A fact, and when a worker reported it. */
export interface Report {
  readonly fact: ReportedFact;
  /** Index of the worker's line before the call. */
  readonly begun: number;
  /** Index of the worker's line after the call; `undefined` where the worker was killed in between. */
  readonly returned: number | undefined;
  readonly at: number | undefined;
  readonly isAcknowledged: boolean;
}

/** The facts that a worker reported, in the order in which the calls began. */
export function reportsOf({ lines }: Pick<WorkerEvidence, 'lines'>): Report[] {
  const returns = new Map<number, { line: number; at: number }>();
  const flushingAt = new Map<number, number>();
  let acknowledged = -1;
  for (const [line, entry] of lines.entries()) {
    if (entry.is === 'reported') returns.set(entry.number, { line, at: entry.at });
    else if (entry.is === 'flushing') flushingAt.set(entry.number, line);
    else if (entry.is === 'flushed') acknowledged = Math.max(acknowledged, flushingAt.get(entry.number)!);
  }
  return lines.flatMap((entry, begun) => {
    if (entry.is !== 'reporting') return [];
    const returned = returns.get(entry.number);
    const isAcknowledged = returned !== undefined && returned.line < acknowledged;
    return [{ fact: entry.fact, begun, returned: returned?.line, at: returned?.at, isAcknowledged }];
  });
}

/** Finds facts in what is stored of a task. */
export class StoredFacts {
  readonly #stored: StoredTaskEvidence | undefined;
  readonly #scopes = new Map<string, ScopeRecord>();
  readonly #lines: ReadonlySet<string>;

  constructor(stored: StoredTaskEvidence | undefined) {
    this.#stored = stored;
    this.#lines = new Set(stored?.record.log.split('\n'));
    for (const scope of scopesIn(stored?.attempts ?? [])) this.#scopes.set(scope.name, scope);
  }

  /** Whether a fact is stored: in the log, in the tree of scopes, or in both where it belongs into both. */
  has(fact: ReportedFact): boolean {
    const scope = 'scope' in fact ? this.#scopes.get(fact.scope) : undefined;
    switch (fact.kind) {
      case 'task-start':
        return this.#stored !== undefined;
      case 'scope-start':
        return scope !== undefined && this.#lines.has(startLine(fact.scope));
      case 'message':
        return this.#lines.has(`\t${fact.text}`);
      case 'progress':
        return (scope?.done ?? 0) >= fact.done;
      case 'scope-end':
        return scope?.outcome === fact.outcome;
      default:
        return this.#stored?.record.state === fact.state;
    }
  }
}

/** All scopes of a task, at any depth, without its attempts. */
export function scopesIn(records: readonly ScopeRecord[]): ScopeRecord[] {
  return records.flatMap(({ scopes }) => [...scopes, ...scopesIn(scopes)]);
}

/** The line of the log where a scope begins. */
export function startLine(scope: string): string {
  return `\t - ${scope}`;
}

/** A fact in a few words, for the reports of the suite. */
export function named(fact: ReportedFact): string {
  const { kind, task } = fact;
  const what = 'text' in fact ? fact.text : 'done' in fact ? `${fact.scope} ${fact.done}` : 'scope' in fact ? fact.scope : '';
  return `${kind} ${what} of ${task}`;
}
