import { constants } from 'node:os';
import { carrierEnv } from '../../src/carrier.ts';
import { TaskUpdater } from '../../src/task-updater.ts';
import { closeLiveTasks } from '../../src/worker.ts';
import { startTaskspan } from '../start-taskspan.ts';
import type { Taskspan } from '../start-taskspan.ts';
import type { TaskStore } from '../store/task-store.ts';
import { redactedText } from '../options/kinds.ts';
import { EXIT_BY_SIGNAL, EXIT_FAILED, EXIT_NOT_EXECUTABLE, EXIT_NOT_FOUND } from './exit-codes.ts';
import { runChild } from './run-child.ts';
import type { ChildEnd } from './run-child.ts';

/** Options of `taskspan run`. */
export interface RunOptions {
  /** The file of record and log. Default: that of `startTaskspan`, which sends them where the environment names an endpoint. */
  readonly store?: string;
  /** The task's name. Default: the command line, without passwords and parameters of URLs. */
  readonly name?: string;
  readonly uuid?: string;
  readonly attempt?: number;
  /** Whether the program's output is in the log alone. */
  readonly quiet?: boolean;
  /** Whether the record is printed at the end. The program's output then goes to standard error. */
  readonly json?: boolean;
}

/** The longest name that a task gets from its command line, in characters. */
const LONGEST_NAME = 256;
/** The program waits for the store after so much output, in characters. */
const FLUSH_AFTER = 8 * 1024 * 1024;

/**
 * Runs a program as a task and resolves to the exit code for its end. The program runs also where it can't be recorded,
 * which is reported on standard error.
 */
export async function run([command = '', ...args]: readonly string[], options: RunOptions): Promise<number> {
  const { store, name = redactedText([command, ...args].join(' ')).slice(0, LONGEST_NAME), uuid, attempt, quiet = false, json = false } = options;
  const taskspan = await startRecording(store);
  const updater = new TaskUpdater({
    taskName: name,
    attributes: { 'process.executable.name': command },
    ...(uuid !== undefined && { taskUuid: uuid }),
    ...(attempt !== undefined && { attempt }),
  });
  if (taskspan !== undefined && !quiet) process.stderr.write(`taskspan: task ${updater.taskUuid}\n`);

  let unflushed = 0;
  let lastSignal: NodeJS.Signals | undefined;
  let exitCode: number;
  try {
    const end = await runChild({
      command,
      args,
      env: taskspan === undefined ? {} : carrierEnv(updater.carrier()),
      passTo: quiet ? undefined : { stdout: json ? process.stderr : process.stdout, stderr: process.stderr },
      onLine(line, from) {
        updater.notify(line, { 'log.iostream': from });
        unflushed += line.length + 1;
        if (unflushed < FLUSH_AFTER) return undefined;
        unflushed = 0;
        return taskspan?.flush();
      },
      onSignal: (signal) => (lastSignal = signal),
      cancelled: updater.signal,
    });
    exitCode = codeOf(end);
    updater.setResult({ exit_code: end.exitCode, signal: end.signal });
    endTask(updater, end, lastSignal);
  } catch (error) {
    exitCode = codeOfError(error);
    updater.fail(error);
    process.stderr.write(`taskspan: ${command} can't be run: ${REASONS.get(exitCode) ?? (error as Error).message}\n`);
  }
  if (taskspan !== undefined) {
    if (json) {
      await taskspan.flush();
      await printRecord(taskspan.store, updater.taskUuid);
    }
    await taskspan.close();
  }
  return exitCode;
}

/** `undefined` where a variable is invalid: then nothing is recorded. */
async function startRecording(store: string | undefined): Promise<Taskspan | undefined> {
  try {
    return await startTaskspan({ ...(store !== undefined && { store }), serve: false, handleSignals: false });
  } catch (error) {
    process.stderr.write(`taskspan: nothing is recorded: ${(error as Error).message}\n`);
    return undefined;
  }
}

/**
 * Ends the task as its program ended:
 * - completed, where it exits with 0
 * - cancelled, where its cancellation was requested, where it ends by the signal that was passed on, or where the reader
 *   of its output is gone
 * - failed otherwise
 */
function endTask(updater: TaskUpdater, end: ChildEnd, lastSignal: NodeJS.Signals | undefined): void {
  if (end.exitCode === 0) {
    updater.complete();
    return;
  }
  // A program whose output has no reader any more ends by an error of its next write, each in its own way.
  const isStopped = (signal: NodeJS.Signals): boolean =>
    signal === 'SIGPIPE' || end.signal === signal || end.exitCode === EXIT_BY_SIGNAL + constants.signals[signal];
  if (end.cancelled) updater.fail(updater.signal.reason);
  else if (lastSignal !== undefined && isStopped(lastSignal)) {
    closeLiveTasks({ outcome: 'cancelled', notice: `Stopped by ${lastSignal}` });
  } else updater.fail(new CommandFailedError(end.exitCode, end.signal));
}

function codeOf({ exitCode, signal }: ChildEnd): number {
  return exitCode ?? EXIT_BY_SIGNAL + (signal === null ? 0 : constants.signals[signal]);
}

const REASONS: ReadonlyMap<number, string> = new Map([
  [EXIT_NOT_FOUND, 'there is no such program'],
  [EXIT_NOT_EXECUTABLE, 'it may not be executed'],
]);

function codeOfError(error: unknown): number {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return EXIT_NOT_FOUND;
    case 'EACCES':
      return EXIT_NOT_EXECUTABLE;
    default:
      return EXIT_FAILED;
  }
}

/** Prints the record as the store has it. Where it can't be read, the outcome of the command is still that of the program. */
async function printRecord(store: TaskStore, uuid: string): Promise<void> {
  try {
    const [{ recordLog }, { recordJson }] = await Promise.all([import('../server/task-log.ts'), import('../record/record-json.ts')]);
    const task = await store.stored(uuid);
    const log = task && (await recordLog(store, task));
    if (task === undefined || log === undefined) throw new Error(`the store has no task ${uuid}`);
    process.stdout.write(`${recordJson(task, log)}\n`);
  } catch (error) {
    process.stderr.write(`taskspan: there is no record to print: ${(error as Error).message}\n`);
  }
}

/** A program has failed: its exit code, or the signal that ended it. */
export class CommandFailedError extends Error {
  override readonly name = 'CommandFailedError';
  readonly code = 'TASKSPAN_COMMAND_FAILED';
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;

  constructor(exitCode: number | null, signal: NodeJS.Signals | null) {
    super(signal === null ? `exit code ${exitCode}` : `ended by signal ${signal}`);
    this.exitCode = exitCode;
    this.signal = signal;
  }
}
