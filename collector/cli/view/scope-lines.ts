import type { AttemptRecord, ScopeRecord, TaskSummary } from '../../record/task-record.ts';
import { counted, humanCount, humanDuration } from '../human-text.ts';
import { bar, barWidth } from './bar.ts';
import { knownEnd } from './known-end.ts';
import { mark } from './marks.ts';
import type { Screen } from './screen.ts';
import { apart, fit, harmless, widthOf } from './terminal-text.ts';

/** What the scopes of a task are drawn on: `now` is up to when those that have not ended are known to have run. */
interface ScopeScreen extends Screen {
  readonly isLost: boolean;
}

/** A scope with its depth in the tree, from 0. */
interface PlacedScope {
  readonly scope: ScopeRecord;
  readonly depth: number;
  readonly parent: PlacedScope | undefined;
}

/**
 * The scopes of an attempt as a tree, in no more lines than `room`: what runs comes first, then what
 * has failed, then what is latest, each with what encloses it; the last line counts the others.
 * Of a lost task nobody knows whether they run.
 */
export function scopeLines(attempt: AttemptRecord, task: TaskSummary, on: Screen, room: number): string[] {
  const screen = { ...on, now: knownEnd(task, on.now), isLost: task.state === 'lost' };
  const all = placed(attempt.scopes);
  if (room <= 0) return [];
  const shown = all.length <= room ? new Set(all) : chosen(all, room - 1);
  const lines = all.filter((one) => shown.has(one)).map((one) => scopeLine(one, screen));
  const hidden = all.filter((one) => !shown.has(one));
  return hidden.length === 0 ? lines : [...lines, hiddenLine(hidden, screen)];
}

/** Without recursion: scopes may nest deeply. */
function placed(scopes: readonly ScopeRecord[]): PlacedScope[] {
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
  // However deep it lies, most of the line is its name's.
  const indent = ' '.repeat(Math.min(2 * depth, Math.floor(columns / 4)));
  const name = harmless(scope.name);
  const error = scope.error === null ? '' : `  ${paint('red', harmless(scope.error))}`;
  const left = `  ${indent}${mark(shownState(scope.outcome, screen), paint, frame)} ${scope.heading ? paint('bold', name) : name}${error}`;
  return apart(left, [...progressOf(scope, screen), timeOf(scope, screen).padStart(6)].join(' '), columns);
}

function progressOf({ outcome, progress, done, total }: ScopeRecord, { columns, paint }: Screen): string[] {
  if (outcome !== 'running') return [];
  const steps = done === null ? '' : `${humanCount(done)}${total === null ? '' : `/${humanCount(total)}`}`;
  if (progress === null) return steps === '' ? [] : [steps];
  const shown = bar(progress, barWidth(columns), paint);
  return columns >= 72 && steps !== '' ? [steps, shown] : [shown];
}

/** From its start to its end, or up to now. */
function timeOf({ start, end }: ScopeRecord, { now }: Screen): string {
  return start === null ? '' : humanDuration((end === null ? now : Date.parse(end)) - Date.parse(start));
}

function shownState(outcome: ScopeRecord['outcome'], { isLost }: ScopeScreen): ScopeRecord['outcome'] | 'lost' {
  return isLost && outcome === 'running' ? 'lost' : outcome;
}

function hiddenLine(hidden: readonly PlacedScope[], screen: ScopeScreen): string {
  const { columns, paint } = screen;
  const counts = (['running', 'completed', 'failed', 'cancelled'] as const).flatMap((outcome) => {
    const count = hidden.filter(({ scope }) => scope.outcome === outcome).length;
    return count === 0 ? [] : [`${humanCount(count)} ${shownState(outcome, screen)}`];
  });
  const words = `  … and ${counts.join(', ')}`;
  return fit(paint('dim', widthOf(words) <= columns ? words : `  … and ${counted(hidden.length, 'other')}`), columns);
}
