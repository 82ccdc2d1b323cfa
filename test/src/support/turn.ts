import { setImmediate } from 'node:timers/promises';

/** Lets whatever is ready run, as an await on real work would. */
export function turn(): Promise<void> {
  return setImmediate();
}
