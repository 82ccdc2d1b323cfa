import { received } from './failure.ts';

/** Throws a `TypeError` unless these are options, all of them known. */
export function checkKeys(what: string, options: unknown, known: readonly string[]): asserts options is object {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`${what}: expected an object of options, got ${received(options)}`);
  }
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) {
      throw new TypeError(`${what}: expected options among ${known.join(', ')}, got ${received(key)}`);
    }
  }
}

/** Throws a `TypeError` unless the value is absent or of this type. */
export function checkType(name: string, value: unknown, type: string): void {
  if (value !== undefined && typeof value !== type) {
    throw new TypeError(`${name}: expected a ${type}, got ${received(value)}`);
  }
}
