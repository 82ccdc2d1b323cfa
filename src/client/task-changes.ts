import type { Attributes } from '@opentelemetry/api';
import type { ScopeLine, ScopeNode } from '../task-record.ts';

/** The lines of one fact in a log. */
export interface LogEntryJson {
  offset: number;
  time: string;
  span_id: string;
  kind: string;
  text: string;
  attributes: Attributes;
}

/** The log as far as it is known, in parts. Only the last part still grows; a part that another one follows never changes. */
export interface WatchedLog<Part = string> {
  /** Byte of the whole log at which the first part begins. */
  readonly from: number;
  /** Byte of the whole log at which the last part ends. */
  readonly bytes: number;
  readonly parts: readonly Part[];
}

/** A part of a log: text, or entries. */
export type LogPart = string | readonly LogEntryJson[];

/** A part that is longer, in characters or entries, is complete. */
const PART_LENGTH = { string: 16_384, object: 500 };

export function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** The log with what it gained. */
export function grownLog<Part extends LogPart>(log: WatchedLog<Part>, gain: Part, bytes: number): WatchedLog<Part> {
  const { from, parts } = log;
  const last = parts.at(-1);
  const isOpen = last !== undefined && last.length < PART_LENGTH[typeof last as 'string' | 'object'];
  const grown = isOpen ? [...parts.slice(0, -1), last.concat(gain as never) as Part] : [...parts, gain];
  return { from, bytes, parts: grown };
}

/** An object with the values of another, keeping those of its own that are equal; itself if all are. */
export function merged<T extends object>(before: T | undefined, now: T): T {
  const entries = Object.entries(now);
  let isSame = before !== undefined && Object.keys(before).length === entries.length;
  const result: Record<string, unknown> = {};
  for (const [name, value] of entries) {
    const old = before?.[name as keyof T];
    const isEqual = old === value || JSON.stringify(old) === JSON.stringify(value);
    result[name] = isEqual ? old : value;
    isSame &&= isEqual;
  }
  return isSame ? before! : (result as T);
}

/** The scopes of a task, to be found by their span ids. */
export interface ScopeTree {
  /** Begins anew with these. */
  begin(attempts: readonly ScopeNode[]): readonly ScopeNode[];
  /** The attempts with changed scopes: all that has not changed is shared with those before. */
  change(lines: readonly ScopeLine[]): readonly ScopeNode[];
}

export function scopeTree(): ScopeTree {
  let attempts: ScopeNode[] = [];
  /** Each scope, and where it stands among those of its parent. */
  const places = new Map<string, { node: ScopeNode; at: number }>();

  const index = (nodes: readonly ScopeNode[]): void => {
    for (const [at, node] of nodes.entries()) {
      places.set(node.span_id, { node, at });
      index(node.scopes);
    }
  };

  return {
    begin(given) {
      places.clear();
      index(given);
      return (attempts = [...given]);
    },
    change(lines) {
      attempts = [...attempts];
      const own = new Set<ScopeNode>();
      /** A scope of the new tree, which may still be changed. */
      const owned = (id: string, line?: ScopeLine): ScopeNode => {
        const place = places.get(id);
        let node = place?.node;
        if (node === undefined || !own.has(node)) own.add((node = { ...node!, scopes: [...(node?.scopes ?? [])] }));
        Object.assign(node, line);
        const among = node.parent === null ? attempts : owned(node.parent).scopes;
        const at = place?.at ?? among.length;
        among[at] = node;
        places.set(id, { node, at });
        return node;
      };
      // Scopes inside one that the server has left out are left out too: it has their numbers.
      let waiting = lines;
      for (let left = -1; left !== waiting.length; ) {
        left = waiting.length;
        waiting = waiting.filter((line) => {
          const isKnown = line.parent === null || places.has(line.parent);
          if (isKnown) owned(line.span_id, line);
          return !isKnown;
        });
      }
      return attempts;
    },
  };
}
