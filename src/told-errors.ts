/** The errors that scopes inside a scope have told, so that it does not tell them as its own. */
export class ToldErrors {
  #objects: WeakSet<object> | undefined;
  #values: Set<unknown> | undefined;

  add(thrown: unknown): void {
    if (isObject(thrown)) (this.#objects ??= new WeakSet()).add(thrown);
    else (this.#values ??= new Set()).add(thrown);
  }

  has(thrown: unknown): boolean {
    return isObject(thrown) ? (this.#objects?.has(thrown) ?? false) : (this.#values?.has(thrown) ?? false);
  }
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}
