import type { Attributes } from '@opentelemetry/api';
import type { Fact, NotificationFact } from '../../src/fact.ts';
import { factLines, lineKind, missingLine, nameLine, needsName } from '../../src/log-line.ts';
import type { ScopeTree } from '../../src/log-line.ts';
import { spanKey } from './scope-state.ts';
import type { ScopeState } from './scope-state.ts';
import { missingBelow } from './seq-set.ts';
import type { TaskFold } from './task-fold.ts';

/** Which lines of a commit's text are whose: one entry a fact that is told in the log. */
export interface JournalEntry {
  /** {@link ScopeState.number} of the scope that it is about. */
  scope: number;
  /** Length of its lines in bytes of UTF-8. */
  bytes: number;
  /** Microseconds since the epoch. */
  time: number;
  /** Present for a notification. */
  notification?: {
    /** Whether a `(continued)` line comes first. */
    named: boolean;
    /** The message, where its line does not give it back. */
    message?: string;
    attributes?: Attributes;
  };
}

/**
 * Writes the log lines of one commit. It has to be told of a fact after the fact was folded.
 */
export class JournalWriter {
  readonly entries: JournalEntry[] = [];
  text = '';
  readonly #task: TaskFold;
  readonly #tree: ScopeTree<ScopeState>;
  #before: ScopeState | undefined;

  constructor(task: TaskFold) {
    this.#task = task;
    this.#before = task.scopeBefore();
    this.#tree = {
      isOpen: (scope) => scope.end === null,
      // A job of which a part has run elsewhere is read as a heading is: that part's lines stand below its name.
      isHeading: (scope) => (scope.end?.heading ?? scope.encloses) || scope.insideUnits > 0,
      isInside: (scope, outer) => isInside(task, scope, outer),
    };
  }

  write(fact: Fact, scope: ScopeState): void {
    const lines = missingLines(fact, scope) + factLines(fact);
    if (lines === '') return;
    const named = scope.name !== '' && needsName(lineKind(fact), scope, this.#before, this.#tree);
    const text = named ? nameLine(scope.name, true) + lines : lines;
    this.text += text;
    this.#before = scope;
    const entry: JournalEntry = { scope: scope.number, bytes: byteLength(text), time: fact.time };
    if (fact.kind === 'notification') entry.notification = notificationOf(fact, lines, named);
    this.entries.push(entry);
  }

  /** Leaves with the task which scope's line was the last. */
  close(): void {
    const before = this.#before;
    if (before !== undefined) this.#task.lineBefore = spanKey(before.traceId, before.spanId);
  }
}

/** What an end knows to be missing before it. What comes late all the same stands late. */
function missingLines(fact: Fact, scope: ScopeState): string {
  if (fact.kind !== 'scope-end' && fact.kind !== 'task-end') return '';
  const missing = missingBelow(scope.seen, fact.seq);
  return missing > 0 ? missingLine(missing) : '';
}

function notificationOf(
  fact: NotificationFact,
  lines: string,
  named: boolean,
): NonNullable<JournalEntry['notification']> {
  const { message, attributes } = fact;
  const plain = lines.length === message.length + 2 && lines.startsWith(message, 1);
  return {
    named,
    ...(!plain && { message }),
    ...(attributes !== undefined && { attributes }),
  };
}

function isInside(task: TaskFold, scope: ScopeState, outer: ScopeState): boolean {
  let around = task.around(scope);
  for (let depth = 0; around !== undefined && depth < DEEPEST; depth++) {
    if (around === outer) return true;
    around = task.around(around);
  }
  return false;
}

/** No task nests so deep: what seems to is a circle, which only a foreign sender can make. */
const DEEPEST = 10_000;

const byteLength = (text: string): number => Buffer.byteLength(text);
