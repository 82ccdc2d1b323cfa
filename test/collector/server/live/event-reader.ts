import { onTestFinished } from 'vitest';
import { applyChange } from '../../../../src/task-stream.ts';
import type { StreamRecord, TaskChange } from '../../../../src/task-stream.ts';
import type { TaskRecord } from '../../../../src/task-record.ts';

/** A server-sent event as a client sees it. */
export interface ReceivedEvent {
  event: string;
  /** The last id that came, with this event or one before. */
  id: string;
  data: string;
}

/** Reads the events of a response one by one; what is not read yet is not asked for. */
export class EventReader implements AsyncDisposable {
  /** Comments that came so far. */
  readonly comments: string[] = [];
  lastId = '';
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #text = '';

  constructor(response: Response) {
    if (response.status !== 200) throw new Error(`expected a stream, got ${response.status}`);
    this.#reader = response.body!.getReader();
    onTestFinished(() => this[Symbol.asyncDispose]());
  }

  /** The next event; `undefined` at the end. */
  async next(): Promise<ReceivedEvent | undefined> {
    for (;;) {
      const end = this.#text.indexOf('\n\n');
      if (end === -1) {
        const { done, value } = await this.#reader.read();
        if (done) return undefined;
        this.#text += this.#decoder.decode(value, { stream: true });
        continue;
      }
      const received = this.#dispatch(this.#text.slice(0, end));
      this.#text = this.#text.slice(end + 2);
      if (received !== undefined) return received;
    }
  }

  /** All that comes until the end. */
  async rest(): Promise<ReceivedEvent[]> {
    const events: ReceivedEvent[] = [];
    for (let event = await this.next(); event !== undefined; event = await this.next()) events.push(event);
    return events;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader.cancel().catch(() => undefined);
  }

  #dispatch(block: string): ReceivedEvent | undefined {
    let event = 'message';
    const data: string[] = [];
    for (const line of block.split(/\r\n|\r|\n/)) {
      const [, field = '', value = ''] = /^([^:]*): ?(.*)$/s.exec(line) ?? [];
      if (field === '') this.comments.push(value);
      else if (field === 'id') this.lastId = value;
      else if (field === 'event') event = value;
      else if (field === 'data') data.push(value);
    }
    return data.length === 0 ? undefined : { event, id: this.lastId, data: data.join('\n') };
  }
}

/** A record as a client keeps it by the events of its stream. Text that comes twice or with a gap is an error. */
export class FollowedRecord {
  record: TaskRecord | undefined;
  ended = false;
  events = 0;
  #log = '';

  take({ event, data }: Pick<ReceivedEvent, 'event' | 'data'>): void {
    if (this.ended) throw new Error(`after the end came ${event}`);
    this.events++;
    if (event === 'end') this.ended = true;
    else if (event === 'record') this.#replace(JSON.parse(data) as StreamRecord & TaskRecord);
    else if (event === 'change') this.#change(JSON.parse(data) as TaskChange);
    else throw new Error(`unknown event ${event}`);
  }

  /** It has then what GET gives: `log_from` is that of streams alone. */
  #replace({ log_from: from, ...record }: StreamRecord & TaskRecord): void {
    if (from !== record.log_offset) throw new Error(`the log begins at ${from} and at ${record.log_offset}`);
    this.record = record;
    this.#log = record.log;
  }

  #change(change: TaskChange): void {
    if (this.record === undefined) throw new Error('a change came before the record');
    if (change.log !== undefined) {
      const end = this.record.log_offset + Buffer.byteLength(this.#log);
      if (change.log.offset !== end) throw new Error(`expected text from byte ${end}, got it from ${change.log.offset}`);
      this.#log += change.log.text;
    }
    this.record = applyChange(this.record, change);
  }
}
