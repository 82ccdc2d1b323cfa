import { attemptLine, nameLine, needsName } from './log-line.ts';
import type { LineKind, ScopeTree } from './log-line.ts';
import type { OpenScope } from './open-scope.ts';
import { reportOnce, print } from './report.ts';

/** Prints a task's log to standard output while it grows; it needs no SDK. */
export class VerboseLog {
  #before: OpenScope | undefined;

  /** Prints what stands at the head of an attempt. */
  begin(root: OpenScope, attempt: number): void {
    this.write('other', root, attemptLine(attempt));
  }

  /** Prints what a scope has to say, after its name where another scope's lines stand in between. */
  write(kind: LineKind, scope: OpenScope, lines: string): void {
    if (lines === '') return;
    const name = needsName(kind, scope, this.#before, scopeTree) ? nameLine(scope.name, true) : '';
    this.#before = scope;
    print('stdout', name + lines, (error) => reportOnce('verbose', 'the log could not be printed', error));
  }
}

const scopeTree: ScopeTree<OpenScope> = {
  isOpen: (scope) => scope.isOpen,
  isHeading: (scope) => scope.isHeading,
  isInside: (scope, outer) => scope.isInside(outer),
};
