/** Describes thrown values, whatever they are. Nothing here throws, however hostile the value. */

/** A thrown value as texts. */
export interface Failure {
  /** The error's name, such as `TypeError`; `Error` for thrown values that are no errors. */
  readonly name: string;
  /** Its message; may be empty. */
  readonly message: string;
  /** Its stack with the stacks of its causes; absent where there is none. */
  readonly stack?: string | undefined;
}

const PREVIEW_LENGTH = 200;
const CAUSE_DEPTH = 8;

/** Describes a thrown value. */
export function describeFailure(thrown: unknown): Failure {
  if (typeof thrown === 'object' && thrown !== null) {
    const message = textOf(thrown, 'message');
    if (isError(thrown)) return { name: errorName(thrown), message: message ?? '', stack: stackWithCauses(thrown) };
    if (message !== undefined) return { name: textOf(thrown, 'name')?.trim() || 'Error', message };
    return { name: 'Error', message: preview(thrown) };
  }
  return { name: 'Error', message: typeof thrown === 'string' ? thrown : preview(thrown) };
}

/** The message, or the name where the message is empty. The result is never empty. */
export function failureText({ name, message }: { name: string; message: string }): string {
  return [message, name].find((text) => text.trim() !== '') ?? 'Error';
}

/** A short text of an unexpected value, for error messages. */
export function received(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(shorten(value)) : preview(value);
}

function isError(value: object): boolean {
  try {
    return value instanceof Error || Object.prototype.toString.call(value) === '[object Error]';
  } catch {
    return false;
  }
}

function textOf(value: object, key: string): string | undefined {
  try {
    const text: unknown = (value as Record<string, unknown>)[key];
    return typeof text === 'string' ? text : undefined;
  } catch {
    return undefined;
  }
}

function errorName(error: object): string {
  return textOf(error, 'name')?.trim() || constructorName(error) || 'Error';
}

function constructorName(value: object): string | undefined {
  try {
    const name: unknown = value.constructor.name;
    return typeof name === 'string' && name !== 'Object' ? name : undefined;
  } catch {
    return undefined;
  }
}

function stackWithCauses(error: object): string | undefined {
  const parts: string[] = [];
  const seen = new Set<unknown>();
  const visit = (value: unknown, label: string): void => {
    if (parts.length >= CAUSE_DEPTH || seen.has(value)) return;
    seen.add(value);
    if (typeof value !== 'object' || value === null) {
      parts.push(label + preview(value));
      return;
    }
    parts.push(label + (textOf(value, 'stack') ?? headOf(value)));
    for (const inner of errorsOf(value)) visit(inner, 'Contains: ');
    if (hasCause(value)) visit(causeOf(value), 'Caused by: ');
  };
  visit(error, '');
  return textOf(error, 'stack') === undefined && parts.length === 1 ? undefined : parts.join('\n');
}

/** The first line that a stack would have. */
function headOf(value: object): string {
  if (!isError(value)) return preview(value);
  const message = textOf(value, 'message');
  return message ? `${errorName(value)}: ${message}` : errorName(value);
}

function errorsOf(value: object): unknown[] {
  try {
    const errors: unknown = (value as { errors?: unknown }).errors;
    return Array.isArray(errors) ? errors.slice(0, CAUSE_DEPTH) : [];
  } catch {
    return [];
  }
}

function hasCause(value: object): boolean {
  const cause = causeOf(value);
  return cause !== undefined && cause !== null;
}

function causeOf(value: object): unknown {
  try {
    return (value as { cause?: unknown }).cause;
  } catch {
    return undefined;
  }
}

function preview(value: unknown): string {
  try {
    if (typeof value === 'object' && value !== null) {
      return shorten(JSON.stringify(value) ?? Object.prototype.toString.call(value));
    }
    if (typeof value === 'function') return 'a function';
    return shorten(String(value));
  } catch {
    return 'a value that can not be shown';
  }
}

function shorten(text: string): string {
  return text.length <= PREVIEW_LENGTH ? text : `${text.slice(0, PREVIEW_LENGTH)}…`;
}
