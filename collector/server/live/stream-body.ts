import type { Context } from 'hono';
import { reportStoreFailure } from '../answers.ts';
import type { Channel, ChannelLink, ChannelMessage, ChannelReader } from './channel.ts';
import { streamHeaders } from './event-stream.ts';

/** What a stream sends to one client. */
export interface StreamContents<Message extends ChannelMessage> {
  readonly channel: Channel<Message>;
  /**
   * Gives the bytes that come before the channel's messages. It calls `follow` when they have reached the state of the
   * channel: the channel's later messages follow them. Without that call the stream ends after these bytes.
   */
  readonly first: (follow: () => void) => AsyncGenerator<Uint8Array, void>;
  /** The bytes of a message for this client; `undefined` for a message that is not for it. */
  readonly encode: (message: Message) => Uint8Array | undefined;
  /** Bytes that keep the connection alive through proxies, and change nothing for the client. Default: none. */
  readonly alive?: () => Uint8Array;
}

/** What {@link streamAnswer} needs besides the request. */
interface StreamOpening<Message extends ChannelMessage> {
  readonly contentType: string;
  /** Begins to watch the store; gives a function that ends it. */
  readonly enter: () => Promise<() => void>;
  /**
   * Prepares the stream, or gives another answer if there is no stream for the request. The functions that it passes to
   * `onRelease` are called when the stream has ended for any reason.
   */
  readonly open: (onRelease: (release: () => void) => void) => Promise<Response | StreamContents<Message>>;
}

/** Answers with a stream that follows a channel, until the channel ends or the client disconnects. */
export async function streamAnswer<Message extends ChannelMessage>(
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
    // The body has no queue of its own: it takes a message from the channel when the client reads.
    const body = c.req.method === 'HEAD' ? null : new ReadableStream(new StreamBody(contents, severance(c), release), { highWaterMark: 0 });
    return new Response(body, { headers: streamHeaders(contentType) });
  } catch (error) {
    release();
    throw error;
  }
}

/**
 * The body of a stream, in one of these modes:
 *
 * | mode | what happens | goes to |
 * | --- | --- | --- |
 * | `beginning` | the bytes before the channel's messages are sent, a piece each time that the client reads | `ready`, or `over` if no message follows |
 * | `ready` | the client reads, and there is no message yet | `busy` with the next message or comment |
 * | `busy` | the client has not taken what it was given | `ready` when it reads |
 * | `over` | the stream has ended, the client has disconnected or was too slow | |
 */
class StreamBody<Message extends ChannelMessage> implements ChannelReader<Message> {
  readonly #contents: StreamContents<Message>;
  readonly #sever: () => boolean;
  readonly #released: () => void;
  readonly #first: AsyncGenerator<Uint8Array, void>;
  #mode: 'beginning' | 'ready' | 'busy' | 'over' = 'beginning';
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  /** The last message that it has taken: later ones of the channel follow it. */
  #followed: ChannelLink<Message> | undefined;

  /**
   * @param sever Ends the connection at once, with the bytes that the client has not taken; returns whether it can.
   * @param released Called once, when the body has ended for any reason.
   */
  constructor(contents: StreamContents<Message>, sever: () => boolean, released: () => void) {
    this.#contents = contents;
    this.#sever = sever;
    this.#released = released;
    this.#first = contents.first(() => this.#follow());
  }

  get link(): ChannelLink<Message> {
    return this.#followed ?? this.#contents.channel.last;
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller;
  }

  /** The client reads. */
  pull(): Promise<void> | undefined {
    if (this.#mode === 'beginning') return this.#begin();
    if (this.#mode !== 'over') this.#ready();
    return undefined;
  }

  cancel(): void {
    this.#end();
  }

  push(): void {
    if (this.#mode !== 'ready') return;
    const { channel, encode } = this.#contents;
    while (this.#followed?.next !== undefined) {
      this.#followed = this.#followed.next;
      const bytes = encode(this.#followed.message!);
      if (bytes !== undefined) return this.#give(bytes);
    }
    if (channel.ended) this.#close();
  }

  keepAlive(): void {
    // A client that still has bytes to read needs no comment.
    if (this.#mode === 'ready' && this.#contents.alive !== undefined) this.#give(this.#contents.alive());
  }

  drop(): void {
    if (this.#mode === 'over') return;
    this.#end();
    // A severed connection cancels the body by itself; an error would be printed by the server.
    if (!this.#sever()) this.#controller?.error(new Error('the client was too slow, or the store failed'));
  }

  async #begin(): Promise<void> {
    try {
      const { done, value } = await this.#first.next();
      if (this.#isOver()) return;
      if (done !== true) this.#controller!.enqueue(value);
      else if (this.#followed === undefined) this.#close();
      else this.#ready();
    } catch (error) {
      if (this.#isOver()) return;
      reportStoreFailure(error);
      this.drop();
    }
  }

  #follow(): void {
    if (this.#mode === 'over') return;
    this.#followed = this.#contents.channel.last;
    this.#contents.channel.add(this);
  }

  #ready(): void {
    this.#mode = 'ready';
    this.push();
  }

  #give(bytes: Uint8Array): void {
    this.#mode = 'busy';
    this.#controller!.enqueue(bytes);
  }

  #close(): void {
    this.#end();
    this.#controller!.close();
  }

  #end(): void {
    if (this.#mode === 'over') return;
    this.#mode = 'over';
    this.#contents.channel.delete(this);
    this.#released();
    void this.#first.return();
  }

  /** Whether it has ended, as it may during an `await`. */
  #isOver(): boolean {
    return this.#mode === 'over';
  }
}

/**
 * Gives a function that ends the connection of a request to Node's own server. Without it the bytes for a client that
 * does not read would stay in memory for ever.
 */
function severance(c: Context): () => boolean {
  const { outgoing } = (c.env ?? {}) as { outgoing?: { destroy?: () => void } };
  return () => {
    outgoing?.destroy?.();
    return outgoing?.destroy !== undefined;
  };
}
