/** What a {@link Feed} carries. */
export interface FeedMessage {
  /** How much it counts for a reader that lags behind. */
  readonly size: number;
}

/** A place in a feed: after this message. Who stands there keeps those after it in memory, nobody those before. */
export interface FeedPlace<Message> {
  readonly message: Message | undefined;
  next: FeedPlace<Message> | undefined;
  /** Sizes of all messages up to here. */
  readonly end: number;
}

/** Somebody who follows a feed. */
export interface FeedReader<Message> {
  /** The last message that it has taken. */
  readonly place: FeedPlace<Message>;
  /** Takes what it has room for. */
  push(): void;
  /** Has nothing for long: says that the connection lives. */
  alive(): void;
  /** Is too slow: ends its connection. */
  letGo(): void;
}

/**
 * One sequence of messages for many readers, each at its own pace: a message is made once and kept
 * as long as one has yet to take it. A reader that lags too far behind is let go, so what is kept
 * is bounded however many there are.
 */
export class Feed<Message extends FeedMessage> {
  readonly #readers = new Set<FeedReader<Message>>();
  readonly #maxBehindBytes: number;
  #last: FeedPlace<Message> = { message: undefined, next: undefined, end: 0 };
  #ended = false;

  constructor(maxBehindBytes: number) {
    this.#maxBehindBytes = maxBehindBytes;
  }

  /** The place after the latest message. */
  get last(): FeedPlace<Message> {
    return this.#last;
  }

  get readers(): number {
    return this.#readers.size;
  }

  /** Whether nothing more will come. */
  get ended(): boolean {
    return this.#ended;
  }

  add(reader: FeedReader<Message>): void {
    this.#readers.add(reader);
  }

  delete(reader: FeedReader<Message>): void {
    this.#readers.delete(reader);
  }

  publish(message: Message): void {
    // Judged by what was there before this one: whoever takes what there is at once is never too slow.
    for (const reader of this.#readers) {
      if (this.#last.end - reader.place.end <= this.#maxBehindBytes) continue;
      this.#readers.delete(reader);
      reader.letGo();
    }
    const place = { message, next: undefined, end: this.#last.end + message.size };
    this.#last.next = place;
    this.#last = place;
    this.#push();
  }

  /** After the messages so far its readers are at the end. */
  end(): void {
    this.#ended = true;
    this.#push();
  }

  alive(): void {
    for (const reader of this.#readers) reader.alive();
  }

  #push(): void {
    for (const reader of this.#readers) reader.push();
  }
}
