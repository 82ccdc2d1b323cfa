import { createHash, timingSafeEqual } from 'node:crypto';
import type { Context, MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';
import { checkKeys } from '../../src/arguments.ts';
import { received } from '../../src/failure.ts';
import { optionValue } from '../options/read.ts';
import { problem } from './answers.ts';
import { forwardedOf, type Forwarded } from './forwarded.ts';
import { hostCheck, isLoopbackName, isOriginOf, originSet, withoutPort } from './host-names.ts';

/** Who may read. Without options: only requests to a loopback name, from no foreign web page. */
export interface AccessOptions {
  /**
   * Names that `Host` may have besides loopback ones (`localhost`, `*.localhost`, `127.0.0.0/8`,
   * `[::1]`): `tasks.example` for any port, `tasks.example:8080` for that one. Default: none.
   */
  allowedHosts?: readonly string[];
  /**
   * Origins of web pages that may read from elsewhere (CORS), such as `https://app.example`.
   * Default: none, only pages of the same host.
   */
  allowedOrigins?: readonly string[];
  /**
   * A secret that each request must carry, `/healthz` and `/readyz` excepted: as
   * `Authorization: Bearer TOKEN`, or as the password of HTTP Basic. 16 to 1024 characters of
   * `A-Z a-z 0-9 - . _ ~ + /` and `=` at the end. With it `Host` may be any name. Default: none.
   */
  token?: string;
  /**
   * Whether a proxy in front sets `Forwarded`, or `X-Forwarded-Host`, `X-Forwarded-Proto` and `X-Forwarded-Prefix`, so
   * that they name the host, the protocol and the path of a request. Default `false`: they are ignored.
   */
  trustProxy?: boolean;
  /**
   * Whether the application itself, or a proxy in front, decides who may send requests: then `Host` may be any name,
   * pages of any origin may read, and pages of `allowedOrigins` may cancel. A `token` is needed all the same. Default
   * `false`.
   */
  guarded?: boolean;
}

const OPTIONS = ['allowedHosts', 'allowedOrigins', 'token', 'trustProxy', 'guarded'] satisfies (keyof AccessOptions)[];

/**
 * What a request needs for a route:
 * - `read`: the token, from a page of the same host or of `allowedOrigins`.
 * - `change`: the same, but pages of `allowedOrigins` are allowed only where access is guarded.
 * - `open`: no token, since the answer contains nothing about tasks.
 * - `public`: nothing, since the answer is the same for everybody: a browser sends `Origin` for scripts of the page's own host too.
 */
export type Right = 'read' | 'change' | 'open' | 'public';

/** The rule of one right. */
interface AccessRule {
  /** The answer to a request that is not allowed: 403 with the option that allows it, or 401 without the token. */
  readonly refusal: Refusal;
  /** Lets pages of `allowedOrigins` send such requests (CORS); `undefined` where no page may. */
  readonly cors: MiddlewareHandler | undefined;
}

type Refusal = (c: Context) => Response | undefined;

/** The rules of access, made from {@link AccessOptions}. */
export interface Access {
  readonly rules: Readonly<Record<Right, AccessRule>>;
  /** The URL of a request as its client has it. */
  readonly urlOf: (c: Context) => URL;
}

/**
 * Makes the rules that refuse what a web page could do without its reader's knowledge: reach a loopback server through
 * a name of its own (DNS rebinding, which `Host` shows) or from a foreign page (which `Origin` shows).
 *
 * With a token `Host` may be any name: a browser keeps a token for the name at which it was typed in, so a page that
 * points its own name here has no token to send. `Origin` still counts, since the browser adds the token that it keeps
 * to the requests of a foreign page as well.
 *
 * Throws `TypeError` for an option that can not match anything, `RangeError` for a token that is too short or too long.
 */
export function accessRules(options: AccessOptions = {}): Access {
  checkKeys('access', options, OPTIONS);
  const given = (name: keyof AccessOptions): { as: string } => ({ as: `access.${name}` });
  const isAllowedHost = hostCheck(optionValue('serve.allowedHosts', options.allowedHosts, given('allowedHosts')));
  const origins = originSet(optionValue('serve.allowedOrigins', options.allowedOrigins, given('allowedOrigins')));
  const trustProxy = optionValue('serve.access.trustProxy', options.trustProxy, given('trustProxy'));
  const guarded = optionValue('serve.access.guarded', options.guarded, given('guarded'));
  const token = optionValue('serve.token', options.token, given('token'));
  const isTokenOf = token === undefined ? undefined : tokenCheck(token);
  const takesAnyHost = isTokenOf !== undefined || guarded;

  const forwardedTo = trustProxy ? forwardedOf : () => NOT_FORWARDED;
  /** Each host that the request names, the client's first. A page can add names, but can not hide its own. */
  const hostsOf = (c: Context): readonly string[] | Response => {
    const forwarded = forwardedTo(c);
    if (forwarded instanceof Response) return forwarded;
    // A request by HTTP/2, and one without a server, as tests make it, have their host in the URL alone.
    return [...forwarded.hosts, (c.req.header('Host') ?? new URL(c.req.url).host).toLowerCase()];
  };
  const checkNames = (c: Context, isChange: boolean): Response | undefined => {
    const hosts = hostsOf(c);
    if (hosts instanceof Response) return hosts;
    const foreign = takesAnyHost ? undefined : hosts.find((host) => !isLoopbackName(withoutPort(host)) && !isAllowedHost(host));
    if (foreign !== undefined) {
      const remedy = 'put it into "allowedHosts"; with a "token" any host is allowed';
      return problem(403, `the host ${received(foreign)} is not allowed: it is no loopback name; ${remedy}`);
    }
    const [host = ''] = hosts;
    const origin = c.req.header('Origin');
    if (origin === undefined || isOriginOf(host, origin) || origins.has(origin) || (guarded && !isChange)) return undefined;
    return problem(403, `the origin ${received(origin)} is not allowed: ${remedyFor(host, isChange)}`);
  };
  const remedyFor = (host: string, isChange: boolean): string => {
    const ofProxy = trustProxy
      ? 'the proxy must send the host that the browser used as X-Forwarded-Host'
      : 'behind a proxy that sends X-Forwarded-Host set "trustProxy"';
    const ofOptions = isChange && !guarded ? 'that is to cancel needs "guarded" and "allowedOrigins"' : 'needs "allowedOrigins"';
    return `the host is ${received(host)}; ${ofProxy}; a page of another origin ${ofOptions}`;
  };
  const checkAuthorization = (c: Context): Response | undefined => {
    if (isTokenOf === undefined) return undefined;
    const authorization = c.req.header('Authorization');
    return isTokenOf(authorization) ? undefined : unauthorized(authorization);
  };
  const checkSite = (c: Context): Response | undefined => {
    const hosts = hostsOf(c);
    if (hosts instanceof Response) return hosts;
    const [host = ''] = hosts;
    const origin = c.req.header('Origin') ?? '';
    const isListed = origins.has(origin);
    // Browsers send `Sec-Fetch-Site` by HTTPS and to loopback names; no page can set it.
    const site = c.req.header('Sec-Fetch-Site') ?? (isListed && !isOriginOf(host, origin) ? 'cross-site' : 'same-origin');
    if (site === 'same-origin' || site === 'none' || (guarded && isListed)) return undefined;
    return problem(403, `pages of another origin may read at most, not change anything: ${remedyFor(host, true)}`);
  };
  const urlOf = (c: Context): URL => {
    const url = new URL(c.req.url);
    const forwarded = forwardedTo(c);
    const { hosts, protocol, prefix } = forwarded instanceof Response ? NOT_FORWARDED : forwarded;
    if (protocol !== undefined) url.protocol = protocol;
    const host = hosts[0] ?? c.req.header('Host');
    if (host !== undefined) {
      // A host without a port would keep the port of the URL. The setter of `host` drops the protocol's default port.
      url.port = '';
      // A proxy that listens on port 80, behind another one where TLS ends, adds its own port.
      url.host = protocol === 'https' ? host.replace(/:80$/, '') : host;
    }
    url.pathname = prefix + url.pathname;
    return url;
  };

  const openRefusal: Refusal = (c) => checkNames(c, false);
  const corsOf = (methods: string[]): MiddlewareHandler | undefined =>
    // A preflight request carries no token, so it is checked as an open one. A login of the application may be a cookie.
    origins.size === 0 ? undefined : corsFor(origins, { methods, credentials: guarded, refusal: openRefusal });
  const readCors = corsOf(['GET', 'HEAD']);
  return {
    rules: {
      public: { refusal: () => undefined, cors: undefined },
      open: { refusal: openRefusal, cors: readCors },
      read: { refusal: (c) => checkNames(c, false) ?? checkAuthorization(c), cors: readCors },
      change: {
        refusal: (c) => checkNames(c, true) ?? checkAuthorization(c) ?? checkSite(c),
        cors: guarded ? corsOf(['POST', 'DELETE']) : undefined,
      },
    },
    urlOf,
  };
}

const NOT_FORWARDED: Forwarded = { hosts: [], protocol: undefined, prefix: '' };

function unauthorized(authorization: string | undefined): Response {
  const came = authorization === undefined ? 'none' : 'another one';
  const detail = `expected the token of this server (its "token", TASKSPAN_TOKEN), as "Authorization: Bearer TOKEN" or as the password of HTTP Basic, got ${came}`;
  return problem(401, detail, { 'WWW-Authenticate': CHALLENGES });
}

/**
 * The challenges of a 401: RFC 7617 for the dialog of a browser, RFC 6750 for programs. Basic is first, since Chromium
 * reads only the first challenge of a header.
 */
const CHALLENGES = 'Basic realm="taskspan", charset="UTF-8", Bearer realm="taskspan"';

/**
 * Makes the check whether `Authorization` carries the token: as `Bearer TOKEN`, or as the password of HTTP Basic with
 * any user name. The check takes as long for a token that is nearly right as for any other.
 */
function tokenCheck(token: string): (authorization: string | undefined) => boolean {
  const expected = digest(token);
  return (authorization) => {
    const given = tokenOf(authorization);
    return given !== undefined && timingSafeEqual(digest(given), expected);
  };
}

function tokenOf(authorization = ''): string | undefined {
  const [, scheme, credentials = ''] = /^(bearer|basic) +(\S+)$/i.exec(authorization) ?? [];
  if (scheme?.toLowerCase() !== 'basic') return scheme && credentials;
  const pair = Buffer.from(credentials, 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  return colon === -1 ? undefined : pair.slice(colon + 1);
}

/** A digest has the same length for any text, which the comparison needs. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

interface CorsRules {
  methods: string[];
  /** Whether pages may send cookies. */
  credentials: boolean;
  refusal: Refusal;
}

function corsFor(origins: Set<string>, { methods, credentials, refusal }: CorsRules): MiddlewareHandler {
  const allowOrigin = cors({
    origin: [...origins],
    allowMethods: methods,
    credentials,
    exposeHeaders: ['Content-Range', 'ETag', 'Link', 'Retry-After'],
    maxAge: 600,
  });
  return async (c, next) => {
    if (origins.has(c.req.header('Origin') ?? '') && refusal(c) === undefined) return allowOrigin(c, next);
    await next();
    c.header('Vary', 'Origin', { append: true });
    return undefined;
  };
}
