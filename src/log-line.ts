import { basicOutcome } from './conventions.ts';
import type { Outcome } from './conventions.ts';
import type { ErrorCause, Fact, JobCounts, ErrorInfo } from './fact.ts';

/**
 * Writes the text of a task's log, line by line; see `docs/log-and-record.md`.
 *
 * The lines of a fact do not depend on other facts, except for the `(continued)` line that names a
 * scope again: {@link needsName}. A message can't forge a line: its second and further lines, and a
 * message that reads like a final or attempt line, are marked with `  | `.
 */

/** The lines that a fact adds to the log; `""` if it adds none. */
export function factLines(fact: Fact): string {
  switch (fact.kind) {
    case 'notification':
      return messageLines(fact.message);
    case 'scope-start':
      return nameLine(fact.name);
    case 'scope-end':
      return fact.heading && fact.error === undefined
        ? ''
        : outcomeLines(fact.outcome, fact.duration, fact.error);
    case 'task-start':
      return attemptLine(fact.attempt);
    case 'task-end':
      return (
        (fact.error === undefined && basicOutcome(fact.outcome) !== 'cancelled'
          ? ''
          : nameLine(fact.name) + outcomeLines(fact.outcome, fact.duration, fact.error)) +
        finalLine(fact.outcome, fact.jobs)
      );
    default:
      return '';
  }
}

/** `\t - NAME`, with `(continued)` where lines of another scope come between. */
export function nameLine(name: string, continued = false): string {
  return `\t - ${oneLine(name)}${continued ? ' (continued)' : ''}\n`;
}

/** The lines of a notification. The second and further lines are marked. */
export function messageLines(message: string): string {
  if (isVerbatim(message)) return verbatimLine(message);
  const [first = '', ...further] = message.trimStart().split(LINE_BREAK);
  const mark = readsAsOurs(first) ? MARK : '\t';
  return `${mark}${visible(first)}\n${marked(further)}`;
}

/** Whether {@link verbatimLine} writes a message, so that the message can be read back from its line. */
export function isVerbatim(message: string): boolean {
  if (ASCII.test(message) || !NOT_PLAIN.test(message)) return true;
  // Characters that nobody sees may stand inside a line.
  return !CONTROL.test(message) && !/^\s/.test(message) && visible(message) === message && !readsAsOurs(message);
}

/** The line of a message that is written as it is. */
export function verbatimLine(message: string): string {
  return `\t${message}\n`;
}

/** The lines of a scope's end: its outcome, its duration and its error. */
export function outcomeLines(outcome: Outcome, duration: number, error: ErrorInfo | undefined): string {
  const lines = `\t\t${OUTCOME_TEXT[basicOutcome(outcome)]}\n\t\tTime spent: ${timeSpent(duration)}\n`;
  return error === undefined ? lines : `${lines}\t\tSee error message:\n${errorLines(error)}`;
}

/**
 * The first line of an attempt; `""` for the first attempt.
 *
 * @param isAgain Whether another run had the same number.
 */
export function attemptLine(attempt: number, isAgain = false): string {
  if (isAgain) return `\tAttempt ${attempt}, again\n`;
  return attempt > 1 ? `\tAttempt ${attempt}\n` : '';
}

/** The line before an end that counts facts which have not arrived: `72 updates not received`. */
export function missingLine(count: number): string {
  return `\t${count} ${count === 1 ? 'update' : 'updates'} not received\n`;
}

/** The last line of an attempt. */
export function finalLine(outcome: Outcome, jobs: JobCounts): string {
  const word = basicOutcome(outcome) === 'cancelled' ? 'Cancelled' : 'Finished';
  return `\tTask ${word}${jobs.total === 0 ? '' : ` - ${jobs.finished} out of ${jobs.total} jobs finished`}\n`;
}

/** Puts the time before each of some lines: `2026-11-30T10:15:02.123Z `. */
export function linesWithTime(lines: string, micros: number): string {
  const prefix = `${new Date(Math.floor(micros / 1000)).toISOString()} `;
  return lines.replaceAll(/^(?=[^])/gm, prefix);
}

/** Hours and minutes, such as `0h7m`; hours go on past 24. */
export function timeSpent(micros: number): string {
  const minutes = Math.floor(micros / 60_000_000);
  return `${Math.floor(minutes / 60)}h${minutes % 60}m`;
}

/** The kind of a line. A message and an outcome may need the scope's name before them. */
export type LineKind = 'message' | 'outcome' | 'other';

/** The kind of line that a fact writes. */
export function lineKind(fact: Fact): LineKind {
  if (fact.kind === 'notification') return 'message';
  return fact.kind === 'scope-end' ? 'outcome' : 'other';
}

/** What {@link needsName} has to know about scopes. */
export interface ScopeTree<Scope> {
  isOpen(scope: Scope): boolean;
  isHeading(scope: Scope): boolean;
  /** Whether `scope` lies inside `outer`, at any depth. */
  isInside(scope: Scope, outer: Scope): boolean;
}

/**
 * Whether a line needs `\t - NAME (continued)` before it, so that it can't be read as a line of another scope: no
 * outcome stands without its name, and no message under the name of another scope.
 *
 * @param before The scope of the line before.
 */
