import { setWatch } from './watch.ts';
import type { Connection, Watch } from './watch.ts';

/** Options of each watch. */
export interface WatchOptions {
  /** Sent as `Authorization: Bearer TOKEN`. A function is asked before each request, so again after a 401. */
  readonly token?: string | (() => string | undefined | Promise<string | undefined>) | undefined;
  /** Closes the watch when it is aborted. */
  readonly signal?: AbortSignal | undefined;
  /** Sends the requests, for instance with credentials. Default: the global `fetch`. */
  readonly fetch?: ((url: URL, init: RequestInit) => Promise<Response>) | undefined;
  /**
   * After how many milliseconds without a byte the connection is taken for dead. Default 45,000: three times the longest
   * silence of a server's streams (`streams.aliveMs`).
   */
  readonly silentMs?: number | undefined;
}

/** A URL that may be relative to the page or worker. */
export function absolute(url: string | URL): URL {
  const { document, location } = globalThis as { document?: { baseURI: string }; location?: { href: string } };
  return new URL(url, document?.baseURI ?? location?.href);
}

/** What differs from one kind of stream to another. */
export interface StreamKind<Snapshot> {
  readonly url: URL;
  /** The snapshot after an event; `undefined` where the event does not follow what is known: then all begins anew. */
  readonly apply: (snapshot: Snapshot, event: string, data: never) => Snapshot | undefined;
  /** Where to read what a stream from the beginning does not have: an event `page`. */
  readonly page?: URL;
}

/** What a page tells of its own state: each of these may mean that the network is there again. */
const WAKING = ['online', 'pageshow', 'visibilitychange'];

const NO_ERROR = { retryAt: undefined, error: undefined };

