/**
 * What `npm start` runs: two tasks on real input, an example with a job that fails and an index of a folder. It prints
 * their logs and serves their records until Ctrl-C.
 *
 *     npm start -- --port 0 /some/folder
 */
import { once } from 'node:events';
import { opendir } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { parseArgs, styleText } from 'node:util';
import { diag, DiagLogLevel } from '@opentelemetry/api';
import { runTask } from 'taskspan';
import { startTaskspan } from 'taskspan/collector';
import type { Taskspan } from 'taskspan/collector';
import { indexFolder, LEFT_OUT_NAMES } from './index-folder.ts';
import { counted, humanCount, onOneLine } from './index-report.ts';
import { runSeedTask } from './seed-task.ts';

const HELP = `Usage: npm start -- [options] [folder]

Runs two tasks, an example with a failing job and an index of a folder, and serves their records and logs.

  folder               folder to index (default: ".")
  -p, --port <number>  port to serve the tasks on; 0 takes a free one (default: 4320, env: TASKSPAN_PORT)
  --host <address>     address to serve them on; any but loopback needs TASKSPAN_TOKEN or TASKSPAN_GUARDED (default: "127.0.0.1", env: TASKSPAN_HOST)
  -s, --store <path>   SQLite file that keeps records and logs (default: "./taskspan.sqlite", env: TASKSPAN_STORE)
  --once               exit when the tasks have ended, instead of staying up
  -h, --help           print this
`;

/** A second signal this soon is the same Ctrl-C: npm passes on what the terminal has sent already. */
const SAME_PRESS_MS = 500;

process.exitCode = await main(process.argv.slice(2));

/** Runs the demo and resolves to its exit code: 0, 1 where it could not run, 2 for wrong options. */
async function main(args: readonly string[]): Promise<number> {
  let options: ReturnType<typeof optionsOf>;
  let taskspan: Taskspan;
  try {
    options = optionsOf(args);
  } catch (error) {
    return fail(error, 2);
  }
  if (options.help) {
    print(HELP.trimEnd());
    return 0;
  }
  try {
    await (await opendir(options.folder)).close();
  } catch (error) {
    return fail(new Error(`the folder ${options.folder} can't be read: ${whyUnreadable(error)}`), 1);
  }
  const releaseWarnings = holdWarnings();
  try {
    taskspan = await startTaskspan({ store: options.store, serve: options.serve, registerProvider: true });
  } catch (error) {
    return fail(error, 2);
  }
  try {
    if (taskspan.failures.length > 0) return fail(new Error(taskspan.failures.map(({ message }) => message).join('; ')), 1);
    releaseWarnings();
    await runTasks(taskspan, options, stopSignal());
    return 0;
  } finally {
    await taskspan.close();
  }
}

function optionsOf(args: readonly string[]) {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: {
      port: { type: 'string', short: 'p' },
      host: { type: 'string' },
      store: { type: 'string', short: 's' },
      once: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
    allowPositionals: true,
  });
  const { port, host, once: exits, help, store = process.env['TASKSPAN_STORE'] || './taskspan.sqlite' } = values;
  if (positionals.length > 1) throw new TypeError(`too many arguments: expected one folder, got ${positionals.length}`);
  if (port !== undefined && !/^\d+$/.test(port)) throw new TypeError(`--port: expected a whole number from 0 to 65535, got ${JSON.stringify(port)}`);
  return {
    folder: resolve(positionals[0] ?? '.'),
    store,
    serve: { ...(port !== undefined && { port: Number(port) }), ...(host !== undefined && { host }) },
    exits,
    help,
  };
}

interface RunOptions {
  readonly folder: string;
  readonly store: string;
  /** Whether to exit when the tasks have ended. */
  readonly exits: boolean;
}

async function runTasks(taskspan: Taskspan, { folder, store, exits }: RunOptions, stop: AbortSignal): Promise<void> {
  const tasks = `${taskspan.url}/tasks`;
  print(`Tasks are served on ${strong(tasks)} and kept in ${store}.`);
  const ended = [await runExample(tasks)];
  if (!stop.aborted) ended.push(await runIndex(tasks, folder, store, stop));
  await taskspan.flush();
  printEnded(ended);
  if (exits || stop.aborted) return;
  printWhereToLook(ended, tasks);
  await aborted(stop);
}

/** A task that has ended, for the summary. */
interface EndedTask {
  readonly name: string;
  readonly url: string;
  readonly outcome: 'completed' | 'failed';
  /** More about the outcome. */
  readonly detail: string;
}

