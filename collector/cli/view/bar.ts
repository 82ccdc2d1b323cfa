import type { Paint } from './terminal-text.ts';

/** How wide a bar may be on a screen of so many columns; 0 where there is no room for one. */
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
