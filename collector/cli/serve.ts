import { print as printTo, warnings } from '../../src/report.ts';
import { redacted } from '../options/kinds.ts';
import { startTaskspan } from '../start-taskspan.ts';
import type { Taskspan } from '../start-taskspan.ts';
import { CommandError, UsageError } from './exit-codes.ts';
import { held, listenForStop } from './process.ts';

/** Options of `taskspan serve`. */
export interface ServingOptions {
  readonly port: number;
  readonly host: string;
  readonly store: string;
  /** The receiver of the spans that lost tasks have left open. Default: that of the environment, if there is one. */
  readonly endpoint?: string;
}

/** Serves the tasks of a store by HTTP, and receives facts of other processes, until a signal stops it. */
export async function serve(options: ServingOptions): Promise<void> {
  const taskspan = await startServing(options);
  const stop = listenForStop(false);
  try {
    process.stdout.write(`Tasks are served on ${taskspan.url}/tasks and kept in ${redacted(options.store)}. Ctrl-C stops the server.\n`);
    await held(stop.stopped);
  } finally {
    await taskspan.close();
    stop.release();
  }
}

/** Rejects with a {@link CommandError} where the port or the store can't be used. */
async function startServing({ store, port, host, endpoint }: ServingOptions): Promise<Taskspan> {
  const releaseWarnings = holdWarnings();
  const taskspan = await startTaskspan({
    store,
    serve: { port, host, receive: true },
    registerProvider: false,
    ...(endpoint !== undefined && { endpoint }),
  }).catch((error: Error) => {
    throw new UsageError(error.message);
  });
  if (taskspan.failures.length > 0) {
    await taskspan.close();
    throw new CommandError(taskspan.failures.map(({ message }) => message).join('; '));
  }
  releaseWarnings();
  return taskspan;
}

/** Holds warnings back: a command that can't run reports why itself, in one line. The result prints them from then on. */
function holdWarnings(): () => void {
  let lines: string[] | undefined = [];
  const print = (line: string): void => {
    if (lines === undefined) printTo('stderr', `${line}\n`);
    else lines.push(line);
  };
  warnings.write = print;
  return () => {
    const waiting = lines ?? [];
    lines = undefined;
    for (const line of waiting) print(line);
  };
}
