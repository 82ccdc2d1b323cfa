import type { BenchmarkResult, Figure } from './figure.ts';
import { effortOf } from './rounds.ts';
import type { Effort } from './rounds.ts';

/** Runs one benchmark in its own process, and sends its figures to the process that started it. */
const [name, effort] = process.argv.slice(2);
const { measure } = (await import(`./${name}.ts`)) as { measure: (effort: Effort) => Promise<Figure[]> };
const result: BenchmarkResult = { figures: await measure(effortOf(effort === 'quick')) };
process.send!(result, () => process.disconnect());
