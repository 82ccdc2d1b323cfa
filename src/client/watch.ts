/** How a watch and its server stand to each other. */
export interface Connection {
  /**
   * `connecting` until the first answer; `live`; `interrupted` while the server is unreachable, and what is known may be
   * old. The others are final: `ended` as the task has, `failed` as the server has refused, `closed` by the caller.
   */
  readonly connection: 'connecting' | 'live' | 'interrupted' | 'ended' | 'failed' | 'closed';
  /** When the next attempt follows, in milliseconds since the epoch; `undefined` where none waits. */
  readonly retryAt?: number | undefined;
  /** Why it is `interrupted` or `failed`. */
  readonly error?: WatchError | undefined;
}

export interface WatchError {
  /** Status of the HTTP answer; 0 where none came. */
  readonly status: number;
  /** The server's reason, or else what has failed, for a person. */
  readonly detail: string;
}

/**
 * What a server has, followed. A snapshot never changes, and stays the same object as long as nothing has changed.
 *
 * As an async iterable it gives the latest snapshot when the caller asks for the next one, and ends after the final one.
 * Leaving the loop closes the watch, unless it has listeners.
 */
export interface Watch<Snapshot> extends AsyncIterable<Snapshot> {
  /** Calls the listener after each change; returns a function that ends this. A listener that subscribes twice is called once. */
  readonly subscribe: (listener: () => void) => () => void;
  readonly getSnapshot: () => Snapshot;
  /** Ends the connection and all retries. */
  readonly close: () => void;
}

/** Options of each watch. */
export interface WatchOptions {
  /**
   * Sent as `Authorization: Bearer TOKEN`. A function is asked before each request, so again after a 401. A 401 is final
   * where there is no function, or it gives no token.
   */
  readonly token?: string | (() => string | undefined | Promise<string | undefined>) | undefined;
  /** Closes the watch when it is aborted. */
  readonly signal?: AbortSignal | undefined;
  /** Sends the requests, for instance with credentials. Default: the global `fetch`. */
  readonly fetch?: ((url: string, init: RequestInit) => Promise<Response>) | undefined;
  /**
   * After how many milliseconds without a byte the connection is opened anew. Default 45,000: three times the longest
   * silence of a server's streams (`streams.aliveMs`).
   */
  readonly silentMs?: number | undefined;
}

/** The new values after an event; `undefined` where the event does not follow what is known: then all begins anew. */
type ApplyEvent<Snapshot> = (snapshot: Snapshot, type: string, data: never) => Partial<Snapshot> | undefined;

/**
 * Follows a stream of server-sent events through all interruptions, until its end.
 *
 * Throws a `TypeError` for a URL that leads nowhere. All else that fails is in the snapshots.
 *
 * @param url Where it is, without `/events` and without a query; may be relative to the page or worker.
 * @param query The parameters of the stream.
 * @param page The query of what a stream that begins does not have: the answer takes the place of the data of its event
 *   `start`.
 */
