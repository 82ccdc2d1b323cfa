import type { BenchmarkResult, Figure } from './figure.ts';
import { effortOf } from './rounds.ts';
import type { Effort } from './rounds.ts';

/** One benchmark, in a process of its own: tells its figures to the process that started it. */
const [name, effort] = process.argv.slice(2);
const { measure } = (await import(`./${name}.ts`)) as { measure: (effort: Effort) => Promise<Figure[]> };
const result: BenchmarkResult = { figures: await measure(effortOf(effort === 'quick')) };
process.send!(result, () => process.disconnect());
