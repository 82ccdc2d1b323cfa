import { LOST, OUTCOMES } from '../../../src/conventions.ts';
import type { CancelRecord, CurrentScope, ScopeLine, ScopeRecord, TaskSummary } from '../../../src/task-record.ts';
import { apart, counted, fit, harmless, humanCount, humanDuration, widthOf } from './terminal-text.ts';
import type { Paint } from './terminal-text.ts';

/** The most columns that a task's lines take. In wider lines a name and its time are too far apart to read. */
export const WIDEST = 120;

/** The screen that a view is drawn on. */
export interface Screen {
  readonly columns: number;
  readonly rows: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly paint: Paint;
  /** Grows with each drawing, so that spinners turn. Absent where the view is drawn once. */
  readonly frame?: number;
}

/** The bar of the task takes the rest of its line, up to this. */
const WIDEST_BAR = 40;
const PERCENT_COLUMNS = 8;

/** A scope of a tree: of a whole one, or of one that a stream has, which counts the scopes that it leaves out. */
export interface ShownScope extends Pick<ScopeRecord, 'name' | 'outcome' | 'start' | 'end' | 'progress' | 'done' | 'total' | 'error'>, Partial<Pick<ScopeLine, 'steps' | 'failed' | 'running'>> {
  readonly scopes: readonly ShownScope[];
}

/** A task as far as it has been read. */
interface TaskView {
  readonly record: TaskSummary;
  /** First to last; `undefined` until they have been read. */
  readonly attempts: readonly ShownScope[] | undefined;
  /** Why the task can't be read just now. */
  readonly outage?: string | undefined;
}

/**
 * A task in lines that fit on the screen: its name and state, its progress, its error or outage, and its scopes.
 */
export function taskLines({ record, attempts, outage }: TaskView, screen: Screen): string[] {
  const head = [titleLine(record, screen), ...progressLines(record, screen), ...noteLines(record, outage, screen)];
  const lines = head.slice(0, Math.max(1, screen.rows));
  const latest = attempts?.at(-1);
  return latest === undefined ? lines : [...lines, ...scopeLines(latest, record, screen, screen.rows - lines.length)];
}

function titleLine(record: TaskSummary, { columns, now, paint, frame }: Screen): string {
  const { task_name: name, state, start } = record;
  const time = start === null ? '' : humanDuration(knownEnd(record, now) - Date.parse(start));
  const left = `${mark(state, paint, frame)} ${paint('bold', harmless(name))}`;
  return apart(left, `${stateName(state, paint)} ${time.padStart(6)}`, columns);
}

function progressLines({ progress, current, jobs, attempt, finished }: TaskSummary, { columns, paint }: Screen): string[] {
  const parts: string[] = [];
  if (progress === null && hasCurrent(current)) parts.push(currentText(current));
  if (jobs.total > 0) parts.push(`${humanCount(jobs.finished)} of ${counted(jobs.total, 'job')}`);
  if (jobs.failed > 0) parts.push(paint('red', `${humanCount(jobs.failed)} failed`));
  if (attempt > 1) parts.push(`attempt ${attempt}`);
  if (progress !== null && !(finished && progress === 1)) {
    const room = columns - widthOf(['', ...parts].join('  ')) - PERCENT_COLUMNS;
    parts.unshift(bar(progress, Math.max(0, Math.min(room, WIDEST_BAR)), paint));
  }
  return parts.length === 0 ? [] : [fit(`  ${parts.join('  ')}`, columns)];
}

/** Whether it is known what a task is doing. A server of another version may leave that out. */
export function hasCurrent(current: CurrentScope | null | undefined): current is CurrentScope {
  return typeof current === 'object' && current !== null && current.name !== '';
}

/** `Write rows 1,204 of 5,000`. */
export function currentText({ name, done, total }: CurrentScope): string {
  const steps = done === null ? '' : ` ${humanCount(done)}${total === null ? '' : ` of ${humanCount(total)}`}`;
  return `${harmless(name)}${steps}`;
}

/** A running task whose worker was not heard for so long has a note of it. */
const LONG_SILENT_MS = 60_000;

function noteLines(record: TaskSummary, outage: string | undefined, { columns, now, paint }: Screen): string[] {
  const notes: string[] = [];
  const since = (time: string): string => humanDuration(now - Date.parse(time));
  if (record.status === 0 && record.exception !== '') notes.push(paint('red', harmless(record.exception)));
  // A server of another version may leave it out.
  const causes: readonly string[] | undefined = record.exception_causes;
  if (record.status === 0) notes.push(...(causes ?? []).map((cause) => paint('red', harmless(`caused by ${cause}`))));
  if (record.state === 'lost' && !record.finished && record.heard !== null) {
    notes.push(paint('magenta', `its worker was last heard ${since(record.heard)} ago`));
  }
  // The reader could not find out whether its worker is alive.
  if (record.state === 'running' && record.heard !== null && now - Date.parse(record.heard) > LONG_SILENT_MS) {
    notes.push(paint('magenta', `last heard ${since(record.heard)} ago`));
  }
  if (record.cancel !== null && !record.finished) notes.push(paint('yellow', harmless(cancelNote(record.cancel, since))));
  if (record.state === 'cancelled' && record.cancel !== null) notes.push(...cancelledNote(record.cancel).map((note) => paint('yellow', harmless(note))));
  if (record.busy_since !== null) notes.push(paint('yellow', `its worker is blocked for ${since(record.busy_since)}`));
  if (outage !== undefined) notes.push(paint('yellow', harmless(outage)));
  return notes.map((note) => fit(`  ${note}`, columns));
}

