import type { ScopeLine, ScopeNode } from '../task-record.ts';

type Id = string | null | undefined;

/**
 * Keeps the scopes of a task. What it returns is given the attempts, to begin anew, or lines of scopes that may have
 * changed, each after the scope around it, and gives the attempts then. All that has not changed is shared with those
 * before.
 *
 * A scope of which more facts have come may stand inside another one than before.
 */
export function scopeTree(): (begun?: readonly ScopeNode[], lines?: readonly ScopeLine[]) => readonly ScopeNode[] {
  /** Each scope by its span id, and the ids of those inside it. The attempts are inside one that has no id. */
  let scopes: Map<Id, readonly [node: ScopeNode, inside: Set<string>]> | undefined;

  return (begun, lines) => {
    const known = (scopes = (!begun && scopes) || new Map([[null, [{ scopes: [] as ScopeNode[] } as ScopeNode, new Set()]]]));
    const changed = new Set<Id>();
    /** Marks a scope and all around it. */
    const touch = (id: Id): void => {
      for (; !changed.has(id); id = known.get(id)?.[0].parent) changed.add(id);
    };
    const take = (given: readonly (ScopeLine & Partial<ScopeNode>)[] = []): void => {
      for (const line of given) {
        const id = line.span_id;
        const [before, inside = new Set<string>()] = known.get(id) ?? [];
        const around = known.get(line.parent)?.[1];
        const aroundBefore = known.get(before?.parent)?.[1];
        // What is inside a scope that the server has left out is left out too: the scopes around it have its numbers.
        if (!around || JSON.stringify(line) === JSON.stringify({ ...before, scopes: line.scopes })) continue;
        touch(before?.parent);
        if (aroundBefore !== around) aroundBefore?.delete(id);
        around.add(id);
        known.set(id, [line as ScopeNode, inside]);
        touch(id);
        take(line.scopes);
      }
    };
    const built = (id: Id): ScopeNode => {
      let [node, inside] = known.get(id)!;
      if (changed.has(id)) known.set(id, [(node = { ...node, scopes: [...inside].map(built) }), inside]);
      return node;
    };
    take(begun);
    take(lines);
    return built(null).scopes;
  };
}
