import { ownTurn } from '../../async.ts';

/** What a {@link Channel} carries: its bytes count for a reader that lags behind. */
export interface ChannelMessage {
  readonly event: Uint8Array;
}

/** Reads a {@link Channel} at its own pace. */
export interface ChannelReader<Message extends ChannelMessage> {
  /** The last message that it has taken. */
  readonly link: ChannelLink<Message>;
  /** Called for a new message and at the end of the channel: the reader takes messages as long as its client has room. */
  push(): void;
  /** Nothing was sent for a while. */
  keepAlive(): void;
  /** Called when the reader lags too far behind, and has been dropped. */
  drop(): void;
}

/** A link in the chain of a channel's messages. A reader holds the last one that it took, and so keeps the later ones in memory. */
export interface ChannelLink<Message extends ChannelMessage> {
  readonly message: Message | undefined;
  next: ChannelLink<Message> | undefined;
  /** The sum of the sizes of all messages up to this one. */
  readonly end: number;
}

const READERS_A_TURN = 100;

/**
 * One sequence of messages for many readers, each at its own pace. A message is made once, and kept until all have taken
 * it. A reader that lags too far behind is dropped, so that the kept messages are bounded for any number of readers.
 *
 * Its owner updates its own state of the tasks in the same turn of the event loop in which it sends the message about the
 * change. So a new reader may begin in any turn with the owner's state, and continue with the messages after {@link last}.
 */
export class Channel<Message extends ChannelMessage> {
  readonly #readers = new Set<ChannelReader<Message>>();
  readonly #maxBehindBytes: number;
  #last: ChannelLink<Message> = { message: undefined, next: undefined, end: 0 };
  #ended = false;

  constructor(maxBehindBytes: number) {
    this.#maxBehindBytes = maxBehindBytes;
  }

  /** The link of the latest message. */
  get last(): ChannelLink<Message> {
    return this.#last;
  }

  /** Whether no more messages follow. */
  get ended(): boolean {
    return this.#ended;
  }

  add(reader: ChannelReader<Message>): void {
    this.#readers.add(reader);
  }

  delete(reader: ChannelReader<Message>): void {
    this.#readers.delete(reader);
  }

  /** Sends a message. Resolves when each reader has been given it, or has been found to be slow. */
  send(message: Message): Promise<void> {
    // The lag is measured without this message: a reader that takes each message at once is never too slow.
    for (const reader of this.#readers) {
      if (this.#last.end - reader.link.end <= this.#maxBehindBytes) continue;
      this.#readers.delete(reader);
      reader.drop();
    }
    const link = { message, next: undefined, end: this.#last.end + message.event.byteLength };
    this.#last.next = link;
    this.#last = link;
    return this.#each((reader) => reader.push());
  }

  /** Ends it. Each reader takes the messages so far, and then ends too. */
  end(): Promise<void> {
    this.#ended = true;
    return this.#each((reader) => reader.push());
  }

  keepAlive(): Promise<void> {
    return this.#each((reader) => reader.keepAlive());
  }

  /** Some readers in each turn of the event loop: what each is given is written to its connection in the same turn. */
  async #each(give: (reader: ChannelReader<Message>) => void): Promise<void> {
    let count = 0;
    for (const reader of this.#readers) {
      give(reader);
      if (++count % READERS_A_TURN === 0) await ownTurn();
    }
  }
}
