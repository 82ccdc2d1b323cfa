import type { Attributes } from '@opentelemetry/api';
import type { TaskAnnounced } from '../../src/fact.ts';
import { isGreaterContent } from './content.ts';
import type { TaskFold } from './task-fold.ts';

/** What an announcement has told of a task. Plain data, so that a store can keep it as it likes. */
export interface Announcement {
  readonly time: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly name: string;
  readonly attributes: Attributes;
}

/**
 * Takes an announcement into a task's state. The first one by time counts, then by its ids: so
 * any order and repetition gives the same.
 */
export function foldAnnouncement(task: TaskFold, { time, span, name, attributes }: TaskAnnounced): void {
  const { traceId, spanId } = span;
  const announced: Announcement = { time, traceId, spanId, name, attributes };
  if (task.announced === null || isBefore(announced, task.announced)) {
    task.announced = announced;
    task.announcedAnew = true;
  }
  if (time <= task.updated) return;
  task.updated = time;
  task.announcedAnew = true;
}

function isBefore(one: Announcement, other: Announcement): boolean {
  if (one.time !== other.time) return one.time < other.time;
  const [key, otherKey] = [one.traceId + one.spanId, other.traceId + other.spanId];
  if (key !== otherKey) return key < otherKey;
  return isGreaterContent([one.name, one.attributes], [other.name, other.attributes]);
}
