import { RECENT_NOTIFICATIONS } from '../record/commit.ts';
import type { JournalEntry } from '../record/journal.ts';
import type { ScopeState } from '../record/scope-state.ts';
import { isoTime } from '../record/task-record.ts';
import type { NotificationRecord } from '../record/task-record.ts';

/** A commit's lines as a store gives them back. */
export interface JournalRow {
  text: string;
  entries: readonly JournalEntry[];
}

/** Offset of the first text that has to be read to show each scope's last notifications; `undefined` if none has any. */
export function firstRecentOffset(scopes: Iterable<ScopeState>): number | undefined {
  let first: number | undefined;
  for (const { recent } of scopes) {
    if (recent.length > 0 && (first === undefined || recent[0]! < first)) first = recent[0];
  }
  return first;
}

/** Gathers the last notifications of each scope, by its number, from commits in their order. */
export class RecentNotifications {
  readonly byScope: Map<number, NotificationRecord[]> = new Map();

  add({ text, entries }: JournalRow): void {
    const bytes = Buffer.from(text, 'utf8');
    let at = 0;
    for (const entry of entries) {
      const from = at;
      at += entry.bytes;
      if (entry.notification === undefined) continue;
      const { named, message, attributes } = entry.notification;
      let list = this.byScope.get(entry.scope);
      if (list === undefined) this.byScope.set(entry.scope, (list = []));
      list.push({
        time: isoTime(entry.time),
        message: message ?? lineMessage(bytes.toString('utf8', from, at), named),
        ...(attributes !== undefined && { attributes }),
      });
      if (list.length >= 2 * RECENT_NOTIFICATIONS) list.splice(0, list.length - RECENT_NOTIFICATIONS);
    }
  }

  /** Cuts each list to the last ones. */
  close(): ReadonlyMap<number, NotificationRecord[]> {
    for (const list of this.byScope.values()) list.splice(0, Math.max(0, list.length - RECENT_NOTIFICATIONS));
    return this.byScope;
  }
}

/** The message of a plain line: without its tab and line feed, and without the name before it. */
function lineMessage(lines: string, named: boolean): string {
  const from = named ? lines.indexOf('\n') + 1 : 0;
  return lines.slice(from + 1, -1);
}
