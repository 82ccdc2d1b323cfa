import type { Paint } from './terminal-text.ts';

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

/** `✓`. What runs turns with the frames, where there are any. */
export function mark(state: Marked, paint: Paint, frame?: number): string {
  const { sign, format } = MARKS[state];
  return paint(format, state === 'running' && frame !== undefined ? SPINNER[frame % SPINNER.length]! : sign);
}

/** The state's name in its colour. */
export function stateName(state: Marked, paint: Paint): string {
  return paint(MARKS[state].format, state);
}
