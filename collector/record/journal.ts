import type { Attributes } from '@opentelemetry/api';
import type { NotificationFact } from '../../src/fact.ts';
import { factLines, isPlainMessage, lineKind, messageLines, missingLine, nameLine, needsName, plainLine } from '../../src/log-line.ts';
import type { LineKind, ScopeTree } from '../../src/log-line.ts';
import type { ScopeFact } from './fold.ts';
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
export class JournalWriter implements ScopeTree<ScopeState> {
  readonly entries: JournalEntry[] = [];
  text = '';
  readonly #task: TaskFold;
  #before: ScopeState | undefined;

  constructor(task: TaskFold) {
    this.#task = task;
    this.#before = task.scopeBefore();
  }

  write(fact: ScopeFact, scope: ScopeState): void {
    if (fact.kind === 'notification') {
      this.#writeMessage(fact, scope);
      return;
    }
    const lines = missingLines(fact, scope) + factLines(fact);
    if (lines === '') return;
    const bytes = this.#add(lines, scope, this.#needsName(lineKind(fact), scope));
    this.entries.push({ scope: scope.number, bytes, time: fact.time });
  }

  #writeMessage({ message, attributes, time }: NotificationFact, scope: ScopeState): void {
    const isPlain = isPlainMessage(message);
    const named = this.#needsName('message', scope);
    const notification: JournalEntry['notification'] = { named };
    if (!isPlain) notification.message = message;
    if (attributes !== undefined) notification.attributes = attributes;
    const bytes = this.#add(isPlain ? plainLine(message) : messageLines(message), scope, named);
    this.entries.push({ scope: scope.number, bytes, time, notification });
  }

  #needsName(kind: LineKind, scope: ScopeState): boolean {
    return scope.name !== '' && needsName(kind, scope, this.#before, this);
  }

  /** Gives the length of what the text gains: for now in UTF-16, as if each character were a byte. */
  #add(lines: string, scope: ScopeState, named: boolean): number {
    const text = named ? nameLine(scope.name, true) + lines : lines;
    this.text += text;
    this.#before = scope;
    return text.length;
  }

  /** Leaves with the task which scope's line was the last; gives the length of the text in bytes of UTF-8. */
  close(): number {
    const before = this.#before;
    if (before !== undefined) this.#task.lineBefore = spanKey(before.traceId, before.spanId);
    const { text, entries } = this;
    const bytes = Buffer.byteLength(text);
    if (bytes !== text.length) inBytes(entries, text);
    return bytes;
  }

  isOpen(scope: ScopeState): boolean {
    return scope.end === null;
  }

  /** A job of which a part has run elsewhere is read as a heading is: that part's lines stand below its name. */
  isHeading(scope: ScopeState): boolean {
    return (scope.end?.heading ?? scope.encloses) || scope.insideUnits > 0;
  }

  isInside(scope: ScopeState, outer: ScopeState): boolean {
    let around = this.#task.around(scope);
    for (let depth = 0; around !== undefined && depth < DEEPEST; depth++) {
      if (around === outer) return true;
      around = this.#task.around(around);
    }
    return false;
  }
}

/** Mends the lengths of entries where a text is not all ASCII. */
function inBytes(entries: readonly JournalEntry[], text: string): void {
  let at = 0;
  for (const entry of entries) {
    const from = at;
    at += entry.bytes;
    entry.bytes = Buffer.byteLength(text.slice(from, at));
  }
}

/** What an end knows to be missing before it. What comes late all the same stands late. */
function missingLines(fact: ScopeFact, scope: ScopeState): string {
  if (fact.kind !== 'scope-end' && fact.kind !== 'task-end') return '';
  const missing = missingBelow(scope.seen, fact.seq);
  return missing > 0 ? missingLine(missing) : '';
}

/** No task nests so deep: what seems to is a circle, which only a foreign sender can make. */
const DEEPEST = 10_000;
