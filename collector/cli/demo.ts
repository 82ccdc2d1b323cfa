import { opendir } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { styleText } from 'node:util';
import { describeFailure, failureText } from '../../src/failure.ts';
import { runTask } from '../../src/run-task.ts';
import { CommandError } from './command-error.ts';
import { counted, humanCount, onOneLine } from './human-text.ts';
import { LEFT_OUT_NAMES } from './index-folder/index-folder-options.ts';
import { indexFolder } from './index-folder/index-folder.ts';
import { runSeedExample } from './seed-example.ts';
import { startServing } from './serving.ts';
import { held, listenForStop } from './stop-signal.ts';

/** Options of `taskspan demo`. */
export interface DemoOptions {
  readonly port: number;
  readonly host: string;
  readonly store: string;
  /** Whether to exit when the tasks have ended. */
  readonly once?: boolean;
}

/**
 * Runs two tasks on real input, prints their logs and serves them until it is told to stop.
 *
 * Rejects with a {@link CommandError} where the folder, the port or the store is no good, before
 * any task runs.
 */
export async function demo(folder: string, options: DemoOptions): Promise<void> {
  const path = await readableFolder(folder);
  const { store, port, host } = options;
  const taskspan = await startServing({ store, port, host });
  const stop = listenForStop();
  try {
    const tasks = `${taskspan.url}/tasks`;
    print(`Tasks are served on ${strong(tasks)} and kept in ${store}.`);
    const ended = [await runExample(tasks)];
    if (!stop.signal.aborted) ended.push(await runIndex(tasks, path, store, stop.signal));
    await taskspan.flush();
    tellEnded(ended);
    if (options.once !== true && !stop.signal.aborted) {
      tellWhereToLook(ended, tasks);
      await held(stop.stopped);
    }
  } finally {
    await taskspan.close();
    stop.release();
  }
}

/** A task that has ended, for the summary. */
interface EndedTask {
  readonly name: string;
  readonly url: string;
  readonly outcome: 'completed' | 'failed';
  /** What else is to be said of the outcome. */
  readonly detail: string;
}

async function runExample(tasks: string): Promise<EndedTask> {
  let url = '';
  const updater = await runSeedExample(({ taskName, taskUuid }) => {
    url = `${tasks}/${taskUuid}`;
    tellStart('An example with a job that fails on purpose:', taskName, url);
  });
  const error = updater.latestException;
  return error === undefined
    ? { name: updater.taskName, url, outcome: 'completed', detail: '' }
    : { name: updater.taskName, url, outcome: 'failed', detail: failureText(describeFailure(error)) };
}

async function runIndex(tasks: string, folder: string, store: string, signal: AbortSignal): Promise<EndedTask> {
  const name = `Index of ${basename(folder) || folder}`;
  let url = '';
  try {
    const index = await runTask(
      name,
      (updater) => {
        url = `${tasks}/${updater.taskUuid}`;
        tellStart(`The folder ${onOneLine(folder)}:`, name, url);
        return indexFolder(updater, folder, { leaveOut: [...LEFT_OUT_NAMES, ...storeFiles(store)], signal });
      },
      { attributes: { folder }, verbose: true },
    );
    const unreadable = index.unreadable === 0 ? '' : `, ${humanCount(index.unreadable)} could not be read`;
    return { name, url, outcome: 'completed', detail: `${counted(index.files, 'file')} read${unreadable}` };
  } catch (error) {
    return { name, url, outcome: 'failed', detail: failureText(describeFailure(error)) };
  }
}

/**
 * The store's own files, which must not be read: when a process closes a file, POSIX takes away
 * all locks that it holds there, SQLite's among them.
 */
function storeFiles(store: string): string[] {
  return ['', '-wal', '-shm', '-journal'].map((suffix) => basename(store) + suffix);
}

async function readableFolder(folder: string): Promise<string> {
  const path = resolve(folder);
  try {
    await (await opendir(path)).close();
  } catch (error) {
    throw new CommandError(`the folder ${path} can't be read: ${whyNot(error)}`, { cause: error });
  }
  return path;
}

function whyNot(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return 'there is none';
    case 'ENOTDIR':
      return 'it is no folder';
    case 'EACCES':
      return 'permission denied';
    default:
      return failureText(describeFailure(error));
  }
}

function tellStart(intro: string, name: string, url: string): void {
  print(`\n${intro}\n${strong(onOneLine(name))}  ${url}`);
}

function tellEnded(ended: readonly EndedTask[]): void {
  const width = Math.max(...ended.map(({ name }) => onOneLine(name).length));
  print();
  for (const { name, url, outcome, detail } of ended) {
    const shown = styleText(outcome === 'completed' ? 'green' : 'red', outcome.padEnd('completed'.length));
    print(`${onOneLine(name).padEnd(width)}  ${shown}  ${url}${detail === '' ? '' : `  ${onOneLine(detail)}`}`);
  }
}

function tellWhereToLook([first]: readonly EndedTask[], tasks: string): void {
  const url = first?.url ?? tasks;
  print(`
Look at a task from another terminal:
  its record   curl ${url}
  its log      curl -H 'Accept: text/plain' ${url}
  its scopes   curl ${url}/scopes
  all tasks    curl ${tasks}

Ctrl-C stops the server.`);
}

function strong(text: string): string {
  return styleText('bold', text);
}

function print(line = ''): void {
  process.stdout.write(`${line}\n`);
}
