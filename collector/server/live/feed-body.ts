import type { Context } from 'hono';
import { ALIVE } from './event-stream.ts';
import type { Feed, FeedMessage, FeedPlace, FeedReader } from './feed.ts';

/** What {@link feedBody} sends. */
export interface FeedBodyOptions<Message extends FeedMessage> {
  feed: Feed<Message>;
  /**
   * What comes before the feed's messages. It calls `follow` when it has the last of it in hand: the
   * feed goes on from there. One that ends without having followed is all there is.
   */
  first: (follow: () => void) => AsyncGenerator<Uint8Array, void>;
  /** The bytes of a message for this client; `undefined` if it is not for it. */
  encode: (message: Message) => Uint8Array | undefined;
  /** Whether comments may keep the connection alive. */
  comments: boolean;
  /** Ends the connection at once, with what it has not taken; says whether it can. */
  sever: () => boolean;
  /** Told once, when nothing more will be sent for whatever reason. */
  released: () => void;
  /** Told of what {@link first} throws. The body breaks off then. */
  failed: (error: unknown) => void;
}

/**
 * A body that goes on as a feed does, as fast as its client takes it: it has no queue of its own, a
 * message is given to it when it is read for.
 */
export function feedBody<Message extends FeedMessage>(options: FeedBodyOptions<Message>): ReadableStream<Uint8Array> {
  return new ReadableStream(new FeedBody(options), { highWaterMark: 0 });
}

class FeedBody<Message extends FeedMessage> implements FeedReader<Message> {
  readonly #options: FeedBodyOptions<Message>;
  readonly #first: AsyncGenerator<Uint8Array, void>;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #place: FeedPlace<Message>;
  #follows = false;
  /** Whether what comes first is sent, so that it is the feed's turn. */
  #live = false;
  #over = false;
  /** Whether the body is being read for, so that it can be given something. */
  #isWanted = false;

  constructor(options: FeedBodyOptions<Message>) {
    this.#options = options;
    this.#place = options.feed.last;
    this.#first = options.first(() => this.#follow());
  }

  get place(): FeedPlace<Message> {
    return this.#place;
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

  push(): void {
    if (!this.#live || this.#over) return;
    while (this.#isWanted && this.#place.next !== undefined) {
      this.#place = this.#place.next;
      const bytes = this.#options.encode(this.#place.message!);
      if (bytes !== undefined) this.#give(bytes);
    }
    if (this.#place.next === undefined && this.#options.feed.ended) this.#close();
  }

  alive(): void {
    // A client that has something to take yet needs no sign of life.
    if (this.#live && !this.#over && this.#isWanted && this.#options.comments) this.#give(ALIVE);
  }

  letGo(): void {
    if (this.#over) return;
    this.#release();
    // A severed connection cancels the body by itself; an error would be printed by the server.
    if (!this.#options.sever()) this.#controller?.error(new Error('the client was too slow, or the store failed'));
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
      this.#options.failed(error);
      this.letGo();
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
    this.#place = this.#options.feed.last;
    this.#options.feed.add(this);
  }

  #close(): void {
    this.#release();
    this.#controller!.close();
  }

  #release(): void {
    if (this.#over) return;
    this.#over = true;
    this.#options.feed.delete(this);
    this.#options.released();
    void this.#first.return();
  }
}

/**
 * Ends the connection of a request, where it came by Node's own server. Without it a client that
 * takes nothing would hold what is on its way for as long as it likes.
 */
export function severance(c: Context): () => boolean {
  const { outgoing } = (c.env ?? {}) as { outgoing?: { destroy?: () => void } };
  return () => {
    outgoing?.destroy?.();
    return outgoing?.destroy !== undefined;
  };
}
