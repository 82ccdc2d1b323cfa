import { warnings, print as printTo } from '../../src/report.ts';

/** The warnings of taskspan while a command runs. */
export interface HeldReports {
  /** Prints what was held back, and from now on each report at once. */
  release(): void;
}

/** Holds warnings back: a command that can't run says why itself, in one line. Released, they go to standard error. */
export function holdReports(): HeldReports {
  let held: string[] | undefined = [];
  const print = (line: string): void => {
    if (held === undefined) printTo('stderr', `${line}\n`);
    else held.push(line);
  };
  warnings.write = print;
  return {
    release() {
      const lines = held ?? [];
      held = undefined;
      for (const line of lines) print(line);
    },
  };
}
