import type { TaskState } from '../record/task-record.ts';

/** Exit codes of the command; `docs/command.md` says which subcommand ends with which. */
export const EXIT_OK = 0;
/** The task has failed, or the command could not do its work: then one line on standard error says why. */
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;
export const EXIT_UNKNOWN_TASK = 3;
export const EXIT_CANCELLED = 4;
export const EXIT_LOST = 5;
/** As shells have it: what `run` is to run is no program. */
export const EXIT_NOT_EXECUTABLE = 126;
export const EXIT_NOT_FOUND = 127;
/** As shells have it: this and a signal's number. */
export const EXIT_BY_SIGNAL = 128;

/** As `--help` tells them. */
export const EXIT_CODES_HELP: string = `
Exit codes: 0 all went well, or the task has completed; 1 the task has failed, or what was asked
could not be done; 2 wrong usage; 3 no such task; 4 the task was cancelled; 5 it is lost.
\`run\` ends as its program does: 126 and 127 where there is none, 128 and more by a signal.`;

/** Takes the exit code of a subcommand that ends with another one than 0. */
export type ExitWith = (code: number) => void;

/** How a command ends that waited for a task. */
export function exitCodeOf(state: TaskState): number {
  switch (state) {
    case 'completed':
      return EXIT_OK;
    case 'cancelled':
      return EXIT_CANCELLED;
    case 'lost':
      return EXIT_LOST;
    default:
      return EXIT_FAILED;
  }
}
