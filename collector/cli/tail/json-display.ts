import { PassedOutput } from '../passed-output.ts';
import type { TailDisplay } from './tail.ts';

/** Each event as a line of JSON on standard output: `{ "event", "id", "data" }`. */
export function jsonDisplay(): TailDisplay {
  const output = new PassedOutput(process.stdout);
  return {
    update: (event) => output.write(`${JSON.stringify(event)}\n`),
    trouble: (error) => void process.stderr.write(`taskspan: ${error.message}; trying again\n`),
    connected: () => undefined,
    end: () => Promise.resolve(),
  };
}
