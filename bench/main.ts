import { fork } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import type { BenchmarkResult, Figure } from './figure.ts';
import { tableOf } from './table.ts';

/** Runs all benchmarks, or those that are named, each in its own process, and prints one table. */
const BENCHMARKS = ['notify', 'durable', 'flat', 'scope', 'no-sdk', 'each', 'http', 'page', 'served-while-busy', 'heap', 'watchers', 'heartbeats', 'ingest', 'latency-otlp', 'shapes'] as const;
/** Benchmarks that take long, fill a disk or need a browser: they run only by name. */
const ON_DEMAND = ['lists', 'overload', 'browser'] as const;

const HELP = `npm run bench -- [NAME…] [--quick] [--json FILE] [--profile FOLDER]

  NAME              ${BENCHMARKS.join(', ')}; default all
                    ${ON_DEMAND.join(', ')}: only by name
  --quick           few and short rounds: to see that it works, not to be quoted
  --json FILE       writes the figures to a file too
  --profile FOLDER  writes a CPU profile of each process and thread there (.cpuprofile)
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    profile: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  process.stdout.write(HELP);
} else {
  const unknown = positionals.find((name) => !([...BENCHMARKS, ...ON_DEMAND] as readonly string[]).includes(name));
  if (unknown === undefined) await runAll(positionals.length > 0 ? positionals : BENCHMARKS);
  else {
    process.stderr.write(`${unknown}: expected a benchmark among ${[...BENCHMARKS, ...ON_DEMAND].join(', ')}\n`);
    process.exitCode = 1;
  }
}

async function runAll(names: readonly string[]): Promise<void> {
  const machine = `Node ${process.versions.node}, ${process.platform} ${process.arch}, ${cpus().length} cores`;
  const before = load();
  const all: Figure[] = [];
  for (const name of names) {
    process.stderr.write(`${name} …\n`);
    const { figures } = await run(name);
    all.push(...figures);
  }
  const after = load();
  const quick = values.quick ? ' (quick: not to be quoted)' : '';
  process.stdout.write(`\n${machine}, load ${before} before, ${after} after${quick}\n\n${tableOf(all)}\n`);
  if (values.json === undefined) return;
  writeFileSync(values.json, `${JSON.stringify({ machine, load: { before, after }, quick: values.quick, figures: all }, null, 2)}\n`);
}

/** Load of the machine over the last minute: above the number of cores nothing here is to be trusted. */
function load(): string {
  return loadavg()[0]!.toFixed(2);
}

function run(name: string): Promise<BenchmarkResult> {
  const profile = values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${values.profile}`];
  return new Promise((resolve, reject) => {
    const child = fork(new URL('run-benchmark.ts', import.meta.url), [name, values.quick ? 'quick' : 'full'], {
      execArgv: ['--disable-warning=ExperimentalWarning', '--expose-gc', ...profile],
    });
    let result: BenchmarkResult | undefined;
    child.on('message', (message) => (result = message as BenchmarkResult));
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      if (result !== undefined && code === 0) resolve(result);
      else reject(new Error(`${name} ended with ${signal ?? `code ${code}`} and sent no figures`));
    });
  });
}
