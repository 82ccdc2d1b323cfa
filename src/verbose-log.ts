import type { TaskClock } from './clock.ts';
import { linesWithTime, nameLine, needsName } from './log-line.ts';
import type { LineKind, ScopeTree } from './log-line.ts';
import { print, reportOnce } from './report.ts';

/** A scope whose lines are printed. */
interface PrintedScope {
  readonly name: string;
  readonly isOpen: boolean;
  readonly isHeading: boolean;
  isInside(outer: PrintedScope): boolean;
}

/** Options of {@link VerboseLog}. */
export interface VerboseOptions {
  /** Whether each line has its time before it: `2026-11-30T10:15:02.123Z `. Default `false`. */
  times?: boolean;
}

/** Prints a task's log to standard output while it grows. It needs no SDK. */
export class VerboseLog {
  readonly #clock: TaskClock | undefined;
  #latest: PrintedScope | undefined;

  constructor({ times = false }: VerboseOptions, clock: TaskClock) {
    this.#clock = times ? clock : undefined;
  }

  /** Prints lines of a scope, after its name where lines of another scope come between. */
  write(kind: LineKind, scope: PrintedScope, lines: string): void {
    if (lines === '') return;
    const name = needsName(kind, scope, this.#latest, scopeTree) ? nameLine(scope.name, true) : '';
    this.#latest = scope;
    print('stdout', this.#timed(name + lines), (error) => reportOnce('verbose', 'the log could not be printed', error));
  }

  #timed(lines: string): string {
    return this.#clock === undefined ? lines : linesWithTime(lines, this.#clock.now());
  }
}

const scopeTree: ScopeTree<PrintedScope> = {
  isOpen: (scope) => scope.isOpen,
  isHeading: (scope) => scope.isHeading,
  isInside: (scope, outer) => scope.isInside(outer),
};
