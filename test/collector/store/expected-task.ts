import { summaryJson } from '../../../collector/record/record-json.ts';
import { scopeTree } from '../../../collector/record/scope-tree.ts';
import { isoTime } from '../../../src/task-record.ts';
import type { AttemptRecord, NotificationRecord } from '../../../src/task-record.ts';
import type { TaskStore } from '../../../collector/store/task-store.ts';
import type { Fact, SpanRef } from '../../../src/fact.ts';
import { writtenIn } from '../record/folding.ts';

/** All that a store has of a task. */
export interface StoredWhole {
  summary: unknown;
  state: string;
  version: number;
  log: string;
  tree: AttemptRecord[];
}

/** What a store must have of a task after these appends of its facts. */
export function expectedAfter(appends: readonly (readonly Fact[])[]): StoredWhole {
  const { task, written } = writtenIn(appends);
  const notifications = new Map<number, NotificationRecord[]>();
  for (const { fact, entry } of written) {
    if (fact.kind !== 'notification') continue;
    const { time, message, attributes } = fact;
    const list = notifications.get(entry.scope) ?? [];
    list.push({ time: isoTime(time), message, ...(attributes !== undefined && { attributes }) });
    notifications.set(entry.scope, list.slice(-100));
  }
  const summary = JSON.parse(summaryJson(task)) as { state: string };
  return {
    summary,
    state: summary.state,
    version: task.version,
    log: written.map(({ text }) => text).join(''),
    tree: scopeTree(task.scopes, notifications),
  };
}

/** What a store has of a task, by all of its reads. */
export async function wholeOf(store: TaskStore, uuid: string): Promise<StoredWhole> {
  const task = (await store.stored(uuid))!;
  const log = (await store.log(uuid))!;
  const { version, attempts: tree } = (await store.scopes(uuid))!;
  if (log.version !== task.version || log.logBytes !== task.logBytes || Buffer.byteLength(log.text) !== task.logBytes) {
    throw new Error(`log and task do not agree: ${JSON.stringify([task, { ...log, text: log.text.length }])}`);
  }
  if (version !== task.version) throw new Error(`scopes and task do not agree: ${version} and ${task.version}`);
  return { summary: JSON.parse(task.summary), state: task.state, version, log: log.text, tree };
}

/** The same facts as those of another task. */
export function ofTask(uuid: string, deliveries: readonly (readonly Fact[])[]): Fact[][] {
  const spans = new Map<SpanRef, SpanRef>();
  const spanOf = (span: SpanRef): SpanRef => {
    const known = spans.get(span) ?? { ...span, taskUuid: uuid };
    spans.set(span, known);
    return known;
  };
  return deliveries.map((facts) => facts.map((fact) => ({ ...fact, span: spanOf(fact.span) })));
}

/** The UUID of the task of this number. */
export function uuidOf(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
}
