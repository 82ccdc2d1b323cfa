import type { Attributes } from '@opentelemetry/api';
import type { NotificationFact, TaskStart } from '../../src/fact.ts';
import { attemptLine, factLines, isVerbatim, lineKind, messageLines, missingLine, nameLine, needsName, verbatimLine } from '../../src/log-line.ts';
import type { LineKind, ScopeTree } from '../../src/log-line.ts';
import { DEEPEST_SCOPE } from '../../src/progress.ts';
import type { LogEntryKind } from '../../src/task-stream.ts';
import { missingSeenBelow } from './fact-sequence.ts';
import type { ScopeFact } from './fold.ts';
import { countedFor } from './queue-run.ts';
import { isAttempt, isCounted } from './scope-state.ts';
import type { AttemptState, ScopeState } from './scope-state.ts';
import { spanKey } from './span-map.ts';
import type { TaskDraft } from './task-fold.ts';

/** A piece of a task's log, as a store keeps it: never longer than {@link ROW_BYTES}. Its entries are all of its text. */
export interface JournalRow {
  /** Byte of the whole log at which the text begins. */
  readonly offset: number;
  readonly text: string;
  /** Length of the text in bytes of UTF-8. */
  readonly bytes: number;
  readonly entries: readonly JournalEntry[];
}

/**
 * What an entry's lines are: the head of an attempt, a scope's name, a notification, how a scope ended, the end of an
 * attempt, how many facts are missing before an end; or what goes on from the row before.
 */
export type EntryKind = LogEntryKind | 'continued';
export const ENTRY_KINDS: readonly EntryKind[] = ['continued', 'attempt', 'scope', 'message', 'outcome', 'end', 'missing'];

/**
 * Which lines of a row are about which scope. A fact that the log shows has one entry, and one more for what is missing
 * before it, and one in each row in which its lines go on.
 */
export interface JournalEntry {
  kind: EntryKind;
  /** {@link ScopeState.number} of the scope that it is about. */
  scope: number;
  /** Length of its lines in bytes of UTF-8. */
  bytes: number;
  /** Microseconds since the epoch. */
  time: number;
  /** Present for a message. */
  notification?: {
    /** Whether a `(continued)` line comes first. */
    named: boolean;
    /** The message, where it can't be read back from its line. */
    message?: string;
    attributes?: Attributes;
  };
}

/** The most bytes of UTF-8 in a row, so that a reader of any range of a log reads little more than the range. */
export const ROW_BYTES: number = 64 * 1024;

/** Writes the log lines of one commit. A fact has to be folded before it is written. */
export class JournalWriter implements ScopeTree<ScopeState> {
  readonly #rows: JournalRow[] = [];
  readonly #task: TaskDraft;
  #before: ScopeState | undefined;
  /** Byte of the whole log at which the row begins that is being written. */
  #offset: number;
  /** How many lines the rows have. */
  #lines = 0;
  /** Text of that row, of which the length in bytes is known, and what came after it. */
  #text = '';
  #textBytes = 0;
  #unmeasured = '';
  #entries: JournalEntry[] = [];

  constructor(task: TaskDraft) {
    this.#task = task;
    this.#offset = task.logBytes;
    this.#before = task.scopeBefore();
  }

  /**
   * Writes the lines of a fact, if it has any, and notes in the scope where those of an error begin. Gives the offset of
   * the row in which a notification begins.
   */
  write(fact: ScopeFact, scope: ScopeState): number {
    if (fact.kind === 'notification') return this.#writeMessage(fact, scope);
    if (isAttempt(scope) && !isCounted(scope)) return this.#writeReplaced(fact, scope);
    const missing = missingLines(fact, scope);
    const lines = fact.kind === 'task-start' ? attemptLine(fact.attempt, this.#isAgain(scope, fact)) : factLines(fact);
    let named = missing + lines !== '' && this.#needsName(lineKind(fact), scope);
    if (missing !== '') {
      this.#add(this.#named(missing, scope, named), { kind: 'missing', scope: scope.number, bytes: 0, time: fact.time });
      named = false;
    }
    if (lines !== '') {
      const kind = ENTRY_KIND[fact.kind] ?? 'message';
      if ('error' in fact && fact.error !== undefined) scope.errorOffset = this.#nextOffset(lines, scope, named);
      this.#add(this.#named(lines, scope, named), { kind, scope: scope.number, bytes: 0, time: fact.time });
    }
    return this.#offset;
  }

  /** Whether another attempt with the number of one that begins is known, and is not the same run of a job. */
  #isAgain(scope: ScopeState, { attempt: number, run }: TaskStart): boolean {
    return this.#task.attempts.some((other) => other !== scope && other.start !== null && other.attempt === number && (run === undefined || other.run?.id !== run));
  }

