/**
 * A map whose draft costs what it changes, however large the map is. A draft has the entries that it has changed above those
 * that are kept; it leaves these as they are until {@link settle}. Plain data, so that a store can write what has changed.
 */
export interface LayeredMap<Key, Value> {
  readonly kept: Map<Key, Value>;
  readonly changed: Map<Key, Value>;
}

export function layeredMap<Key, Value>(kept: Map<Key, Value> = new Map()): LayeredMap<Key, Value> {
  return { kept, changed: new Map() };
}

export function valueIn<Key, Value>({ kept, changed }: LayeredMap<Key, Value>, key: Key): Value | undefined {
  return changed.get(key) ?? kept.get(key);
}

/** A draft of a map that is settled. */
export function draftOf<Key, Value>({ kept }: LayeredMap<Key, Value>): LayeredMap<Key, Value> {
  return layeredMap(kept);
}

/** Keeps what has changed. Other drafts of the same map are not to be used any more. */
export function settle<Key, Value>({ kept, changed }: LayeredMap<Key, Value>): void {
  for (const [key, value] of changed) kept.set(key, value);
  changed.clear();
}
