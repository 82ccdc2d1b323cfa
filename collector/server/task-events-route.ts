import type { Context } from 'hono';
import { received } from '../../src/failure.ts';
import { LOG_VIEWS } from '../../src/task-stream.ts';
import { ownTurn } from '../async.ts';
import type { TaskStore } from '../store/task-store.ts';
import { problem, unknownTask } from './answers.ts';
import { ALIVE, eventBytes, positionId, positionOf, resumeOf, STREAM_START } from './live/event-stream.ts';
import type { Resume, StreamPosition } from './live/event-stream.ts';
import type { LiveTasks } from './live/live-tasks.ts';
import { streamAnswer } from './live/stream-body.ts';
import type { TaskChannel, TaskMessage } from './live/task-channel.ts';
import { GAIN_BYTES, readGain } from './live/task-view.ts';
import type { TaskView } from './live/task-view.ts';
import { waitOf } from './live/wait-for-task.ts';
import type { TaskWaiting } from './live/wait-for-task.ts';
import { flagOf } from './parameters.ts';

/**
 * `GET /tasks/:uuid/events`: the record, then each change of it, until the task has ended. A client that reconnects gets
 * what it has missed as changes. With `wait` the task need not exist yet.
 */
export function taskEventsRoute(store: TaskStore, live: LiveTasks, waiting: TaskWaiting): (c: Context, uuid: string) => Promise<Response> {
  return async (c, uuid) => {
    const resume = resumeOf(c, positionOf);
    if (resume instanceof Response) return resume;
    const wait = waitOf(c);
    if (wait instanceof Response) return wait;
    const view = viewOf(c);
    if (view instanceof Response) return view;
    return streamAnswer<TaskMessage>(c, {
      contentType: 'text/event-stream',
      enter: () => live.enter(),
      open: async (onRelease) => {
        const watched = await waiting.channel(c, uuid, wait, view);
        if (watched === undefined) return unknownTask(uuid);
        const { channel, release } = watched;
        onRelease(release);
        const start = await startOf(channel, resume);
        if (start instanceof Response) return start;
        return {
          channel: channel.channel,
          first: (follow) => beginning(uuid, channel, view, start.position, follow),
          encode: ({ event }) => event,
          alive: () => ALIVE,
        };
      },
    });
  };

  /** Where the stream of a client begins; the answer to a client that can't or need not follow. */
  async function startOf(
    channel: TaskChannel,
    { position, refusal }: Resume<StreamPosition>,
  ): Promise<{ position: StreamPosition | undefined } | Response> {
    if (position === undefined) return { position };
    // Another server on the same store may have sent a commit that this server has not read yet.
    if (isAhead(channel, position)) await live.catchUp();
    if (isAhead(channel, position)) return refusal ?? { position: undefined };
    // 204 makes an EventSource stop reconnecting.
    if (channel.finished && hasAll(channel, position, position.offset)) return new Response(null, { status: 204 });
    return { position };
  }

  async function* beginning(
    uuid: string,
    channel: TaskChannel,
    view: TaskView,
    position: StreamPosition | undefined,
    follow: () => void,
  ): AsyncGenerator<Uint8Array, void> {
    yield STREAM_START;
    const offset = position && (yield* missedLog(uuid, channel, view, position));
    // No `await` from here to the event: the channel goes on after exactly this state.
    const { finished } = channel;
    if (!finished) follow();
    const end = channel.endEvent();
    const bytes = await firstEvent(channel, position, offset);
    if (bytes !== undefined) yield bytes;
    if (finished) yield end;
  }

  /** Sends all but the last piece of the log that a client has missed; returns the byte at which the last piece begins. */
  async function* missedLog(
    uuid: string,
    channel: TaskChannel,
    { log }: TaskView,
    { version, offset }: StreamPosition,
  ): AsyncGenerator<Uint8Array, number> {
    if (log === '0') return channel.position.offset;
    let from = offset ?? (await store.log(uuid, { afterVersion: version, limit: 1 }))?.offset ?? 0;
    while (channel.position.offset - from > GAIN_BYTES) {
      const gain = await readGain(store, uuid, log, from, GAIN_BYTES);
      if (gain === undefined) throw new Error('the log ends before its length');
      from = gain.end;
      yield eventBytes({ event: 'change', id: positionId({ version, offset: from }), data: `{${gain.member}}` });
      await ownTurn();
    }
    return from;
  }
}

/** The event that brings a client to where the channel is; `undefined` where it has all. */
function firstEvent(channel: TaskChannel, position: StreamPosition | undefined, offset: number | undefined): Promise<Uint8Array | undefined> | Uint8Array | undefined {
  if (position === undefined || offset === undefined) return channel.recordEvent();
  return hasAll(channel, position, offset) ? channel.unversionedEvent() : channel.changeEvent(position, offset);
}

/** @param offset The byte of the log that the client has. Default: that of its version. */
function hasAll({ position }: TaskChannel, { version, lost = false }: StreamPosition, offset: number = position.offset): boolean {
  return version === position.version && lost === position.lost && offset === position.offset;
}

function isAhead({ position }: TaskChannel, { version, offset = 0 }: StreamPosition): boolean {
  return version > position.version || offset > position.offset;
}

function viewOf(c: Context): TaskView | Response {
  const scopes = flagOf(c, 'scopes', false);
  if (scopes instanceof Response) return scopes;
  const asked = c.req.query('log') ?? 'text';
  const log = LOG_VIEWS.find((view) => view === asked);
  return log === undefined ? problem(400, `log: expected one of ${LOG_VIEWS.join(', ')}, got ${received(asked)}`) : { scopes, log };
}
