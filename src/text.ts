import type { Attributes, AttributeValue } from '@opentelemetry/api';
import { countText, cutText, DEFAULT_LIMITS, limitsOf } from './limits.ts';
import type { Limits } from './limits.ts';

/**
 * Makes a text fit to be stored and sent: well-formed Unicode, not too long, and without what the
 * user wants kept secret. It runs before the span event exists, so that a secret reaches nobody.
 */
export type CleanText = (text: string) => string;

/** Takes secrets out of a text: gets it, gives back what may be seen. */
export type Redact = (text: string) => string;

/** What stands in place of a text whose redaction failed: the text itself might be the secret. */
const NOT_REDACTED = '[redact failed: text left out]';

/** What the texts of a task go through, each kind with its limit. */
export interface Cleaner {
  readonly limits: Limits;
  readonly message: CleanText;
  readonly name: CleanText;
  readonly attribute: CleanText;
  readonly stack: CleanText;
  readonly result: CleanText;
}

/** The cleaner of a task: one for all that ask for nothing of their own. */
export function cleanerWith(redact: Redact | undefined, given: Partial<Limits> | undefined): Cleaner {
  if (redact === undefined && given === undefined) return DEFAULT_CLEANER;
  return cleanerOf(redact, given === undefined ? DEFAULT_LIMITS : limitsOf(given));
}

function cleanerOf(redact: Redact | undefined, limits: Limits): Cleaner {
  return {
    limits,
    message: cleanTextWith(redact, limits.message),
    name: cleanTextWith(redact, limits.name),
    attribute: cleanTextWith(redact, limits.attributeValue),
    stack: cleanTextWith(redact, limits.stack),
    result: cleanTextWith(redact, limits.result),
  };
}

/** Cleans a text, and cuts it to `most` code units where it is longer. */
export function cleanTextWith(redact: Redact | undefined, most: number): CleanText {
  // Made well-formed after the cut: that copies the piece, and the whole need not be kept for it.
  if (redact === undefined) return (text) => cutText(text, most).toWellFormed();
  return (text) => {
    try {
      const redacted: unknown = redact(text);
      return typeof redacted === 'string' ? cutText(redacted, most).toWellFormed() : NOT_REDACTED;
    } catch {
      return NOT_REDACTED;
    }
  };
}

/**
 * The attributes with each text cleaned, as many as are allowed, without what is no attribute
 * value. Never throws for a hostile value.
 */
export function cleanAttributes(attributes: Attributes, { limits, attribute }: Cleaner): Attributes {
  const cleaned: Attributes = {};
  const keys = Object.keys(attributes);
  for (const key of keys.length > limits.attributes ? keys.slice(0, limits.attributes) : keys) {
    try {
      const value = cleanValue(attributes[key], attribute, limits.attributeValue);
      if (value !== undefined) cleaned[cutText(key, limits.name)] = value;
    } catch {
      // A getter or proxy that throws has no value.
    }
  }
  return cleaned;
}

/** JSON text with its secrets taken out; as a JSON string where that left no JSON. */
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

function cleanValue(value: unknown, clean: CleanText, most: number): AttributeValue | undefined {
  if (typeof value === 'string') return clean(value);
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (!Array.isArray(value)) return undefined;
  if (lengthOf(value) > most) return `… (cut: a list of ${countText(value.length)} items)`;
  return value.map((item: unknown) => cleanItem(item, clean)) as AttributeValue;
}

/** An object in a list would be left out of the span, and nobody would have redacted it. */
function cleanItem(item: unknown, clean: CleanText): string | number | boolean | null {
  if (typeof item === 'string') return clean(item);
  return typeof item === 'number' || typeof item === 'boolean' ? item : null;
}

/** How many code units a list takes, an item that is no text as one. */
function lengthOf(list: readonly unknown[]): number {
  let length = list.length;
  for (const item of list) if (typeof item === 'string') length += item.length;
  return length;
}

const DEFAULT_CLEANER = cleanerOf(undefined, DEFAULT_LIMITS);