  /** Writes nothing of an attempt that is replaced, but for its end where that ends the attempt that counts instead. */
  #writeReplaced(fact: ScopeFact, attempt: AttemptState): number {
    const counted = this.#task.attemptOf(countedFor(attempt, this.#task));
    if (fact.kind !== 'task-end' || counted.run?.isEndBorrowed !== true || counted.end?.time !== fact.time) return this.#offset;
    const { finished, failed, running } = counted.jobs;
    const jobs = { total: finished + failed + running, finished, failed };
    const lines = factLines({ ...fact, name: counted.name, duration: counted.end.duration, jobs });
    if (fact.error !== undefined) counted.errorOffset = this.#nextOffset(lines, counted, false);
    this.#add(this.#named(lines, counted, false), { kind: 'end', scope: counted.number, bytes: 0, time: fact.time });
    return this.#offset;
  }

  /** Notes in the task which scope's line was the last, and how long its log is now, in bytes and lines. */
  close(): readonly JournalRow[] {
    this.#closeRow();
    this.#task.logBytes = this.#offset;
    this.#task.logLines += this.#lines;
    const before = this.#before;
    if (before !== undefined) this.#task.lineBefore = spanKey(before.traceId, before.spanId);
    return this.#rows;
  }

  #writeMessage({ message, attributes, time }: NotificationFact, scope: ScopeState): number {
    const verbatim = isVerbatim(message);
    const named = this.#needsName('message', scope);
    const text = this.#named(verbatim ? verbatimLine(message) : messageLines(message), scope, named);
    const notification: JournalEntry['notification'] = { named };
    // A message that goes on in another row is no line either.
    if (!verbatim || isLongerThanRow(text)) notification.message = message;
    if (attributes !== undefined) notification.attributes = attributes;
    return this.#add(text, { kind: 'message', scope: scope.number, bytes: 0, time, notification });
  }

  #needsName(kind: LineKind, scope: ScopeState): boolean {
    return scope.name !== '' && needsName(kind, scope, this.#before, this);
  }

  #named(lines: string, scope: ScopeState, named: boolean): string {
    this.#before = scope;
    return named ? nameLine(scope.name, true) + lines : lines;
  }

  /** Adds the lines of a fact to the row, or to a new one where they don't fit. Gives the offset of the row in which they begin. */
  #add(text: string, entry: JournalEntry): number {
    if (!this.#fits(text)) this.#closeRow();
    const offset = this.#offset;
    if (isLongerThanRow(text)) {
      this.#addInRows(text, entry);
      return offset;
    }
    // For now in UTF-16, as if each character were a byte.
    entry.bytes = text.length;
    this.#unmeasured += text;
    this.#entries.push(entry);
    return offset;
  }

  /** Byte of the whole log at which the next lines will begin. */
  #nextOffset(lines: string, { name }: ScopeState, named: boolean): number {
    if (!this.#fits(named ? nameLine(name, true) + lines : lines)) this.#closeRow();
    this.#measure();
    return this.#offset + this.#textBytes;
  }

  /** Whether the row has room for a text. It is measured only where it may be that it has none: mostly it has. */
  #fits(text: string): boolean {
    if (this.#textBytes + MOST_BYTES * (this.#unmeasured.length + text.length) <= ROW_BYTES) return true;
    this.#measure();
    return this.#textBytes + Buffer.byteLength(text) <= ROW_BYTES;
  }

  #measure(): void {
    this.#textBytes += Buffer.byteLength(this.#unmeasured);
    this.#text += this.#unmeasured;
    this.#unmeasured = '';
  }

  #closeRow(): void {
    this.#measure();
    const text = this.#text;
    const bytes = this.#textBytes;
    if (bytes === 0) return;
    if (bytes !== text.length) measureEntries(this.#entries, text);
    this.#push({ offset: this.#offset, text, bytes, entries: this.#entries });
    this.#text = '';
    this.#textBytes = 0;
    this.#entries = [];
  }

  #push(row: JournalRow): void {
    this.#rows.push(row);
    this.#offset += row.bytes;
    this.#lines += lineCount(row.text);
  }

  /** Writes the lines of one fact that are too long for a row. */
  #addInRows(text: string, entry: JournalEntry): void {
    const { scope, time } = entry;
    let next = entry;
    for (const piece of rowTexts(text)) {
      const bytes = Buffer.byteLength(piece);
      this.#push({ offset: this.#offset, text: piece, bytes, entries: [{ ...next, bytes }] });
      next = { kind: 'continued', scope, time, bytes: 0 };
    }
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
    for (let depth = 0; around !== undefined && depth < DEEPEST_SCOPE; depth++) {
      if (around === outer) return true;
      around = this.#task.around(around);
    }
    return false;
  }
}

