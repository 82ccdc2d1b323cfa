import type { ScopeLine, ScopeNode } from '../task-record.ts';

/**
 * Keeps the scopes of a task. What it returns is given the attempts, to begin anew, or lines of scopes that may have
 * changed, each after the scope around it, and gives the attempts then. All that has not changed is shared with those before, so
 * that a change costs its own size.
 */
export function scopeTree(): (begun?: readonly ScopeNode[], lines?: readonly ScopeLine[]) => readonly ScopeNode[] {
  let attempts: readonly ScopeNode[] = [];
  let changes = 0;
  /** Each scope, its place among those of its parent, and the number of the change that has made this object. */
  const places = new Map<string, readonly [node: ScopeNode, at: number, madeBy?: number]>();

  const index = (nodes: readonly ScopeNode[]): void =>
    nodes.forEach((node, at) => {
      places.set(node.span_id, [node, at]);
      index(node.scopes);
    });

  return (begun, lines) => {
    if (begun) {
      places.clear();
      index((attempts = begun));
    }
    if (lines) {
      const roots = [...attempts];
      changes++;
      /** A scope of the new tree, which may still be changed. */
      const owned = (id: string, line?: ScopeLine): ScopeNode => {
        let [node, at, madeBy] = places.get(id) ?? [];
        if (madeBy !== changes) node = { ...node!, scopes: [...(node?.scopes ?? [])] };
        Object.assign(node!, line);
        const among = node!.parent === null ? roots : owned(node!.parent).scopes;
        places.set(id, [node!, (at ??= among.length), changes]);
        return (among[at] = node!);
      };
      for (const line of lines) {
        const known = places.get(line.span_id)?.[0];
        const isNew = JSON.stringify(line) !== JSON.stringify({ ...known, scopes: undefined });
        // What is inside a scope that the server has left out is left out too: the scopes around it have its numbers.
        if (isNew && (line.parent === null || places.has(line.parent))) owned(line.span_id, line);
      }
      attempts = roots;
    }
    return attempts;
  };
}
