/** Describes thrown values, whatever they are. Nothing here throws, however hostile the value. */

import { MOST_CAUSES } from './conventions.ts';
import type { ErrorCause } from './fact.ts';

/** A thrown value as texts. */
export interface Failure {
  /** The error's name, such as `TypeError`; `Error` for thrown values that are no errors. */
  readonly name: string;
  /** Its message; may be empty. */
  readonly message: string;
  /** Its stack with the stacks of its causes; absent where there is none. */
  readonly stack?: string | undefined;
  /** The errors inside it, depth first; absent where there are none. */
  readonly causes?: readonly ErrorCause[] | undefined;
}

const PREVIEW_LENGTH = 200;

/** Describes a thrown value. */
export function describeFailure(thrown: unknown): Failure {
  if (typeof thrown === 'object' && thrown !== null) {
    const message = textOf(thrown, 'message');
    if (isError(thrown)) {
      const failure = { name: errorName(thrown), message: message ?? '', stack: stackWithCauses(thrown) };
      const causes = causesOf(thrown);
      return causes.length === 0 ? failure : { ...failure, causes };
    }
    if (message !== undefined) return { name: textOf(thrown, 'name')?.trim() || 'Error', message };
    return { name: 'Error', message: preview(thrown) };
  }
  return { name: 'Error', message: typeof thrown === 'string' ? thrown : preview(thrown) };
}

/** The message, or the name where the message is empty. The result is never empty. */
export function failureText({ name, message }: { name: string; message: string }): string {
  return [message, name].find((text) => text.trim() !== '') ?? 'Error';
}

/** A short text of an unexpected value, for error messages. A URL or a host loses its user and password. */
export function received(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(shorten(value.replace(CREDENTIALS, '$1…@'))) : preview(value);
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
    if (parts.length >= MOST_CAUSES || seen.has(value)) return;
    seen.add(value);
    if (typeof value !== 'object' || value === null) {
      parts.push(label + preview(value));
      return;
    }
    parts.push(label + (textOf(value, 'stack') ?? headOf(value)));
    for (const { label: inside, thrown } of insideOf(value)) visit(thrown, inside);
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

/** The errors inside an error, depth first, each once. */
function causesOf(error: object): ErrorCause[] {
  const causes: ErrorCause[] = [];
  const seen = new Set<unknown>([error]);
  const visit = (outer: object): void => {
    for (const { thrown } of insideOf(outer)) {
      if (causes.length >= MOST_CAUSES || seen.has(thrown)) continue;
      seen.add(thrown);
      causes.push(causeOf(thrown));
      if (typeof thrown === 'object' && thrown !== null) visit(thrown);
    }
  };
  visit(error);
  return causes;
}

function causeOf(thrown: unknown): ErrorCause {
  if (typeof thrown !== 'object' || thrown === null) return { name: 'Error', message: typeof thrown === 'string' ? thrown : preview(thrown) };
  const message = textOf(thrown, 'message');
  return { name: errorName(thrown), message: message ?? (isError(thrown) ? '' : preview(thrown)) };
}

/**
 * What is directly inside an error: the errors of an `AggregateError`, the two of a `SuppressedError`, and the cause.
 * A list named `errors` of another error counts as far as it has errors: libraries keep other things there too.
 */
function insideOf(value: object): { label: string; thrown: unknown }[] {
  const read = (key: string): unknown => readOf(() => (value as Record<string, unknown>)[key]);
  const inside: { label: string; thrown: unknown }[] = [];
  const errors = read('errors');
  if (readOf(() => Array.isArray(errors)) === true) {
    const takesAll = textOf(value, 'name') === 'AggregateError';
    for (const thrown of readOf(() => (errors as unknown[]).slice(0, MOST_CAUSES)) ?? []) {
      if (takesAll || (typeof thrown === 'object' && thrown !== null && isError(thrown))) inside.push({ label: 'Contains: ', thrown });
    }
  }
  if (textOf(value, 'name') === 'SuppressedError') {
    inside.push({ label: 'Contains: ', thrown: read('error') }, { label: 'Contains: ', thrown: read('suppressed') });
  }
  inside.push({ label: 'Caused by: ', thrown: read('cause') });
  return inside.filter(({ thrown }) => thrown !== undefined && thrown !== null);
}

function preview(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  const text = readOf(() => {
    if (typeof value === 'object' && value !== null) return JSON.stringify(value) ?? Object.prototype.toString.call(value);
    return String(value);
  });
  return text === undefined ? 'a value that can not be shown' : shorten(text);
}

const CREDENTIALS = /^(?:([a-z][a-z0-9+.-]*:\/\/)[^\s:@/]*:|[^\s:@/]+:(?!\/\/))\S*@/i;

function shorten(text: string): string {
  return text.length <= PREVIEW_LENGTH ? text : `${text.slice(0, PREVIEW_LENGTH)}…`;
}
