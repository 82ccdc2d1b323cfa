import { received } from './failure.ts';

/**
 * Makes a text fit to be stored and sent: well-formed Unicode, not too long, and without the user's
 * secrets. It runs before the span event is made, so that a secret reaches no span processor.
 */
export type CleanText = (text: string, name?: string) => string;

/**
 * Removes secrets: gets a text and returns what may be seen of it.
 *
 * @param name Where the text is the value of an attribute, or stands in a result: the name of the attribute, or of the
 *   property that has the text.
 */
export type Redact = (text: string, name?: string) => string;

/** Replaces a text whose redaction failed: the text itself might be the secret. */
const NOT_REDACTED = '[redact failed: text left out]';

/** Cleans the texts of a task, each kind with its limit. */
export interface Cleaner {
  readonly limits: Limits;
  /** Whether it removes secrets. */
  readonly redacts: boolean;
  readonly message: CleanText;
  /** For the message of an error inside another one. */
  readonly cause: CleanText;
  readonly name: CleanText;
  readonly attribute: CleanText;
  readonly stack: CleanText;
  readonly result: CleanText;
  /** Removes secrets from the texts in JSON, where they are not written as they are: with `\n` and `\"`. */
  readonly json: CleanText;
}

/** The cleaner of a task. All tasks with default options share one. */
export function cleanerWith(redact: Redact | undefined, given: Partial<Limits> | undefined): Cleaner {
  if (redact === undefined && given === undefined) return DEFAULT_CLEANER;
  return cleanerOf(redact, given === undefined ? DEFAULT_LIMITS : limitsOf(given));
}

function cleanerOf(redact: Redact | undefined, limits: Limits): Cleaner {
  return {
    limits,
    redacts: redact !== undefined,
    message: cleanTextWith(redact, limits.message),
    cause: cleanTextWith(redact, Math.min(limits.message, CAUSE_LENGTH)),
    name: cleanTextWith(redact, limits.name),
    attribute: cleanTextWith(redact, limits.attributeValue),
    stack: cleanTextWith(redact, limits.stack),
    result: cleanTextWith(redact, limits.result),
    json: redact === undefined ? (json) => json : redactedJsonWith(cleanTextWith(redact, Infinity)),
  };
}

/** Makes a function that cleans a text and cuts it to `most` code units. */
export function cleanTextWith(redact: Redact | undefined, most: number): CleanText {
  // Made well-formed after the cut: this copies the piece, so that the whole text need not stay in memory.
  if (redact === undefined) return (text) => toWellFormed(cutText(text, most));
  return (text, name) => {
    try {
      const redacted: unknown = redact(text, name);
      return typeof redacted === 'string' ? toWellFormed(cutText(redacted, most)) : NOT_REDACTED;
    } catch {
      return NOT_REDACTED;
    }
  };
}

/** What a cleaned text belongs to: a task, mostly. */
export interface Subject {
  readonly clean: Cleaner;
  /** How warnings name it, such as `task 0193…`. */
  readonly title: string;
}

/** Makes a function that redacts the texts and the names in JSON text. */
function redactedJsonWith(clean: CleanText): CleanText {
  const redacted = (value: unknown, name: string | undefined): unknown => {
    if (typeof value === 'string') return clean(value, name);
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map((item) => redacted(item, name));
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [clean(key), redacted(item, key)]));
  };
  return (json, name) => {
    try {
      return JSON.stringify(redacted(JSON.parse(json), name));
    } catch {
      // It is nested too deeply, mostly.
      return JSON.stringify(NOT_REDACTED);
    }
  };
}

/** Cleans a result, which is JSON text. Where that leaves no valid JSON, the result is a JSON string of it. */
export function cleanJson(json: string, clean: Pick<Cleaner, 'json' | 'result'>): string {
  const redacted = clean.json(json);
  const cleaned = clean.result(redacted);
  if (cleaned === redacted) return redacted;
  try {
    JSON.parse(cleaned);
    return cleaned;
  } catch {
    return JSON.stringify(cleaned);
  }
}

