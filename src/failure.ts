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

/** What a function reads of a value; `undefined` where that throws, as getters and proxies may. */
function readOf<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function isError(value: object): boolean {
  return readOf(() => value instanceof Error || Object.prototype.toString.call(value) === '[object Error]') ?? false;
}

function textOf(value: object, key: string): string | undefined {
  const text = readOf(() => (value as Record<string, unknown>)[key]);
  return typeof text === 'string' ? text : undefined;
}

function errorName(error: object): string {
  return textOf(error, 'name')?.trim() || constructorName(error) || 'Error';
}

function constructorName(value: object): string | undefined {
  const name: unknown = readOf(() => value.constructor.name);
  return typeof name === 'string' && name !== 'Object' ? name : undefined;
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
    const cause = readOf(() => (value as { cause?: unknown }).cause);
    if (cause !== undefined && cause !== null) visit(cause, 'Caused by: ');
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
  return readOf(() => {
    const { errors } = value as { errors?: unknown };
    return Array.isArray(errors) ? errors.slice(0, CAUSE_DEPTH) : [];
  }) ?? [];
}

function preview(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  const text = readOf(() => {
    if (typeof value === 'object' && value !== null) return JSON.stringify(value) ?? Object.prototype.toString.call(value);
    return String(value);
  });
  return text === undefined ? 'a value that can not be shown' : shorten(text);
}

function shorten(text: string): string {
  return text.length <= PREVIEW_LENGTH ? text : `${text.slice(0, PREVIEW_LENGTH)}…`;
}
