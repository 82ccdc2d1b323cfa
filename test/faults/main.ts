import { parseArgs } from 'node:util';
import { startVitest } from 'vitest/node';

/** `npm run faults -- [--seed N] [--rounds M]`: rounds of faults from this seed on. */
const { values } = parseArgs({ options: { seed: { type: 'string' }, rounds: { type: 'string' } } });
for (const name of ['seed', 'rounds'] as const) {
  const value = values[name];
  if (value === undefined) continue;
  if (!/^\d{1,9}$/.test(value)) throw new RangeError(`--${name}: expected a whole number, got ${JSON.stringify(value)}`);
  process.env[`TASKSPAN_FAULT_${name.toUpperCase()}`] = value;
}
await startVitest('test', [], { project: 'faults', run: true });
