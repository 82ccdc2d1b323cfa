import { describe } from 'vitest';

/** A suite that needs something of the machine. Where it is missing it throws in CI, else it is skipped and one line says how to get it. */
export function describeWith(isThere: boolean, needed: string, name: string, suite: () => void): void {
  if (isThere) {
    describe(name, suite);
    return;
  }
  const how = `"${name}" needs ${needed}`;
  if (process.env['CI']) throw new Error(how);
  process.stderr.write(`skipped: ${how}\n`);
  describe.skip(name);
}