export function needsName<Scope>(
  kind: LineKind,
  scope: Scope,
  before: Scope | undefined,
  tree: ScopeTree<Scope>,
): boolean {
  if (kind === 'other') return false;
  if (kind === 'outcome') return scope !== before || tree.isHeading(scope);
  if (before === undefined || scope === before) return false;
  // The scopes inside a job are parts in other processes: after one of their lines the job's outcome would stand
  // under theirs.
  return tree.isOpen(before) || !tree.isInside(before, scope) || !tree.isHeading(scope);
}

const OUTCOME_TEXT: Record<ReturnType<typeof basicOutcome>, string> = {
  completed: 'Successfully completed',
  failed: 'Failed',
  cancelled: 'Cancelled',
};

const MARK = '\t  | ';
/** A message may have very many. */
const EMPTY = `${MARK}\n`;
const LINE_BREAK = /\r\n|[\n\v\f\r\u0085\u2028\u2029]/;
/** What lines of {@link finalLine}, {@link attemptLine} and {@link missingLine} are: it repeats their words. */
const READS_AS_OURS = /^\s*(?:Task (?:Finished|Cancelled)(?: - |\s*$)|Attempt \d|\d+ updates? not received)/;
/** Control characters except the tab, and characters that override the direction of text. */
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\0-\x08\n-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/;
const CONTROLS = new RegExp(CONTROL, 'g');

/*
 * Characters that nobody sees. Most have their use inside a line: they join emoji, and order names of scripts from right
 * to left. At its beginning they have none but to make it look like another line.
 */
const UNSEEN = '\\u034f\\u061c\\u115f\\u1160\\u1680\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u3164\\ufe00-\\ufe0f\\uffa0\\u{1bca0}-\\u{1bca3}\\u{1d159}\\u{1d173}-\\u{1d17a}\\u{e0100}-\\u{e0fff}';
/** Characters that look like a space. The space itself and the tab indent lines. */
const BLANK = '\\u00a0\\u2000-\\u200a\\u202f\\u205f\\u2800\\u3000';
/** Characters that are unseen, and are made visible inside a line too. */
const USELESS = '\\u00ad\\u2060-\\u2065\\u206a-\\u206f\\ufeff\\ufff0-\\ufffb';
const TAG = '\\u{e0000}-\\u{e007f}';
const HIDDEN = new RegExp(`[${UNSEEN}${BLANK}${USELESS}${TAG}]`, 'u');
/** Most messages: such a text is found plain sooner than by {@link NOT_PLAIN}. */
const ASCII = /^(?![TA\d])[!-~][\t -~]*$/;
const NOT_PLAIN = new RegExp(`^\\s|${READS_AS_OURS.source}|${CONTROL.source}|${HIDDEN.source}`, 'u');
const ALL_UNSEEN = new RegExp(`[${UNSEEN}${USELESS}${TAG}]`, 'gu');
const ALL_BLANK = new RegExp(`[${BLANK}]`, 'gu');
const AT_BEGINNING = new RegExp(`^[ \\t${UNSEEN}${BLANK}${USELESS}${TAG}]+`, 'u');
const NOT_INDENTATION = /[^ \t]/gu;
/** A flag such as Scotland's is followed by tags, which belong to it; all others are useless. */
const USELESS_OR_FLAG = new RegExp(`\\u{1f3f4}[\\u{e0020}-\\u{e007e}]+\\u{e007f}|[${USELESS}${TAG}]`, 'gu');

/** Whether a text reads like a line that only taskspan writes, whatever stands unseen between its characters. */
function readsAsOurs(text: string): boolean {
  if (READS_AS_OURS.test(text)) return true;
  return HIDDEN.test(text) && READS_AS_OURS.test(text.replace(ALL_UNSEEN, '').replace(ALL_BLANK, ' '));
}

function errorLines(error: ErrorInfo): string {
  const name = oneLine(error.name);
  const [first = '', ...further] = error.message.trim().split(LINE_BREAK);
  return `${name}${first === '' ? '' : `: ${visible(first)}`}\n${marked(further)}${(error.causes ?? []).map(causeLines).join('')}`;
}

function causeLines({ name, message }: ErrorCause): string {
  const [first = '', ...further] = message.trim().split(LINE_BREAK);
  return marked([`caused by ${oneLine(name)}${first === '' ? '' : `: ${visible(first)}`}`, ...further]);
}

function marked(lines: readonly string[]): string {
  return lines.map((line) => (line === '' ? EMPTY : `${MARK}${visible(line)}\n`)).join('');
}

/** A text as one line that is {@link visible}. */
function oneLine(text: string): string {
  const trimmed = text.trim();
  return CONTROL.test(trimmed) || HIDDEN.test(trimmed) ? visible(trimmed.split(LINE_BREAK).join(' ')) : trimmed;
}

/**
 * A line that can't control a terminal, and shows what is in it: control characters become Unicode's control pictures
 * (ESC is `␛`), or their code point where there is no picture, and so do characters that hide. Tabs stay.
 */
export function visible(text: string): string {
  const shown = CONTROL.test(text) ? text.replace(CONTROLS, picture) : text;
  if (!HIDDEN.test(shown)) return shown;
  return shown
    .replace(AT_BEGINNING, (beginning) => beginning.replace(NOT_INDENTATION, codePoint))
    .replace(USELESS_OR_FLAG, (found) => (found.startsWith('\u{1f3f4}') ? found : codePoint(found)));
}

function picture(character: string): string {
  const code = character.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code === 0x7f ? '\u2421' : codePoint(character);
}

function codePoint(character: string): string {
  return `\\u{${character.codePointAt(0)!.toString(16)}}`;
}
