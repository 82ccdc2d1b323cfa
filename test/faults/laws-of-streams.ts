import type { TaskRecord } from '../../collector/index.ts';
import { FollowedRecord } from '../collector/server/live/event-reader.ts';
import type { Evidence, StreamEvidence } from './evidence.ts';

/** The laws of streams: what watchers got that reconnected from server to server. */

/** No text twice or missing, no version back, no second beginning, and at the end what is stored. */
export function streamsAreWhole({ streams, stored }: Evidence): string[] {
  return streams.flatMap((stream) => {
    const wrong = wrongIn(stream, stored.get(stream.task)?.record);
    return wrong.map((what) => `the stream of ${stream.task}: ${what}`);
  });
}

function wrongIn({ events }: StreamEvidence, stored: TaskRecord | undefined): string[] {
  const followed = new FollowedRecord();
  let version = 0;
  for (const [index, event] of events.entries()) {
    if (event.event === 'record' && index > 0) return ['began a second time'];
    try {
      followed.take(event);
    } catch (error) {
      return [(error as Error).message];
    }
    const now = followed.record?.version ?? 0;
    if (now < version) return [`went from version ${version} to ${now}`];
    version = now;
  }
  if (stored === undefined) return events.length === 0 ? [] : ['has events of a task that is not stored'];
  if (followed.ended !== stored.finished) return [followed.ended ? 'ended, the task did not' : 'did not end'];
  const [streamed, kept] = [lasting(followed.record), lasting(stored)];
  return streamed === kept ? [] : [`came to ${streamed}, stored is ${kept}`];
}

/** The record without the fields that heartbeats change: a stream may send those later. */
function lasting(record: TaskRecord | undefined): string {
  return JSON.stringify({ ...record, heard: null, busy_since: null });
}

/**
 * Each change of the list is new, none goes back, and of each task the latest comes. A client that connects again may get
 * again what it got before.
 */
export function listIsWhole({ list, stored }: Evidence): string[] {
  const wrong: string[] = [];
  const latest = new Map<string, Pick<TaskRecord, 'version' | 'state'> & { readonly connection: number }>();
  for (const { data, connection } of list) {
    const { task_uuid, version, state } = JSON.parse(data) as TaskRecord;
    const before = latest.get(task_uuid);
    // A loss, and its end, is no new version. Of a worker that was lost and heard again between two checks, the list has
    // `running` once more.
    const isNew =
      before === undefined ||
      version > before.version ||
      (version === before.version && (state !== before.state || state === 'running' || connection !== before.connection));
    if (!isNew) wrong.push(`the list has ${task_uuid} in version ${version}, ${state}, after ${before.version}, ${before.state}`);
    latest.set(task_uuid, { version, state, connection });
  }
  for (const [task, { record }] of stored) {
    const version = latest.get(task)?.version;
    if (version !== record.version) wrong.push(`the list came to version ${version} of ${task}, stored is ${record.version}`);
  }
  return wrong;
}