export function watchStream<Snapshot extends Connection>(
  first: Snapshot,
  url: string | URL,
  query: URLSearchParams,
  apply: ApplyEvent<Snapshot>,
  { token, signal, fetch: send = fetch, silentMs = 45_000 }: WatchOptions,
  page?: string,
): Watch<Snapshot> {
  const base = new Request(url).url;
  const listeners = new Set<() => void>();
  let snapshot = first;
  let isOver = false;
  const life = new AbortController();
  let request = life;
  /** When the server was heard last. */
  let heard = 0;
  let tries = 0;
  let retry: (() => void) | undefined;
  let timer: ReturnType<typeof setTimeout>;
  let bearer: string | undefined;
  /** The id of the last event; `undefined` where the stream begins from the start. */
  let id: string | undefined;

  /** Gives a snapshot with other values to all who follow, where a value differs and the present snapshot is not final. */
  const update = (values: Partial<Snapshot>): void => {
    const next = merged(snapshot, values);
    if (next === snapshot || isOver) return;
    snapshot = next;
    isOver = !/live|int/.test(next.connection);
    if (isOver) {
      life.abort();
      request.abort();
      clearTimeout(timer);
      clearInterval(alarm);
    }
    // Once for all that changes in one turn. An error of a listener is reported, and stops nothing.
    queueMicrotask(() => {
      if (snapshot === next) listeners.forEach(queueMicrotask);
    });
  };
  const connect = (connection: Connection['connection'], error?: WatchError, retryAt?: number): void =>
    update({ connection, error, retryAt } as Partial<Snapshot>);
  const close = (): void => connect('closed');
  const subscribe = (listener: () => void): (() => void) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };

  const abortAfter = (ms: number): void => {
    if (Date.now() - heard > ms) request.abort({ message: 'silent' } satisfies Failure);
  };
  const alarm = setInterval(abortAfter, silentMs / 9, silentMs);
  const wake = (): void => {
    retry?.();
    abortAfter(silentMs / 2);
  };
  // Events of a page: after each of these the network may be there again.
  for (const name of ['visibilitychange', 'pageshow', 'online']) (globalThis as Partial<EventTarget>).addEventListener?.(name, wake, life);
  signal?.addEventListener('abort', close, life);
  if (signal?.aborted) close();

  /** Requests the page or the stream; throws any other answer. */
  const ask = async (path: string): Promise<Response> => {
    bearer = typeof token === 'function' ? await token() : token;
    const response = await send(base + path, {
      headers: { ...(bearer && { Authorization: `Bearer ${bearer}` }) },
      signal: request.signal,
    });
    const { status } = response;
    const type = response.headers.get('Content-Type')!;
    // A proxy's page, such as that of a login, is no stream.
    if (status === 200 && (path === page || /event-stream/.test(type))) return response;
    const isOwn = /problem/.test(type);
    const { detail: message = `${status} ${type}` } = (isOwn ? await response.json() : {}) as { detail?: string };
    throw { message, status, isOwn } satisfies Failure;
  };

  /** Reads the stream until it breaks off, and throws why. */
  const read = async (): Promise<never> => {
    if (id) query.set('after', id);
    else query.delete('after');
    const reader = (await ask(`/events?${query}`)).body!.getReader();
    const decoder = new TextDecoder();
    let rest = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) throw {} satisfies Failure;
      heard = Date.now();
      tries = 0;
      if (id) connect('live');
      const text = decoder.decode(value, { stream: true });
      rest += text;
      // A long line that comes in many pieces is looked through once.
      if (!text.includes('\n')) continue;
      const events = rest.split('\n\n');
      rest = events.pop()!;
      for (const lines of events) {
        // As taskspan writes them, without those that a later server brings. JSON needs no line breaks.
        const [head, ...data] = lines.split('\ndata: ');
        const [, type, , eventId] = /^event: (record|change|gone|start|end)(\nid: (.+))?/.exec(head!) ?? [];
        if (!type) continue;
        const isPage = page && type === 'start';
        const content: unknown = isPage ? await (await ask(page)).json() : JSON.parse(data.join(''));
        const values = apply(snapshot, type, content as never);
        id = values && (eventId ?? id);
        if (!values) throw {} satisfies Failure;
        connect('live');
        update(values);
      }
    }
  };

  const run = async (): Promise<void> => {
    for (;;) {
      request = new AbortController();
      heard = Date.now();
      try {
        await read();
      } catch (caught) {
        request.abort();
        // A function of the caller may reject with nothing.
        const { status = 0, message = 'closed', isOwn } = Object(caught) as Failure;
        const error = { status, detail: message };
        const isDenied = status === 401;
        const pauseMs = isDenied && !tries ? 0 : Math.random() * Math.min(30_000, 1000 * 2 ** tries);
        tries++;
        if (status === 204) connect('ended');
        else if (status === 400 && id) id = undefined;
        // What is no answer of taskspan is a proxy's, and passes, where the stream was there before.
        else if (isDenied ? !bearer || bearer === token : /^4(?!08|25|29)/.test(status as never) && (isOwn || !id)) connect('failed', error);
        connect('interrupted', error, Date.now() + pauseMs);
        if (isOver) return;
        await new Promise<void>((resolve) => {
          retry = resolve;
          timer = setTimeout(resolve, pauseMs);
        });
        connect('interrupted', error);
      }
    }
  };
  if (!isOver) void run();

  return {
    close,
    subscribe,
    getSnapshot: () => snapshot,
    async *[Symbol.asyncIterator]() {
      let given = first;
      let changed: () => void;
      const unsubscribe = subscribe(() => changed?.());
      try {
        for (;;) {
          if (snapshot !== given) yield (given = snapshot);
          else if (isOver) return;
          else await new Promise<void>((resolve) => (changed = resolve));
        }
      } finally {
        unsubscribe();
        if (!listeners.size) close();
      }
    },
  };
}

interface Failure {
  /** Absent where the stream has ended too early. */
  readonly message?: string;
  /** Status of the answer; absent where none came. */
  readonly status?: number;
  /** Whether it is an answer of taskspan. */
  readonly isOwn?: boolean;
}

/** An object with further values; itself where it has them already. */
export function merged<T extends object>(before: T | undefined, values: Partial<T>): T {
  for (const name in values) if (before?.[name] !== values[name]) return { ...(before as T), ...values };
  return before!;
}