async function runExample(tasks: string): Promise<EndedTask> {
  let url = '';
  const updater = await runSeedTask(({ taskName, taskUuid }) => {
    url = `${tasks}/${taskUuid}`;
    printStart('An example with a job that fails on purpose:', taskName, url);
  });
  const error = updater.latestException;
  return error === undefined
    ? { name: updater.taskName, url, outcome: 'completed', detail: '' }
    : { name: updater.taskName, url, outcome: 'failed', detail: messageOf(error) };
}

async function runIndex(tasks: string, folder: string, store: string, signal: AbortSignal): Promise<EndedTask> {
  const name = `Index of ${basename(folder) || folder}`;
  let url = '';
  try {
    const index = await runTask(
      name,
      (updater) => {
        url = `${tasks}/${updater.taskUuid}`;
        printStart(`The folder ${onOneLine(folder)}:`, name, url);
        return indexFolder(updater, folder, { leaveOut: [...LEFT_OUT_NAMES, ...storeFiles(store)], signal });
      },
      { attributes: { folder }, verbose: true },
    );
    const unreadable = index.unreadable === 0 ? '' : `, ${humanCount(index.unreadable)} could not be read`;
    return { name, url, outcome: 'completed', detail: `${counted(index.files, 'file')} read${unreadable}` };
  } catch (error) {
    return { name, url, outcome: 'failed', detail: messageOf(error) };
  }
}

/**
 * The store's own files, which must not be read: when a process closes a file, POSIX removes all locks that the process
 * holds on it, SQLite's among them.
 */
function storeFiles(store: string): string[] {
  return ['', '-wal', '-shm', '-journal'].map((suffix) => basename(store) + suffix);
}

/** Holds taskspan's warnings back until the tasks begin: a demo that can't run reports why itself, in one line. */
function holdWarnings(): () => void {
  let held: string[] | undefined = [];
  const write = (line: string): void => {
    if (held === undefined) process.stderr.write(`${line}\n`);
    else held.push(line);
  };
  const ignore = (): void => undefined;
  diag.setLogger({ error: write, warn: write, info: ignore, debug: ignore, verbose: ignore }, DiagLogLevel.WARN);
  return () => {
    const lines = held ?? [];
    held = undefined;
    for (const line of lines) write(line);
  };
}

/** Aborted by the first SIGINT or SIGTERM, and when standard output can't be written any more. A second signal ends the process. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  let stopped = 0;
  const stop = (reason: string): void => {
    stopped = performance.now();
    controller.abort(new Error(reason));
  };
  for (const [name, exitCode] of [['SIGINT', 130], ['SIGTERM', 143]] as const) {
    process.on(name, () => {
      if (!controller.signal.aborted) stop(`stopped by ${name}`);
      else if (performance.now() - stopped > SAME_PRESS_MS) process.exit(exitCode);
    });
  }
  process.stdout.on('error', () => {
    if (!controller.signal.aborted) stop('stopped: nobody reads the output');
  });
  return controller.signal;
}

/** Resolves when the signal is aborted. The timer keeps the process alive until then: the collector's thread does not. */
async function aborted(signal: AbortSignal): Promise<void> {
  const hold = setInterval(() => {}, 2 ** 30);
  if (!signal.aborted) await once(signal, 'abort');
  clearInterval(hold);
}

function whyUnreadable(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return 'there is none';
    case 'ENOTDIR':
      return 'it is no folder';
    case 'EACCES':
      return 'permission denied';
    default:
      return messageOf(error);
  }
}

function printStart(intro: string, name: string, url: string): void {
  print(`\n${intro}\n${strong(onOneLine(name))}  ${url}`);
}

function printEnded(ended: readonly EndedTask[]): void {
  const width = Math.max(...ended.map(({ name }) => onOneLine(name).length));
  print();
  for (const { name, url, outcome, detail } of ended) {
    const shown = styleText(outcome === 'completed' ? 'green' : 'red', outcome.padEnd('completed'.length));
    print(`${onOneLine(name).padEnd(width)}  ${shown}  ${url}${detail === '' ? '' : `  ${onOneLine(detail)}`}`);
  }
}

function printWhereToLook([first]: readonly EndedTask[], tasks: string): void {
  const url = first?.url ?? tasks;
  print(`
Look at a task from another terminal:
  its record   curl ${url}
  its log      curl -H 'Accept: text/plain' ${url}
  its scopes   curl ${url}/scopes
  all tasks    curl ${tasks}

Ctrl-C stops the server.`);
}

function fail(error: unknown, exitCode: number): number {
  process.stderr.write(`taskspan: ${onOneLine(messageOf(error))}\n`);
  return exitCode;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}

function strong(text: string): string {
  return styleText('bold', text);
}

function print(line = ''): void {
  process.stdout.write(`${line}\n`);
}
