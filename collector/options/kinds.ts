import { received } from '../../src/failure.ts';

/** A kind of values that options have: what is valid, and how the text of an environment variable becomes a value. */
export interface Kind {
  /** The type, for the pages: `number`. */
  readonly type: string;
  /** The valid values, for errors, the command and the pages: `a whole number from 0 to 65535`. */
  readonly expected: string;
  /** The error for an invalid value, for the pages; absent where the type explains enough. */
  readonly throws?: string;
  /**
   * Throws a `TypeError` or `RangeError` for an invalid value.
   *
   * @param name The option or variable that has the value.
   */
  check(name: string, value: unknown): void;
  /** The value that the text of a variable means; the text itself where it is invalid. */
  parse(text: string): unknown;
}

/** Bounds of numbers, both inclusive. */
interface Bounds {
  readonly least: number;
  /** Default: none. */
  readonly most?: number;
  /** Whether 0 is valid too. Default `false`. */
  readonly orZero?: boolean;
}

/** Whole numbers in bounds. */
export function wholeNumber({ least, most = Number.MAX_SAFE_INTEGER, orZero = false }: Bounds): Kind {
  const bounds = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  const isValid = (value: number): boolean => Number.isInteger(value) && ((orZero && value === 0) || (value >= least && value <= most));
  return numberKind(`${orZero ? '0 or ' : ''}a whole number ${bounds}`, isValid);
}

/** Numbers in bounds, in fractions too. */
export function anyNumber({ least, most = Infinity }: Bounds): Kind {
  const isValid = (value: number): boolean => value >= least && value <= most && value !== Infinity;
  return numberKind(`a number from ${least} to ${most}`, isValid);
}

function numberKind(expected: string, isValid: (value: number) => boolean): Kind {
  return {
    type: 'number',
    expected,
    throws: '`RangeError`',
    check(name, value) {
      if (typeof value !== 'number') throw new TypeError(message(name, expected, value));
      if (!isValid(value)) throw new RangeError(message(name, expected, value));
    },
    parse(text) {
      const value = Number(text);
      return text.trim() === '' || Number.isNaN(value) ? text : value;
    },
  };
}

/** `true` or `false`. */
export function boolean(): Kind {
  return oneOf('boolean', true, false);
}

/** One of a few values. A variable has them in any case. */
export function oneOf(type: string, ...values: readonly (string | boolean)[]): Kind {
  const listed = values.map((value) => (typeof value === 'string' ? `'${value}'` : String(value)));
  const expected = `${listed.slice(0, -1).join(', ')} or ${listed.at(-1)}`;
  const isValid = (value: unknown): boolean => values.includes(value as string | boolean);
  return {
    ...typeErrorKind(type, expected, isValid),
    parse(text) {
      const word = text.trim().toLowerCase();
      return values.find((value) => String(value) === word) ?? text;
    },
  };
}

/** An object whose members are options themselves. `true` or `false` may stand instead of it, as far as `values` has them. */
export function group(type: string, ...values: readonly boolean[]): Kind {
  const expected = values.length === 0 ? 'an object of options' : `${values.join(', ')} or an object of options`;
  const isValid = (value: unknown): boolean => (typeof value === 'object' && value !== null) || values.includes(value as boolean);
  return typeErrorKind(type, expected, isValid);
}

/** Texts that are not empty. */
export function textValue(expected = 'a string that is not empty'): Kind {
  return typeErrorKind('string', expected, (value) => typeof value === 'string' && value.trim() !== '');
}

/** URLs of HTTP and HTTPS, without user and password: `fetch` takes none, and messages name URLs. An error does not quote them. */
export function httpUrl(example: string): Kind {
  const expected = `a URL such as ${example}`;
  const check = (name: string, value: unknown): void => {
    const url = typeof value === 'string' ? URL.parse(value) : null;
    if (url === null || !/^https?:$/.test(url.protocol)) throw new TypeError(message(name, expected, typeof value === 'string' ? redacted(value) : value));
    if (url.username !== '' || url.password !== '') throw new TypeError(`${name}: expected ${expected}, without user and password, got one with them: ${redacted(url.href)}`);
  };
  return { type: 'string', expected, throws: '`TypeError`', check, parse: (given) => given };
}

/** URLs of HTTP and HTTPS with a placeholder in them. */
export function urlTemplate(placeholder: string, example: string): Kind {
  const isValid = (value: unknown): boolean =>
    typeof value === 'string' && value.includes(placeholder) && /^https?:$/.test(URL.parse(value.replaceAll(placeholder, '0'))?.protocol ?? '');
  return typeErrorKind('string', `a URL with ${placeholder} such as ${example}`, isValid);
}

