import type { Context } from 'hono';
import { received } from '../../src/failure.ts';
import { ownTurn } from '../async.ts';
import type { TaskStore } from '../store/task-store.ts';
import { negotiate, problem, REVALIDATED, unknownTask } from './answers.ts';
import type { LiveTasks } from './live/live-tasks.ts';
import { streamAnswer } from './live/stream-body.ts';
import type { TaskChannel, TaskMessage } from './live/task-channel.ts';
import { waitOf } from './live/wait-for-task.ts';
import type { TaskWaiting } from './live/wait-for-task.ts';
import { entryPiece, LOG_TYPES, writtenEntries } from './log-entries.ts';
import type { LogForm } from './log-entries.ts';
import { logPiece, wholeLog } from './task-log.ts';

/**
 * `GET /tasks/:uuid/log`: the log as text from byte `offset` on; with `follow=1` it goes on until the task has ended.
 * With `times=1` each line has its time before it. A client that accepts `application/x-ndjson` gets the entries of the
 * log, one JSON object a line. With `wait` the task need not exist yet.
 */
export function taskLogRoute(store: TaskStore, live: LiveTasks, waiting: TaskWaiting): (c: Context, uuid: string) => Promise<Response> {
  return async (c, uuid) => {
    const query = logQuery(c);
    if (query instanceof Response) return query;
    return query.follow ? growing(c, uuid, query) : rest(c, uuid, query);
  };

  async function rest(c: Context, uuid: string, { offset, wait, form }: LogQuery): Promise<Response> {
    const task = await waiting.read(c, uuid, wait, () => store.stored(uuid));
    if (task === undefined) return unknownTask(uuid);
    if (offset > task.logBytes) return beyond(offset, task.logBytes);
    const length = form === 'text' ? { 'Content-Length': String(task.logBytes - offset) } : {};
    const headers = { 'Content-Type': LOG_TYPES[form], Vary: 'Accept', ...REVALIDATED, ...length };
    if (c.req.method === 'HEAD') return new Response(null, { headers });
    const body = form === 'text' ? await wholeLog(store, task, offset) : await writtenEntries(store, task, offset, form);
    return body === undefined ? unknownTask(uuid) : new Response(body, { headers });
  }

  /** The log as it grows, until the task has ended. */
  function growing(c: Context, uuid: string, { offset, wait, form }: LogQuery): Promise<Response> {
    return streamAnswer<TaskMessage>(c, {
      contentType: LOG_TYPES[form],
      enter: () => live.enter(),
      open: async (onRelease) => {
        const watched = await waiting.channel(c, uuid, wait, { scopes: false, log: form === 'text' ? 'text' : 'entries' });
        if (watched === undefined) return unknownTask(uuid);
        const { channel, release } = watched;
        onRelease(release);
        if (offset > channel.position.offset) await live.catchUp();
        if (offset > channel.position.offset) return beyond(offset, channel.position.offset);
        return { channel: channel.channel, first: (follow) => untilNow(uuid, channel, offset, form, follow), encode: (message) => message.written(form) };
      },
    });
  }

  async function* untilNow(uuid: string, channel: TaskChannel, offset: number, form: LogForm, follow: () => void): AsyncGenerator<Uint8Array, void> {
    for (let from = offset; ; ) {
      const logBytes = channel.position.offset;
      if (from >= logBytes) {
        if (!channel.finished) follow();
        return;
      }
      const { bytes, end } = await pieceOf(uuid, logBytes, from, form);
      if (end === from) throw new Error('the log ends before its length');
      from = end;
      if (bytes.length > 0) yield bytes;
      await ownTurn();
    }
  }

  async function pieceOf(uuid: string, logBytes: number, from: number, form: LogForm): Promise<{ bytes: Uint8Array; end: number }> {
    if (form !== 'text') return entryPiece(store, { uuid, logBytes }, from, form);
    const bytes = (await logPiece(store, { uuid, logBytes }, from)) ?? Buffer.alloc(0);
    return { bytes, end: from + bytes.length };
  }
}

interface LogQuery {
  readonly offset: number;
  readonly follow: boolean;
  readonly wait: number;
  readonly form: LogForm;
}

/** The representations of a log; a client without `Accept` gets the first one. */
const REPRESENTATIONS = ['text/plain', 'application/x-ndjson'] as const;

function logQuery(c: Context): LogQuery | Response {
  const { offset = '0', follow = '0', times = '0' } = c.req.query();
  if (!/^\d{1,15}$/.test(offset)) return problem(400, `offset: expected a count of bytes, got ${received(offset)}`);
  if (follow !== '0' && follow !== '1') return problem(400, `follow: expected 0 or 1, got ${received(follow)}`);
  if (times !== '0' && times !== '1') return problem(400, `times: expected 0 or 1, got ${received(times)}`);
  const wait = waitOf(c);
  if (wait instanceof Response) return wait;
  const form = negotiate(c, REPRESENTATIONS) === 'application/x-ndjson' ? 'ndjson' : times === '1' ? 'times' : 'text';
  return { offset: Number(offset), follow: follow === '1', wait, form };
}

function beyond(offset: number, logBytes: number): Response {
  return problem(416, `offset: the log has ${logBytes} bytes, there is nothing at ${offset}`, {
    'Content-Range': `bytes */${logBytes}`,
  });
}
