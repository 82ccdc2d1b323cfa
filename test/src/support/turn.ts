import { setImmediate } from 'node:timers/promises';

/** Lets all code run that is ready, as an await on real work would. */
export function turn(): Promise<void> {
  return setImmediate();
}
