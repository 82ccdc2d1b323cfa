import { basicOutcome } from './conventions.ts';
import type { Outcome } from './conventions.ts';
import type { Fact, JobCounts, ErrorInfo } from './fact.ts';

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
        finalLine(fact.jobs)
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
  const mark = READS_AS_OURS.test(first) ? MARK : '\t';
  return `${mark}${visible(first)}\n${marked(further)}`;
}

/** Whether {@link verbatimLine} writes a message, so that the message can be read back from its line. */
export function isVerbatim(message: string): boolean {
  return !NOT_PLAIN.test(message);
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

/** The first line of an attempt; `""` for the first attempt. */
export function attemptLine(attempt: number): string {
  return attempt > 1 ? `\tAttempt ${attempt}\n` : '';
}

/** The line before an end that counts facts which have not arrived: `72 updates not received`. */
export function missingLine(count: number): string {
  return `\t${count} ${count === 1 ? 'update' : 'updates'} not received\n`;
}

/** The last line of an attempt. */
export function finalLine(jobs: JobCounts): string {
  return `\tTask Finished - ${jobs.finished} out of ${jobs.total} jobs finished\n`;
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
const LINE_BREAK = /\r\n|[\n\v\f\r\u0085\u2028\u2029]/;
/** What lines of {@link finalLine}, {@link attemptLine} and {@link missingLine} begin with: it repeats their words. */
const READS_AS_OURS = /^\s*(?:Task Finished - |Attempt \d|\d+ updates? not received)/;
/** Control characters except the tab, and characters that override the direction of text. */
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\0-\x08\n-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/;
const CONTROLS = new RegExp(CONTROL, 'g');
const NOT_PLAIN = new RegExp(`^\\s|${READS_AS_OURS.source}|${CONTROL.source}`);

function errorLines(error: ErrorInfo): string {
  const name = oneLine(error.name);
  const [first = '', ...further] = error.message.trim().split(LINE_BREAK);
  return `${name}${first === '' ? '' : `: ${visible(first)}`}\n${marked(further)}`;
}

function marked(lines: readonly string[]): string {
  return lines.map((line) => `${MARK}${visible(line)}\n`).join('');
}

/** A text as one line that is {@link visible}. */
function oneLine(text: string): string {
  const trimmed = text.trim();
  return CONTROL.test(trimmed) ? visible(trimmed.split(LINE_BREAK).join(' ')) : trimmed;
}

/**
 * A text that can't control a terminal: control characters become Unicode's control pictures (ESC is `␛`), or their code
 * point where there is no picture. Tabs stay.
 */
export function visible(text: string): string {
  if (!CONTROL.test(text)) return text;
  return text.replace(CONTROLS, (character) => {
    const code = character.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    return code === 0x7f ? '\u2421' : `\\u{${code.toString(16)}}`;
  });
}
