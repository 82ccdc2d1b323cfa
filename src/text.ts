import type { Attributes, AttributeValue } from '@opentelemetry/api';
import { otherValue, plainValue } from './attributes.ts';
import { RESERVED_PREFIX } from './conventions.ts';
import { received } from './failure.ts';
import { cutText, DEFAULT_LIMITS, limitsOf } from './limits.ts';
import type { Limits } from './limits.ts';
import { reportOnce } from './report.ts';

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
  /** Whether secrets are taken out. */
  readonly redacts: boolean;
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
    redacts: redact !== undefined,
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

/** Of whom something is said: a task, or what stands for it before there is one. */
export interface Subject {
  readonly clean: Cleaner;
  /** For people, such as `task 0193…`. */
  readonly title: string;
}

/**
 * The attributes with each text cleaned, as many as are allowed, each with a value that is the same in a span, in a
 * record and on the wire. What had to be changed is reported once a task. Never throws for a hostile value.
 */
export function cleanAttributes(attributes: Attributes, of: Subject): Attributes {
  const { limits } = of.clean;
  const cleaned: Attributes = {};
  const keys = Object.keys(attributes);
  for (const key of keys.length > limits.attributes ? keys.slice(0, limits.attributes) : keys) {
    try {
      const value = cleanValue(key, attributes[key], of);
      if (value !== undefined) cleaned[wellFormedName(cutText(key, limits.name))] = value;
    } catch {
      reportAttribute(key, 'a value that can not be kept', false, of);
    }
  }
  return cleaned;
}

/** The attributes of a notification, which has none rather than an empty object: so they come from the wire too. */
export function notificationAttributes(attributes: Attributes, of: Subject): Attributes | undefined {
  const cleaned = cleanAttributes(attributes, of);
  for (const _ in cleaned) return cleaned;
  return undefined;
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

function cleanValue(key: string, value: unknown, of: Subject): AttributeValue | undefined {
  const { clean } = of;
  if (key === '' || key.startsWith(RESERVED_PREFIX)) {
    reportAttribute(key, 'an empty name, or one that begins with taskspan.', false, of);
    return undefined;
  }
  if (value === undefined) return undefined;
  const plain = plainValue(value, clean);
  if (plain !== undefined) return plain;
  const other = otherValue(value, clean);
  reportAttribute(key, other.was, other.value !== undefined, of);
  return other.value;
}

/** As the method, which Node.js 18 does not have: task code runs there too. */
export const toWellFormed: CleanText =
  typeof String.prototype.toWellFormed === 'function' ? (text) => text.toWellFormed() : (text) => text.replaceAll(/\p{Surrogate}/gu, '\ufffd');

/** As `toWellFormed()`, which for the short names that most are takes longer than all the rest. */
function wellFormedName(name: string): string {
  for (let at = 0; at < name.length; at++) if (name.charCodeAt(at) >= 0xd800) return toWellFormed(name);
  return name;
}

function reportAttribute(key: string, was: string, isKept: boolean, { title }: Subject): void {
  const what = `attribute ${received(key)} of ${title} has ${was}: it is ${isKept ? 'kept as text' : 'left out'}`;
  reportOnce(`attribute with ${was} of ${title}`, what);
}

const DEFAULT_CLEANER = cleanerOf(undefined, DEFAULT_LIMITS);