/** `cancel requested 2m ago by ada, not received yet: wrong file`. */
function cancelNote({ requested, by, reason, heard }: CancelRecord, since: (time: string) => string): string {
  const received = heard === null ? 'not received yet' : `received ${since(heard)} ago`;
  return `cancel requested ${since(requested)} ago${by === null ? '' : ` by ${by}`}, ${received}${reason === null ? '' : `: ${reason}`}`;
}

/** `cancelled by ada: wrong file`. The log of a task that has ended in its queue has no such line. */
function cancelledNote({ by, reason }: CancelRecord): string[] {
  if (by === null && reason === null) return [];
  return [`cancelled${by === null ? '' : ` by ${by}`}${reason === null ? '' : `: ${reason}`}`];
}

/** The screen for the scopes of a task. `now` is the time until which open scopes are known to have run. */
interface ScopeScreen extends Screen {
  readonly isLost: boolean;
}

/** A scope with its depth in the tree, from 0. */
interface PlacedScope {
  readonly scope: ShownScope;
  readonly depth: number;
  readonly parent: PlacedScope | undefined;
}

/**
 * The scopes of an attempt as a tree, in no more lines than `room`. Running scopes are shown first, then failed ones, then
 * the latest, each with the scopes around it; the last line counts the rest. An open scope of a lost task is marked as
 * lost.
 */
function scopeLines(attempt: ShownScope, task: TaskSummary, on: Screen, room: number): string[] {
  const screen = { ...on, now: knownEnd(task, on.now), isLost: task.state === 'lost' };
  const all = placed(attempt.scopes);
  if (room <= 0) return [];
  const { steps = all.length } = attempt;
  const shown = steps <= room && all.length <= room ? new Set(all) : chosen(all, room - 1);
  const lines = all.filter((one) => shown.has(one)).map((one) => scopeLine(one, screen));
  const hidden = countedOutcomes(all.filter((one) => !shown.has(one)), leftOut(attempt, all));
  return hidden.size === 0 ? lines : [...lines, hiddenLine(hidden, screen)];
}

/** Without recursion: scopes may nest deeply. */
function placed(scopes: readonly ShownScope[]): PlacedScope[] {
  const all: PlacedScope[] = [];
  const open: PlacedScope[] = scopes.map((scope) => ({ scope, depth: 0, parent: undefined })).toReversed();
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const parent = next;
    all.push(parent);
    for (const scope of parent.scope.scopes.toReversed()) open.push({ scope, depth: parent.depth + 1, parent });
  }
  return all;
}

function chosen(all: readonly PlacedScope[], room: number): Set<PlacedScope> {
  const shown = new Set<PlacedScope>();
  for (const outcome of ['running', 'failed', undefined]) {
    for (const one of all.toReversed()) {
      if (outcome !== undefined && one.scope.outcome !== outcome) continue;
      const path: PlacedScope[] = [];
      for (let up: PlacedScope | undefined = one; up !== undefined && !shown.has(up); up = up.parent) path.push(up);
      if (shown.size + path.length <= room) for (const step of path) shown.add(step);
    }
  }
  return shown;
}

function scopeLine({ scope, depth }: PlacedScope, screen: ScopeScreen): string {
  const { columns, paint, frame } = screen;
  // However deep a scope is, its name has most of the line.
  const indent = ' '.repeat(Math.min(2 * depth, Math.floor(columns / 4)));
  const name = harmless(scope.name);
  const error = scope.error === null ? '' : `  ${paint('red', harmless(scope.error))}`;
  const left = `  ${indent}${mark(shownState(scope.outcome, screen), paint, frame)} ${scope.scopes.length > 0 || (scope.steps ?? 0) > 0 ? paint('bold', name) : name}${error}`;
  return apart(left, [...progressOf(scope, screen), timeOf(scope, screen).padStart(6)].join(' '), columns);
}

function progressOf({ outcome, progress, done, total }: ShownScope, { columns, paint }: Screen): string[] {
  if (outcome !== 'running') return [];
  const steps = done === null ? '' : `${humanCount(done)}${total === null ? '' : `/${humanCount(total)}`}`;
  if (progress === null) return steps === '' ? [] : [steps];
  const shown = bar(progress, barWidth(columns), paint);
  return columns >= 72 && steps !== '' ? [steps, shown] : [shown];
}