/** Replaces lone surrogates, as the method does. Node.js 18, where task code runs too, has no such method. */
export const toWellFormed: CleanText =
  typeof String.prototype.toWellFormed === 'function' ? (text) => text.toWellFormed() : (text) => text.replaceAll(/\p{Surrogate}/gu, '\ufffd');

/**
 * How long a task's texts may be, and how many its attributes. A longer text is cut and marked with its
 * whole length: `… (cut: 10,485,760 characters)`.
 *
 * Lengths are in UTF-16 code units, as `String.length` counts them, and a cut never falls inside
 * a surrogate pair. `redact` gets a text before it is cut.
 */
export interface Limits {
  /** Length of a message, a notification's or an error's. Default 65,536. */
  message: number;
  /** Length of a name: a task's, a scope's, an error's, an attribute's. Default 256. */
  name: number;
  /**
   * How many attributes a task may have, and each notification; the first count. Of attributes that code has set on
   * the span, the first by name count. Default 64.
   */
  attributes: number;
  /** Length of an attribute's value, or of a whole list; a longer list is left out. Default 16,384. */
  attributeValue: number;
  /** Length of a stack trace on the span, with the stack traces of its causes. Default 16,384. */
  stack: number;
  /** Length of a result as JSON text; of a longer one its beginning is kept, as a string. Default 262,144. */
  result: number;
}

/** Longest message of an error inside another one, in code units: there may be eight of them. */
export const CAUSE_LENGTH = 2048;

export const DEFAULT_LIMITS: Limits = {
  message: 65_536,
  name: 256,
  attributes: 64,
  attributeValue: 16_384,
  stack: 16_384,
  result: 262_144,
};

/**
 * Cuts a text to `most` code units, and adds a mark. A text that has been cut so before stays as it is, so that a record
 * is the same in process and in a receiver.
 *
 * @param all The whole length, as the mark writes it. Default: the length of the text.
 */
export function cutText(text: string, most: number, all?: string): string {
  if (text.length <= most || isCutAt(text, most)) return text;
  const last = text.charCodeAt(most - 1);
  const end = last >= 0xd800 && last <= 0xdbff ? most - 1 : most;
  return `${text.slice(0, end)}… (cut: ${all ?? countText(text.length)} characters)`;
}

/** The marks at the end of a text: that of its cut, and that of attributes that were left out. */
const MARKS = /(?:… \(cut: [\d,]{1,26}(?: of [\d,]{1,26})? (?:characters|attributes)\)){1,2}$|… \(cut: more than [\d,]{1,26} characters\)$/;
const LONGEST_MARKS = 160;

/** Whether a text has at most `most` code units before the marks of an earlier cut. */
export function isCutAt(text: string, most: number): boolean {
  if (text.length > most + LONGEST_MARKS) return false;
  const end = text.slice(-LONGEST_MARKS);
  const at = end.search(MARKS);
  return at !== -1 && text.length - end.length + at <= most;
}

/** A number as a mark writes it. */
export function countText(count: number): string {
  return count.toLocaleString('en-US');
}

/** Throws a `TypeError` for invalid limits. */
export function checkLimits(limits: unknown): asserts limits is Partial<Limits> {
  if (typeof limits !== 'object' || limits === null) {
    throw new TypeError(`limits: expected an object, got ${received(limits)}`);
  }
  for (const [key, value] of Object.entries(limits)) {
    if (!Object.hasOwn(DEFAULT_LIMITS, key)) {
      throw new TypeError(`limits: expected ${Object.keys(DEFAULT_LIMITS).join(', ')}, got ${received(key)}`);
    }
    if (value !== undefined && !(Number.isSafeInteger(value) && (value as number) >= 1)) {
      throw new TypeError(`limits.${key}: expected a whole number of at least 1, got ${received(value)}`);
    }
  }
}

/** The limits of a task: those that are given, and defaults for the rest. */
function limitsOf(given: Partial<Limits>): Limits {
  const limits = { ...DEFAULT_LIMITS };
  for (const key of Object.keys(limits) as (keyof Limits)[]) limits[key] = given[key] ?? limits[key];
  return limits;
}

const DEFAULT_CLEANER = cleanerOf(undefined, DEFAULT_LIMITS);
