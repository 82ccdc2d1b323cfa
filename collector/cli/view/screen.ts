import type { TaskSummary } from '../../record/task-record.ts';
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

/** The width of a bar on a screen of so many columns; 0 where there is no room for one. */
export function barWidth(columns: number): number {
  if (columns >= 72) return 20;
  if (columns >= 56) return 12;
  return columns >= 32 ? 8 : 0;
}

/** A bar with its share: `━━━━────  50%`. A task that goes on is never at 100%. */
export function bar(progress: number, width: number, paint: Paint): string {
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
} as const;

type Marked = keyof typeof MARKS;

const SPINNER = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/** `✓`. The sign of a running task or scope turns with the frames, if there are any. */
export function mark(state: Marked, paint: Paint, frame?: number): string {
  const { sign, format } = MARKS[state];
  return paint(format, state === 'running' && frame !== undefined ? SPINNER[frame % SPINNER.length]! : sign);
}

/** The state's name in its colour. */
export function stateName(state: Marked, paint: Paint): string {
  return paint(MARKS[state].format, state);
}

/**
 * The time until which a task is known to have run, in milliseconds since the epoch: its end, else now. For a lost task it
 * is the last heartbeat of its worker.
 */
export function knownEnd({ state, end, heard, updated }: TaskSummary, now: number): number {
  if (end !== null) return Date.parse(end);
  return state === 'lost' ? Date.parse(heard ?? updated) : now;
}