/** Follows a stream of server-sent events through all interruptions, until its end. */
export function watchStream<Snapshot extends Connection>(
  first: Snapshot,
  { url, apply, page }: StreamKind<Snapshot>,
  { token, signal, fetch: send = (to, init) => fetch(to, init), silentMs = 45_000 }: WatchOptions,
): Watch<Snapshot> {
  let request = new AbortController();
  /** When the server was heard last. */
  let heard = Date.now();
  let retry: (() => void) | undefined;
  let tries = 0;
  let isDenied = false;
  /** The id of the last event; `undefined` where the stream begins from the start. */
  let id: string | undefined;
  let hasPage = false;

  const watch = setWatch(first, () => {
    clearInterval(alarm);
    for (const name of WAKING) globalThis.removeEventListener?.(name, wake);
    signal?.removeEventListener('abort', watch.close);
    request.abort();
    retry?.();
  });
  const { set, getSnapshot, isOver } = watch;
  const patch = (connection: Connection): void => set({ ...getSnapshot(), ...connection });

  const abortAfter = (ms: number): void => {
    if (Date.now() - heard > ms) request.abort();
  };
  const wake = (): void => {
    retry?.();
    abortAfter(silentMs / 2);
  };
  const alarm = setInterval(() => abortAfter(silentMs), silentMs / 9);
  for (const name of WAKING) globalThis.addEventListener?.(name, wake);
  signal?.addEventListener('abort', watch.close);

  /** Requests something of a type. */
  const ask = async (to: URL, type: string): Promise<Response> => {
    const bearer = typeof token === 'function' ? await token() : token;
    const response = await send(to, {
      headers: { Accept: type, ...(bearer && { Authorization: `Bearer ${bearer}` }) },
      cache: 'no-store',
      signal: request.signal,
    });
    const { status } = response;
    const given = response.headers.get('Content-Type') ?? '';
    if (status === 200 && given.startsWith(type)) return response;
    const isProblem = given.startsWith('application/problem');
    const { detail } = (isProblem ? await response.json() : {}) as { detail?: string };
    throw failure(detail ?? `expected ${type}, got ${status} ${given}`, status, isProblem);
  };

  /** Reads the stream until it breaks off, and throws why. */
  const read = async (): Promise<never> => {
    if (id === undefined) {
      hasPage = page === undefined;
      url.searchParams.delete('after');
    } else url.searchParams.set('after', id);
    const reader = (await ask(url, 'text/event-stream')).body!.getReader();
    isDenied = false;
    const decoder = new TextDecoder();
    const events = eventReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) throw failure('the connection was closed');
      heard = Date.now();
      tries = 0;
      let next: Snapshot | undefined = getSnapshot();
      const live = (): Snapshot => (next!.connection === 'live' ? next! : { ...next!, ...NO_ERROR, connection: 'live' });
      if (id !== undefined) next = live();
      try {
        for (const event of events(decoder.decode(value, { stream: true }))) {
          next = apply(live(), event.type, JSON.parse(event.data) as never);
          if (next === undefined) {
            id = undefined;
            throw failure('an event is missing');
          }
          id = event.id ?? id;
        }
      } finally {
        if (next !== undefined) set(next);
      }
      if (!hasPage && id !== undefined) {
        const answer = await ask(page!, 'application/json');
        set(apply(getSnapshot(), 'page', (await answer.json()) as never)!);
        hasPage = true;
      }
    }
  };

  const run = async (): Promise<void> => {
    while (!isOver()) {
      request = new AbortController();
      heard = Date.now();
      try {
        await read();
      } catch (caught) {
        const { message, status = 0, isProblem } = caught as Failure;
        const isSilent = request.signal.aborted;
        request.abort();
        const error = { status, detail: isSilent ? 'the server is silent' : message };
        let pauseMs = isSilent ? 0 : Math.random() * Math.min(30_000, 1000 * 2 ** tries++);
        if (status === 204) {
          patch({ ...NO_ERROR, connection: 'ended' });
        } else if (status === 401 && typeof token === 'function') {
          if (!isDenied) pauseMs = 0;
          isDenied = true;
        } else if (status === 400 && url.searchParams.has('after')) {
          id = undefined;
          pauseMs = 0;
        } else if (/^4(?!08|25|29)/.test(`${status}`) && (isProblem || id === undefined)) {
          // Other such answers are a proxy's, and pass: the stream was there before.
          patch({ error, connection: 'failed' });
        }
        patch({ error, connection: 'interrupted', retryAt: Date.now() + pauseMs });
        if (isOver()) return;
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, pauseMs);
          retry = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        retry = undefined;
        patch({ error, connection: 'interrupted', retryAt: undefined });
      }
    }
  };
  if (signal?.aborted) watch.close();
  void run();
  return watch;
}

interface Failure extends Error {
  /** Status of the answer; `undefined` where none came. */
  readonly status?: number;
  /** Whether the answer is one of taskspan. */
  readonly isProblem?: boolean;
}

function failure(message: string, status = 0, isProblem = false): Failure {
  return Object.assign(new Error(message), { status, isProblem });
}

interface StreamEvent {
  readonly type: string;
  readonly data: string;
  readonly id: string | undefined;
}

/** Gives the events that are complete with a further piece of a stream (HTML standard, 9.2). */
export function eventReader(): (text: string) => StreamEvent[] {
  let rest = '';
  let data: string[] = [];
  let fields: Record<string, string> = {};
  return (text) => {
    rest += text;
    const events: StreamEvent[] = [];
    // A long line that comes in many pieces is looked through once.
    if (!text.includes('\n')) return events;
    const lines = rest.split(/\r?\n/);
    rest = lines.pop()!;
    for (const line of lines) {
      const [name] = line.split(':', 1) as [string];
      const value = line.slice(name.length + 1).replace(/^ /, '');
      if (name === 'data') data.push(value);
      else if (name !== '') fields[name] = value;
      else if (line === '') {
        if (data.length > 0) events.push({ type: fields['event'] ?? 'message', data: data.join('\n'), id: fields['id'] });
        data = [];
        fields = {};
      }
    }
    return events;
  };
}
