import type { ScopeLine, ScopeNode, ScopeRecord } from '../../../src/task-record.ts';
import type { TaskStore } from '../../store/task-store.ts';

/** The attempts of a task as streams have them. */
export async function scopesOf(store: TaskStore, uuid: string): Promise<{ version: number; scopes: ScopeNode[] } | undefined> {
  const found = await store.scopes(uuid);
  return found && { version: found.version, scopes: found.attempts.map((attempt) => nodeOf(attempt, null)) };
}

/** The lines of the scopes of a task that may have changed after a version. */
export async function scopeChanges(store: TaskStore, uuid: string, after: number): Promise<{ version: number; scopes: ScopeLine[] } | undefined> {
  const found = await scopesOf(store, uuid);
  if (found === undefined || found.version === after) return found && { version: found.version, scopes: [] };
  return { version: found.version, scopes: found.scopes.flatMap(linesOf) };
}

function linesOf({ scopes, ...line }: ScopeNode): ScopeLine[] {
  return [line, ...scopes.flatMap(linesOf)];
}

function nodeOf(scope: ScopeRecord & { attempt?: number }, parent: string | null): ScopeNode {
  const { span_id, name, start, end, outcome, done, total, error, notifications } = scope;
  const scopes = scope.scopes.map((inside) => nodeOf(inside, span_id));
  const sum = (of: (node: ScopeNode) => number): number => scopes.reduce((count, node) => count + of(node), 0);
  return {
    span_id, parent, ...(scope.attempt !== undefined && { attempt: scope.attempt }), name, start, end, outcome, done, total, error,
    last: notifications.at(-1) ?? null,
    steps: sum((node) => node.steps + 1),
    failed: sum((node) => node.failed + (node.outcome === 'failed' ? 1 : 0)),
    running: sum((node) => node.running + (node.outcome === 'running' ? 1 : 0)),
    scopes,
  };
}
