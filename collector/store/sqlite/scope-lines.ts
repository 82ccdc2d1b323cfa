import type { ScopeLine, ScopeNode, ScopeRecord } from '../../../src/task-record.ts';
import { changedIn } from '../scope-row.ts';
import type { ScopeChanges, ScopePage, ScopeQuery, StoredScopes } from '../task-store.ts';
import type { ScopeRows } from './reads.ts';

/** A page of a task's scopes as lines. */
export function scopePage({ version, attempts, isLostForGood }: StoredScopes, { of, limit, cursor }: ScopeQuery): ScopePage {
  const from = cursor === undefined ? 0 : numberOf(cursor);
  const all = attempts.map((attempt) => nodeOf(attempt, null));
  const level = of === undefined ? all : find(all, of).scopes;
  const page = level.slice(from, from + limit);
  const next = from + limit < level.length ? { next: cursorOf(from + limit) } : {};
  return { version, scopes: cut(page, limit), ...next, ...(isLostForGood && { isLostForGood }) };
}

/** The lines that have changed after a version. */
export function changedLines(rows: ScopeRows, { version, attempts }: StoredScopes, afterVersion: number): ScopeChanges {
  const changed = new Set(rows.groups.flatMap((group) => changedIn(group, afterVersion)));
  const lines: ScopeLine[] = [];
  const add = (nodes: readonly ScopeNode[]): boolean => {
    let has = false;
    for (const { scopes, ...line } of nodes) {
      const hasInside = add(scopes);
      if (!hasInside && !changed.has(line.span_id)) continue;
      lines.push(line);
      has = true;
    }
    return has;
  };
  add(attempts.map((attempt) => nodeOf(attempt, null)));
  return lines.length > MOST_CHANGES ? { version, scopes: [], isCut: true } : { version, scopes: lines };
}

/** So many changed lines are given one by one. */
const MOST_CHANGES = 1000;

function nodeOf(scope: ScopeRecord & { attempt?: number }, parent: string | null): ScopeNode {
  const scopes = scope.scopes.map((inside) => nodeOf(inside, scope.span_id));
  const { span_id, attempt, name, start, end, outcome, done, total, error } = scope;
  const sum = (count: (node: ScopeNode) => number): number => scopes.reduce((all, node) => all + count(node), 0);
  return {
    span_id, parent, ...(attempt !== undefined && { attempt }), name, start, end, outcome, done, total, error,
    last: scope.notifications.at(-1) ?? null,
    steps: sum(({ steps }) => steps + 1),
    failed: sum((node) => node.failed + (hasFailed(node) ? 1 : 0)),
    running: sum((node) => node.running + (node.outcome === 'running' ? 1 : 0)),
    scopes: scopes.toSorted((one, other) => rankOf(one) - rankOf(other)),
  };
}

function hasFailed({ outcome }: ScopeLine): boolean {
  return outcome === 'failed' || outcome === 'timed_out';
}

function rankOf(node: ScopeNode): number {
  return hasFailed(node) || node.failed > 0 ? 0 : node.outcome === 'running' || node.running > 0 ? 1 : 2;
}

function find(nodes: readonly ScopeNode[], spanId: string): ScopeNode {
  for (const node of nodes) {
    if (node.span_id === spanId) return node;
    try {
      return find(node.scopes, spanId);
    } catch {
      continue;
    }
  }
  throw new RangeError(`of: expected the span id of a scope of the task, got ${JSON.stringify(spanId.slice(0, 100))}`);
}

/** Some of what is inside these nodes, level by level, as many as there is room for. */
function cut(page: readonly ScopeNode[], limit: number): ScopeNode[] {
  let room = limit - page.length;
  const top = page.map((node) => ({ ...node }));
  for (let level = top; level.length > 0;) {
    const next: ScopeNode[] = [];
    for (const node of level) {
      node.scopes = node.scopes.slice(0, room).map((inside) => ({ ...inside }));
      room -= node.scopes.length;
      next.push(...node.scopes);
    }
    level = next;
  }
  return top;
}

function cursorOf(at: number): string {
  return Buffer.from(`s${at}`).toString('base64url');
}

function numberOf(cursor: string): number {
  const text = Buffer.from(cursor, 'base64url').toString();
  if (!/^s\d{1,15}$/.test(text)) throw new RangeError(`cursor: expected the "next" of a page before, got ${JSON.stringify(cursor.slice(0, 100))}`);
  return Number(text.slice(1));
}