/** The kinds of the entries of facts that have lines; any other line is a message. */
const ENTRY_KIND: Readonly<Partial<Record<ScopeFact['kind'], EntryKind>>> = {
  'task-start': 'attempt',
  'scope-start': 'scope',
  'scope-end': 'outcome',
  'task-end': 'end',
};

/** The most bytes of UTF-8 that a UTF-16 code unit takes. */
const MOST_BYTES = 3;

function lineCount(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) count++;
  return count;
}

function isLongerThanRow(text: string): boolean {
  return MOST_BYTES * text.length > ROW_BYTES && Buffer.byteLength(text) > ROW_BYTES;
}

/** Cuts a text to pieces for rows; see {@link wholeEnd}. */
function rowTexts(text: string): string[] {
  const bytes = Buffer.from(text);
  const pieces: string[] = [];
  for (let from = 0; from < bytes.length; ) {
    const most = Math.min(from + ROW_BYTES, bytes.length);
    const to = most < bytes.length ? wholeEnd(bytes, from, most) : most;
    pieces.push(bytes.toString('utf8', from, to));
    from = to;
  }
  return pieces;
}

/** Where to cut UTF-8 before `end`: after a line where that is possible, and after a whole character in any case. */
export function wholeEnd(bytes: Buffer, begin: number, end: number): number {
  const line = bytes.lastIndexOf(LINE_FEED, end - 1) + 1;
  if (line > begin) return line;
  let whole = end;
  while (whole > begin && isContinuation(bytes[whole]!)) whole--;
  if (whole > begin) return whole;
  // Not even one character fits: one is returned all the same, so that the reader makes progress.
  whole = end;
  while (whole < bytes.length && isContinuation(bytes[whole]!)) whole++;
  return whole;
}

export const LINE_FEED = 10;

/** Whether a byte of UTF-8 belongs to the character before it. */
export function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

/** Corrects the lengths of entries where a text is not all ASCII. */
function measureEntries(entries: readonly JournalEntry[], text: string): void {
  let at = 0;
  for (const entry of entries) {
    const from = at;
    at += entry.bytes;
    entry.bytes = Buffer.byteLength(text.slice(from, at));
  }
}

/** The line about facts that are missing before an end. A fact that comes after it has its line after it. */
function missingLines(fact: ScopeFact, scope: ScopeState): string {
  if (fact.kind !== 'scope-end' && fact.kind !== 'task-end') return '';
  const missing = missingSeenBelow(scope, fact.seq);
  return missing > 0 ? missingLine(missing) : '';
}
