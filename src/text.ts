import type { Attributes, AttributeValue } from '@opentelemetry/api';

/**
 * Makes a text fit to be stored and sent: well-formed Unicode, and without what the user wants
 * kept secret. It runs before the span event exists, so that a secret reaches nobody.
 */
export type CleanText = (text: string) => string;

/** Takes secrets out of a text: gets it, gives back what may be seen. */
export type Redact = (text: string) => string;

/** What stands in place of a text whose redaction failed: the text itself might be the secret. */
const NOT_REDACTED = '[redact failed: text left out]';

export function cleanTextWith(redact: Redact | undefined): CleanText {
  if (redact === undefined) return (text) => text.toWellFormed();
  return (text) => {
    try {
      const redacted: unknown = redact(text);
      return typeof redacted === 'string' ? redacted.toWellFormed() : NOT_REDACTED;
    } catch {
      return NOT_REDACTED;
    }
  };
}

/** The attributes with each text cleaned, without what is no attribute value. Never throws for a hostile value. */
export function cleanAttributes(attributes: Attributes, clean: CleanText): Attributes {
  const cleaned: Attributes = {};
  for (const key of Object.keys(attributes)) {
    try {
      const value = cleanValue(attributes[key], clean);
      if (value !== undefined) cleaned[key] = value;
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

function cleanValue(value: unknown, clean: CleanText): AttributeValue | undefined {
  if (typeof value === 'string') return clean(value);
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (!Array.isArray(value)) return undefined;
  return value.map((item: unknown) => cleanItem(item, clean)) as AttributeValue;
}

/** An object in a list would be left out of the span, and nobody would have redacted it. */
function cleanItem(item: unknown, clean: CleanText): string | number | boolean | null {
  if (typeof item === 'string') return clean(item);
  return typeof item === 'number' || typeof item === 'boolean' ? item : null;
}
