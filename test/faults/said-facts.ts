import type { ScopeRecord } from '../../collector/index.ts';
import type { StoredTaskEvidence, WorkerEvidence } from './evidence.ts';
import type { SaidFact } from './said.ts';

/** A fact as a worker told it. */
export interface Said {
  readonly fact: SaidFact;
  /** Line of the worker before the call, and the one after it; none where it was killed in between. */
  readonly saying: number;
  readonly said: number | undefined;
  readonly at: number | undefined;
  readonly isAcknowledged: boolean;
}

/** What a worker said, in the order in which it began to. */
export function saidFacts({ lines }: Pick<WorkerEvidence, 'lines'>): Said[] {
  const saidAt = new Map<number, { line: number; at: number }>();
  const flushingAt = new Map<number, number>();
  let acknowledged = -1;
  for (const [line, entry] of lines.entries()) {
    if (entry.is === 'said') saidAt.set(entry.number, { line, at: entry.at });
    else if (entry.is === 'flushing') flushingAt.set(entry.number, line);
    else if (entry.is === 'flushed') acknowledged = Math.max(acknowledged, flushingAt.get(entry.number)!);
  }
  return lines.flatMap((entry, saying) => {
    if (entry.is !== 'saying') return [];
    const said = saidAt.get(entry.number);
    const isAcknowledged = said !== undefined && said.line < acknowledged;
    return [{ fact: entry.fact, saying, said: said?.line, at: said?.at, isAcknowledged }];
  });
}

/** What is stored of a task, to be asked for facts. */
export class StoredFacts {
  readonly #stored: StoredTaskEvidence | undefined;
  readonly #scopes = new Map<string, ScopeRecord>();
  readonly #lines: ReadonlySet<string>;

  constructor(stored: StoredTaskEvidence | undefined) {
    this.#stored = stored;
    this.#lines = new Set(stored?.record.log.split('\n'));
    for (const scope of scopesIn(stored?.attempts ?? [])) this.#scopes.set(scope.name, scope);
  }

  /** Whether a fact is there, in the log and in the tree of scopes where it belongs into both. */
  has(fact: SaidFact): boolean {
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

/** All scopes of a task, the attempts left out. */
export function scopesIn(records: readonly ScopeRecord[]): ScopeRecord[] {
  return records.flatMap(({ scopes }) => [...scopes, ...scopesIn(scopes)]);
}

/** How the log tells that a scope begins. */
export function startLine(scope: string): string {
  return `\t - ${scope}`;
}

/** A fact in a few words. */
export function named(fact: SaidFact): string {
  const { kind, task } = fact;
  const what = 'text' in fact ? fact.text : 'done' in fact ? `${fact.scope} ${fact.done}` : 'scope' in fact ? fact.scope : '';
  return `${kind} ${what} of ${task}`;
}
