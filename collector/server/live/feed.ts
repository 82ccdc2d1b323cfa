import type { Context } from 'hono';
import { ownTurn } from '../../async.ts';
import { reportStoreFailure } from '../answers.ts';
import { ALIVE, streamHeaders } from './event-stream.ts';

const READERS_A_TURN = 100;

/** What a {@link Feed} carries: a change as a server-sent event, whose bytes count for a reader that lags behind. */
export interface FeedMessage {
  readonly event: Uint8Array;
}

/** A link in the chain of a feed's messages. A reader holds the link of the last message that it took, and so keeps the later ones in memory. */
interface FeedLink<Message> {
  readonly message: Message | undefined;
  next: FeedLink<Message> | undefined;
  /** The sum of the sizes of all messages up to this one. */
  readonly end: number;
}

/**
 * One sequence of messages for many readers, each at its own pace. A message is made once, and kept until all have taken
 * it. A reader that lags too far behind is dropped, so that the kept messages are bounded for any number of readers.
 */
export class Feed<Message extends FeedMessage> {
  readonly #readers = new Set<FeedBody<Message>>();
  readonly #maxBehindBytes: number;
  #last: FeedLink<Message> = { message: undefined, next: undefined, end: 0 };
  #ended = false;
  #changed: PromiseWithResolvers<void> | undefined;

  constructor(maxBehindBytes: number) {
    this.#maxBehindBytes = maxBehindBytes;
  }

  /** The link of the latest message. */
  get last(): FeedLink<Message> {
    return this.#last;
  }

  get readers(): number {
    return this.#readers.size;
  }

  /** Whether no more messages follow. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Resolves with the next message, or when no more follow. */
  changed(): Promise<void> {
    if (this.#ended) return Promise.resolve();
    this.#changed ??= Promise.withResolvers();
    return this.#changed.promise;
  }

  add(reader: FeedBody<Message>): void {
    this.#readers.add(reader);
  }

  delete(reader: FeedBody<Message>): void {
    this.#readers.delete(reader);
  }

  /** Sends a message. Resolves when each reader has been given it, or has been found to be slow. */
  publish(message: Message): Promise<void> {
    // The lag is measured without this message: a reader that takes each message at once is never too slow.
    for (const reader of this.#readers) {
      if (this.#last.end - reader.link.end <= this.#maxBehindBytes) continue;
      this.#readers.delete(reader);
      reader.drop();
    }
    const link = { message, next: undefined, end: this.#last.end + message.event.byteLength };
    this.#last.next = link;
    this.#last = link;
    return this.#push();
  }

  /** Ends the feed. Each reader takes the messages so far, and then ends too. */
  end(): Promise<void> {
    this.#ended = true;
    return this.#push();
  }

  keepAlive(): Promise<void> {
    return this.#each((reader) => reader.keepAlive());
  }

  #push(): Promise<void> {
    this.#changed?.resolve();
    this.#changed = undefined;
    return this.#each((reader) => reader.push());
  }

  /** Some readers in each turn of the event loop: what each is given is written to its connection in the same turn. */
  async #each(give: (reader: FeedBody<Message>) => void): Promise<void> {
    let count = 0;
    for (const reader of this.#readers) {
      give(reader);
      if (++count % READERS_A_TURN === 0) await ownTurn();
    }
  }
}

/** What a stream sends to one client. */
interface StreamContents<Message extends FeedMessage> {
  feed: Feed<Message>;
  /**
   * Gives what comes before the feed's messages. It calls `follow` when it has read the last of it: the feed goes on
   * from there. Without that call the body ends after it.
   */
  first: (follow: () => void) => AsyncGenerator<Uint8Array, void>;
  /** The bytes of a message for this client; `undefined` for a message that is not for it. */
  encode: (message: Message) => Uint8Array | undefined;
  /** Whether comments may keep the connection alive. */
  comments: boolean;
}

/** What {@link streamAnswer} needs besides the request. */
interface StreamOpening<Message extends FeedMessage> {
  contentType: string;
  /** Begins to watch the store; gives what ends that. */
  enter: () => Promise<() => void>;
  /**
   * Prepares the stream, or gives the answer of a request that gets none. What it passes to `onRelease` is called when
   * the stream has ended for any reason.
   */
  open: (onRelease: (release: () => void) => void) => Promise<Response | StreamContents<Message>>;
}

/** Answers with a stream that follows a feed, until the feed ends or the client disconnects. */
export async function streamAnswer<Message extends FeedMessage>(
  c: Context,
  { contentType, enter, open }: StreamOpening<Message>,
): Promise<Response> {
  const releases = [await enter()];
  const release = (): void => {
    for (const end of releases.splice(0).toReversed()) end();
  };
  try {
    const contents = await open((end) => releases.push(end));
    const isRefused = contents instanceof Response;
    if (isRefused || c.req.method === 'HEAD') release();
    if (isRefused) return contents;
    // It has no queue of its own: it takes a message from the feed when the client reads.
    const body = c.req.method === 'HEAD' ? null : new ReadableStream(new FeedBody(contents, severance(c), release), { highWaterMark: 0 });
    return new Response(body, { headers: streamHeaders(contentType) });
  } catch (error) {
    release();
    throw error;
  }
}

/** The body of a stream: sends what comes first, then the feed's messages as fast as the client reads. */
class FeedBody<Message extends FeedMessage> {
  readonly #contents: StreamContents<Message>;
  readonly #sever: () => boolean;
  readonly #released: () => void;
  readonly #first: AsyncGenerator<Uint8Array, void>;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #link: FeedLink<Message>;
  #follows = false;
  /** Whether all that comes first is sent, so that the feed's messages are next. */
  #live = false;
  #over = false;
  /** Whether the client reads and has not been given anything yet. */
  #isWanted = false;

