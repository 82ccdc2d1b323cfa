/** Stores for which something in this process listens to workers already, a collector in its own thread above all. */
const listened = new WeakSet<object>();

/** Says that somebody listens for this store. */
export function markListened(store: object): void {
  listened.add(store);
}

/** Whether somebody does. */
export function hasListener(store: object): boolean {
  return listened.has(store);
}
