import type { Context, MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';
import { checkKeys } from '../../src/check-options.ts';
import { received } from '../../src/failure.ts';
import { isLoopbackName } from './loopback.ts';
import { problem } from './problem.ts';
import { CHALLENGES, checkToken, tokenCheck } from './token.ts';

/** Who may read. Without options: only requests to a loopback name, from no foreign web page. */
export interface AccessOptions {
  /**
   * Names that `Host` may have besides loopback ones (`localhost`, `*.localhost`, `127.0.0.0/8`,
   * `[::1]`): `tasks.example` for any port, `tasks.example:8080` for that one. Default: none.
   */
  allowedHosts?: readonly string[];
  /**
   * Origins of web pages that may read from elsewhere (CORS), such as `https://app.example`.
   * Default: none, only pages of the very same host.
   */
  allowedOrigins?: readonly string[];
  /**
   * A secret that each request must carry, `/healthz` and `/readyz` excepted: as
   * `Authorization: Bearer TOKEN`, or as the password of HTTP Basic. 16 to 1024 characters of
   * `A-Z a-z 0-9 - . _ ~ + /` and `=` at the end. With it `Host` may be any name. Default: none.
   */
  token?: string;
}

const HOST = /^(?:\[[0-9a-f:.]+\]|[^\s:/?#@[\]]+)(?::\d+)?$/i;
const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@]+$/i;

/** The answer to a request that may not be made; `undefined` to one that may. */
type Refusal = (c: Context) => Response | undefined;

/** The rules of access, made from {@link AccessOptions}. */
export interface Access {
  /** The answer to a request that may not be made: 403, saying which option allows it, or 401 without the token. */
  refusal: Refusal;
  /** The same for what says nothing of a task: it needs no token. */
  openRefusal: Refusal;
  /**
   * The answer to a request that may not change anything: 403 or 401. Pages of another origin may never,
   * those of `allowedOrigins` neither.
   */
  changeRefusal: Refusal;
  /** Lets pages of `allowedOrigins` read (CORS); `undefined` where there are none. */
  cors: MiddlewareHandler | undefined;
}

/**
 * Turns away what a web page could do behind its reader's back: reach a loopback server through a
 * name of its own (DNS rebinding, told by `Host`) or from a foreign page (told by `Origin`).
 *
 * Where there is a token any `Host` will do: a browser keeps a token for the name that it was typed
 * in at, so a page that points its own name here has none to send. `Origin` still counts, since the
 * browser adds what it keeps to a foreign page's requests as well.
 *
 * Throws `TypeError` for an option that can not match anything, `RangeError` for a token that is too short or too long.
 */
export function accessRules(options: AccessOptions = {}): Access {
  checkKeys('access', options, ['allowedHosts', 'allowedOrigins', 'token'] satisfies (keyof AccessOptions)[]);
  const hosts = listed('allowedHosts', options.allowedHosts, HOST, 'a host name such as "tasks.example"');
  const origins = listed('allowedOrigins', options.allowedOrigins, ORIGIN, 'an origin such as "https://app.example"');
  if (options.token !== undefined) checkToken('token', options.token);
  const isTokenOf = options.token === undefined ? undefined : tokenCheck(options.token);

  const openRefusal: Refusal = (c) => {
    // A request made without a server, as tests make it, has its host in the URL alone.
    const host = (c.req.header('Host') ?? new URL(c.req.url).host).toLowerCase();
    const name = withoutPort(host);
    if (isTokenOf === undefined && !isLoopbackName(name) && !hosts.has(name) && !hosts.has(host)) {
      return problem(403, `the host ${received(host)} is not allowed: it is no loopback name and not in "allowedHosts"`);
    }
    const origin = c.req.header('Origin');
    if (origin === undefined || origin === `http://${host}` || origin === `https://${host}`) return undefined;
    if (origins.has(origin)) return undefined;
    return problem(403, `the origin ${received(origin)} is not allowed: it is not this host's and not in "allowedOrigins"`);
  };
  const refusal: Refusal = (c) => {
    const refused = openRefusal(c);
    if (refused !== undefined || isTokenOf === undefined) return refused;
    const authorization = c.req.header('Authorization');
    return isTokenOf(authorization) ? undefined : unauthorized(authorization);
  };
  const changeRefusal: Refusal = (c) => {
    const site = c.req.header('Sec-Fetch-Site');
    const isForeign = site !== undefined && site !== 'same-origin' && site !== 'none';
    if (isForeign || origins.has(c.req.header('Origin') ?? '')) {
      return refusal(c) ?? problem(403, 'pages of another origin may read at the most, not change anything');
    }
    return refusal(c);
  };
  // A browser asks for leave without the token.
  return { refusal, openRefusal, changeRefusal, cors: origins.size === 0 ? undefined : corsFor(origins, openRefusal) };
}

function unauthorized(authorization: string | undefined): Response {
  const came = authorization === undefined ? 'none' : 'another one';
  const detail = `expected the token of this server, as "Authorization: Bearer TOKEN" or as the password of HTTP Basic, got ${came}`;
  return problem(401, detail, { headers: { 'WWW-Authenticate': CHALLENGES } });
}

function corsFor(origins: Set<string>, refusal: Refusal): MiddlewareHandler {
  const allowOrigin = cors({
    origin: [...origins],
    allowMethods: ['GET', 'HEAD'],
    exposeHeaders: ['ETag', 'Link', 'Retry-After'],
    maxAge: 600,
  });
  return async (c, next) => {
    if (origins.has(c.req.header('Origin') ?? '') && refusal(c) === undefined) return allowOrigin(c, next);
    await next();
    c.header('Vary', 'Origin', { append: true });
    return undefined;
  };
}

function withoutPort(host: string): string {
  const colon = host.endsWith(']') ? -1 : host.lastIndexOf(':');
  return colon === -1 ? host : host.slice(0, colon);
}

function listed(option: string, values: unknown = [], form: RegExp, expected: string): Set<string> {
  if (!Array.isArray(values)) throw new TypeError(`${option}: expected a list, got ${received(values)}`);
  for (const value of values) {
    if (typeof value !== 'string' || !form.test(value)) throw new TypeError(`${option}: expected ${expected}, got ${received(value)}`);
  }
  return new Set((values as string[]).map((value) => value.toLowerCase()));
}