/** The time from its start to its end, or up to now. */
function timeOf({ start, end }: ShownScope, { now }: Screen): string {
  return start === null ? '' : humanDuration((end === null ? now : Date.parse(end)) - Date.parse(start));
}

function shownState(outcome: ScopeRecord['outcome'], { isLost }: ScopeScreen): ScopeRecord['outcome'] | 'lost' {
  return isLost && outcome === 'running' ? 'lost' : outcome;
}

/** Those of which there is only a number. */
const OTHER = 'other';
type Counted = ShownScope['outcome'] | typeof OTHER;

/** How many of the scopes inside an attempt a stream has left out: running ones, failed ones and others. */
function leftOut({ steps = 0, failed = 0, running = 0 }: ShownScope, all: readonly PlacedScope[]): [Counted, number][] {
  const known = (...outcomes: readonly Counted[]): number => all.filter(({ scope }) => outcomes.includes(scope.outcome)).length;
  const [runs, fails] = [running - known('running'), failed - known('failed', 'timed_out')];
  return [['running', runs], ['failed', fails], [OTHER, steps - all.length - Math.max(0, runs) - Math.max(0, fails)]];
}

/** How many there are of each outcome. */
function countedOutcomes(scopes: readonly PlacedScope[], others: readonly [Counted, number][]): Map<Counted, number> {
  const counts = new Map<Counted, number>();
  const counting = [...scopes.map(({ scope }) => [scope.outcome, 1] as const), ...others.filter(([, count]) => count > 0)];
  for (const [outcome, count] of counting) counts.set(outcome, (counts.get(outcome) ?? 0) + count);
  return counts;
}

function hiddenLine(hidden: ReadonlyMap<Counted, number>, screen: ScopeScreen): string {
  const { columns, paint } = screen;
  const counts = (['running', LOST, ...OUTCOMES, OTHER] as const).flatMap((outcome) => {
    const count = hidden.get(outcome) ?? 0;
    if (count === 0) return [];
    return outcome === OTHER ? [counted(count, OTHER)] : [`${humanCount(count)} ${shownState(outcome, screen)}`];
  });
  const words = `  … and ${counts.join(', ')}`;
  const all = [...hidden.values()].reduce((sum, count) => sum + count, 0);
  return fit(paint('dim', widthOf(words) <= columns ? words : `  … and ${counted(all, 'other')}`), columns);
}

/** The width of a bar on a screen of so many columns; 0 where there is no room for one. */
function barWidth(columns: number): number {
  if (columns >= 72) return 20;
  if (columns >= 56) return 12;
  return columns >= 32 ? 8 : 0;
}

/** A bar with its share: `━━━━────  50%`. A task that goes on is never at 100%. */
function bar(progress: number, width: number, paint: Paint): string {
  const share = Math.min(1, Math.max(0, progress));
  const done = Math.floor(share * width);
  const percent = `${Math.floor(share * 100)}%`.padStart(4);
  return width === 0 ? percent : `${paint('cyan', '━'.repeat(done))}${paint('dim', '─'.repeat(width - done))} ${percent}`;
}

/** The sign and colour of each state and outcome. */
const MARKS = {
  queued: { sign: '○', format: 'dim' },
  running: { sign: '●', format: 'cyan' },
  completed: { sign: '✓', format: 'green' },
  failed: { sign: '✗', format: 'red' },
  cancelled: { sign: '⊘', format: 'yellow' },
  lost: { sign: '?', format: 'magenta' },
  expired: { sign: '⊘', format: 'red' },
  timed_out: { sign: '✗', format: 'red' },
  skipped: { sign: '⊘', format: 'yellow' },
} as const;

type Marked = keyof typeof MARKS;

/** A server of a later version may have states that this one does not know. */
function markOf(state: Marked): (typeof MARKS)[Marked] | { sign: '·'; format: 'dim' } {
  return Object.hasOwn(MARKS, state) ? MARKS[state] : { sign: '·', format: 'dim' };
}

const SPINNER = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/** `✓`. The sign of a running task or scope turns with the frames, if there are any. */
export function mark(state: Marked, paint: Paint, frame?: number): string {
  const { sign, format } = markOf(state);
  return paint(format, state === 'running' && frame !== undefined ? SPINNER[frame % SPINNER.length]! : sign);
}

/** The state's name in its colour. */
export function stateName(state: Marked, paint: Paint): string {
  return paint(markOf(state).format, harmless(state));
}

/**
 * The time until which a task is known to have run, in milliseconds since the epoch: its end, else now. For a lost task it
 * is the last heartbeat of its worker.
 */
export function knownEnd({ state, end, heard, updated }: TaskSummary, now: number): number {
  if (end !== null) return Date.parse(end);
  return state === 'lost' ? Date.parse(heard ?? updated) : now;
}
