import type { Outcome } from './conventions.ts';
import type { Fact, JobCounts, ErrorInfo } from './fact.ts';

/**
 * The text of a task's log, line by line, in the form of the seed.
 *
 * What a fact says does not depend on other facts, but for the `(continued)` line that names a
 * scope again: {@link needsName}. Nobody can forge a line: a message's own further lines, and a
 * message that reads like a final or attempt line, are marked with `  | `.
 */

/** What a fact adds to the log; `""` for one that is not told there. */
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
        (fact.error === undefined && fact.outcome !== 'cancelled'
          ? ''
          : nameLine(fact.name) + outcomeLines(fact.outcome, fact.duration, fact.error)) +
        finalLine(fact.jobs)
      );
    default:
      return '';
  }
}

/** `\t - NAME`, and again with `(continued)` where another scope's lines stand in between. */
export function nameLine(name: string, continued = false): string {
  return `\t - ${oneLine(name)}${continued ? ' (continued)' : ''}\n`;
}

/** A notification: its first line, and its further ones marked. */
export function messageLines(message: string): string {
  if (isPlainMessage(message)) return plainLine(message);
  const [first = '', ...further] = message.trimStart().split(LINE_BREAK);
  const mark = READS_AS_OURS.test(first) ? MARK : '\t';
  return `${mark}${visible(first)}\n${marked(further)}`;
}

/** Whether {@link plainLine} tells a message, so that its line gives it back. */
export function isPlainMessage(message: string): boolean {
  return !NOT_PLAIN.test(message);
}

/** The line of a message that needs no change. */
export function plainLine(message: string): string {
  return `\t${message}\n`;
}

/** How a scope ended, after what time, and by what error. */
export function outcomeLines(outcome: Outcome, duration: number, error: ErrorInfo | undefined): string {
  const lines = `\t\t${OUTCOME_TEXT[outcome]}\n\t\tTime spent: ${timeSpent(duration)}\n`;
  return error === undefined ? lines : `${lines}\t\tSee error message:\n${errorLines(error)}`;
}

/** What stands at the head of an attempt: nothing at the first. */
export function attemptLine(attempt: number): string {
  return attempt > 1 ? `\tAttempt ${attempt}\n` : '';
}

/** What an end tells of facts before it that have not come: `72 updates not received`. */
export function missingLine(count: number): string {
  return `\t${count} ${count === 1 ? 'update' : 'updates'} not received\n`;
}

/** The last line of an attempt. */
export function finalLine(jobs: JobCounts): string {
  return `\tTask Finished - ${jobs.finished} out of ${jobs.total} jobs finished\n`;
}

/** Hours and minutes, as the seed wrote them; hours go on past 24. */
export function timeSpent(micros: number): string {
  const minutes = Math.floor(micros / 60_000_000);
  return `${Math.floor(minutes / 60)}h${minutes % 60}m`;
}

/** What a line is about: the three that can need a name before them, and the rest. */
export type LineKind = 'message' | 'outcome' | 'other';

/** What sort of line a fact writes. */
export function lineKind(fact: Fact): LineKind {
  if (fact.kind === 'notification') return 'message';
  return fact.kind === 'scope-end' ? 'outcome' : 'other';
}

/** What {@link needsName} asks about scopes. */
export interface ScopeTree<Scope> {
  isOpen(scope: Scope): boolean;
  isHeading(scope: Scope): boolean;
  /** Whether `scope` lies inside `outer`, at any depth. */
  isInside(scope: Scope, outer: Scope): boolean;
}

/**
 * Whether a line needs `\t - NAME (continued)` before it, so that it can't be read as another
 * scope's: no outcome stands without its name, and no message under a scope that is not its own.
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
  // Inside a job lie only parts elsewhere: after one of their lines the job's outcome would stand under theirs.
  return tree.isOpen(before) || !tree.isInside(before, scope) || !tree.isHeading(scope);
}

const OUTCOME_TEXT: Record<Outcome, string> = {
  completed: 'Successfully completed',
  failed: 'Failed',
  cancelled: 'Cancelled',
};

const MARK = '\t  | ';
const LINE_BREAK = /\r\n|[\n\v\f\r\u0085\u2028\u2029]/;
const READS_AS_OURS = /^\s*(?:Task Finished - |Attempt \d|\d+ updates? not received)/;
/** Control characters but the tab, and those that override the direction of text. */
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
 * A text that can do nothing to a terminal: control pictures where Unicode has them (ESC is `␛`), the
 * code point where it has not. Tabs stay.
 */
export function visible(text: string): string {
  if (!CONTROL.test(text)) return text;
  return text.replace(CONTROLS, (character) => {
    const code = character.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    return code === 0x7f ? '\u2421' : `\\u{${code.toString(16)}}`;
  });
}
