import { cutText, DEFAULT_LIMITS, limitsOf } from './limits.ts';
import type { Limits } from './limits.ts';

/**
 * Makes a text fit to be stored and sent: well-formed Unicode, not too long, and without the user's
 * secrets. It runs before the span event is made, so that a secret reaches no span processor.
 */
export type CleanText = (text: string) => string;

/** Removes secrets: gets a text and returns what may be seen of it. */
export type Redact = (text: string) => string;

/** Replaces a text whose redaction failed: the text itself might be the secret. */
const NOT_REDACTED = '[redact failed: text left out]';

/** Cleans the texts of a task, each kind with its limit. */
export interface Cleaner {
  readonly limits: Limits;
  /** Whether it removes secrets. */
  readonly redacts: boolean;
  readonly message: CleanText;
  readonly name: CleanText;
  readonly attribute: CleanText;
  readonly stack: CleanText;
  readonly result: CleanText;
}

/** The cleaner of a task. All tasks without options of their own share one. */
export function cleanerWith(redact: Redact | undefined, given: Partial<Limits> | undefined): Cleaner {
  if (redact === undefined && given === undefined) return DEFAULT_CLEANER;
  return cleanerOf(redact, given === undefined ? DEFAULT_LIMITS : limitsOf(given));
}

function cleanerOf(redact: Redact | undefined, limits: Limits): Cleaner {
  return {
    limits,
    redacts: redact !== undefined,
    message: cleanTextWith(redact, limits.message),
    name: cleanTextWith(redact, limits.name),
    attribute: cleanTextWith(redact, limits.attributeValue),
    stack: cleanTextWith(redact, limits.stack),
    result: cleanTextWith(redact, limits.result),
  };
}

/** Makes a function that cleans a text and cuts it to `most` code units. */
export function cleanTextWith(redact: Redact | undefined, most: number): CleanText {
  // Made well-formed after the cut: this copies the piece, so that the whole text need not stay in memory.
  if (redact === undefined) return (text) => toWellFormed(cutText(text, most));
  return (text) => {
    try {
      const redacted: unknown = redact(text);
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

/** Cleans JSON text. Where that leaves no valid JSON, the result is a JSON string of it. */
export function cleanJson(json: string, clean: CleanText): string {
  const cleaned = clean(json);
  if (cleaned === json) return json;
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

const DEFAULT_CLEANER = cleanerOf(undefined, DEFAULT_LIMITS);