  /**
   * @param sever Ends the connection at once, with the bytes that the client has not taken; returns whether it can.
   * @param released Called once, when the body has ended for any reason.
   */
  constructor(contents: StreamContents<Message>, sever: () => boolean, released: () => void) {
    this.#contents = contents;
    this.#sever = sever;
    this.#released = released;
    this.#link = contents.feed.last;
    this.#first = contents.first(() => this.#follow());
  }

  /** The last message that it has taken. */
  get link(): FeedLink<Message> {
    return this.#link;
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller;
  }

  pull(): Promise<void> | undefined {
    if (!this.#live) return this.#pullFirst();
    this.#isWanted = true;
    this.push();
    return undefined;
  }

  cancel(): void {
    this.#release();
  }

  /** Takes as many messages as the client has room for. */
  push(): void {
    if (!this.#live || this.#over) return;
    while (this.#isWanted && this.#link.next !== undefined) {
      this.#link = this.#link.next;
      const bytes = this.#contents.encode(this.#link.message!);
      if (bytes !== undefined) this.#give(bytes);
    }
    if (this.#link.next === undefined && this.#contents.feed.ended) this.#close();
  }

  /** Sends a comment that keeps the connection alive. */
  keepAlive(): void {
    // A client that still has bytes to read needs no comment.
    if (this.#live && !this.#over && this.#isWanted && this.#contents.comments) this.#give(ALIVE);
  }

  /** Ends the connection of a client that is too slow. */
  drop(): void {
    if (this.#over) return;
    this.#release();
    // A severed connection cancels the body by itself; an error would be printed by the server.
    if (!this.#sever()) this.#controller?.error(new Error('the client was too slow, or the store failed'));
  }

  async #pullFirst(): Promise<void> {
    try {
      const { done, value } = await this.#first.next();
      if (this.#over) return;
      if (done !== true) {
        this.#controller!.enqueue(value);
        return;
      }
    } catch (error) {
      if (this.#over) return;
      reportStoreFailure(error);
      this.drop();
      return;
    }
    this.#live = true;
    this.#isWanted = true;
    if (this.#follows) this.push();
    else this.#close();
  }

  #give(bytes: Uint8Array): void {
    this.#isWanted = false;
    this.#controller!.enqueue(bytes);
  }

  #follow(): void {
    if (this.#over) return;
    this.#follows = true;
    this.#link = this.#contents.feed.last;
    this.#contents.feed.add(this);
  }

  #close(): void {
    this.#release();
    this.#controller!.close();
  }

  #release(): void {
    if (this.#over) return;
    this.#over = true;
    this.#contents.feed.delete(this);
    this.#released();
    void this.#first.return();
  }
}

/**
 * Gives what ends the connection of a request that came by Node's own server. Otherwise a client that reads nothing
 * would keep the bytes on their way to it in memory without end.
 */
function severance(c: Context): () => boolean {
  const { outgoing } = (c.env ?? {}) as { outgoing?: { destroy?: () => void } };
  return () => {
    outgoing?.destroy?.();
    return outgoing?.destroy !== undefined;
  };
}