/** A path or URL for messages. A URL, also an invalid one, loses its user, password and parameters. */
export function redacted(location: string): string {
  if (!/^[a-z][a-z0-9+.-]+:\/\//i.test(location)) return location;
  const start = location.indexOf('://') + '://'.length;
  const rest = location.slice(Math.max(start, location.lastIndexOf('@') + 1));
  return location.slice(0, start) + rest.replace(/[?#].*$/s, '');
}

/** A text whose URLs are {@link redacted}. A quotation mark or a blank ends a URL. */
export function redactedText(text: string): string {
  return text.replaceAll(/[a-z][a-z0-9+.-]+:\/\/[^\s'"]*/gi, redacted);
}

/** The characters of RFC 6750's `b64token`, which a header can carry as they are. */
const TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;
const SHORTEST_TOKEN = 16;
const LONGEST_TOKEN = 1024;

/** Secrets that a request carries. An error does not quote them. */
export function tokenValue(): Kind {
  const expected = `${SHORTEST_TOKEN} to ${LONGEST_TOKEN} characters of A-Z a-z 0-9 - . _ ~ + / and = at the end`;
  return {
    type: 'string',
    expected,
    throws: '`RangeError` or `TypeError`',
    check(name, value) {
      const begin = `${name}: expected ${expected}, got`;
      if (typeof value !== 'string') throw new TypeError(`${begin} ${value === null ? 'null' : typeof value}`);
      if (value.length < SHORTEST_TOKEN || value.length > LONGEST_TOKEN) throw new RangeError(`${begin} ${value.length}`);
      if (!TOKEN.test(value)) throw new TypeError(`${begin} others`);
    },
    parse: (given) => given,
  };
}

/**
 * A host as a browser writes it into `Host`, which is in ASCII: a name, an IPv4 address or an IPv6 address in brackets.
 * No part of a name is empty or made of hyphens alone; one dot may end it. A port begins with no 0.
 */
const HOST = /^(?:\[[0-9a-f:.]+\]|-*\w[\w-]*(?:\.-*\w[\w-]*)*\.?)(?::[1-9]\d{0,4})?$/i;
/** An origin of a page. The schemes of files, FTP and WebSockets are excluded, since no page has them. */
const ORIGIN = /^(?!(?:file|ftp|wss?):)[a-z][a-z0-9+.-]*:\/\/(.*)$/i;

/** Whether it is a host, with a port or without. */
export function isHost(value: string): boolean {
  return HOST.test(value) && URL.canParse(`http://${value}`);
}

/** Lists of hosts that `Host` can name. */
export function hosts(): Kind {
  return list('a host name such as "tasks.example"', isHost);
}

/** Lists of origins that pages can have. */
export function origins(): Kind {
  return list('an origin such as "https://app.example"', (value) => isHost(ORIGIN.exec(value)?.[1] ?? ''));
}

/** Lists of texts, each of which can match something. A variable has them by commas. */
function list(expected: string, isValid: (entry: string) => boolean): Kind {
  return {
    type: 'list',
    expected,
    check(name, value) {
      if (!Array.isArray(value)) throw new TypeError(message(name, 'a list', value));
      for (const entry of value as unknown[]) {
        if (typeof entry !== 'string' || !isValid(entry)) throw new TypeError(message(name, expected, entry) + hintFor(entry));
      }
    },
    parse: (given) => given.split(',').map((entry) => entry.trim()).filter((entry) => entry !== ''),
  };
}

function hintFor(entry: unknown): string {
  if (typeof entry !== 'string') return '';
  if (entry.includes('*')) return '; there is no wildcard: each name needs an entry of its own';
  if (!/[^\p{ASCII}]/u.test(entry)) return '';
  const url = URL.parse(entry.includes('://') ? entry : `http://${entry}`);
  if (url === null || url.host === '') return '';
  return `; browsers send ${received(entry.includes('://') ? url.origin : url.host)}`;
}

/** Values that a function recognises; any other is a `TypeError`. A variable has them as text. */
export function typeErrorKind(type: string, expected: string, isValid: (value: unknown) => boolean): Kind {
  return {
    type,
    expected,
    check(name, value) {
      if (!isValid(value)) throw new TypeError(message(name, expected, value));
    },
    parse: (given) => given,
  };
}

function message(name: string, expected: string, value: unknown): string {
  return `${name}: expected ${expected}, got ${received(value)}`;
}
