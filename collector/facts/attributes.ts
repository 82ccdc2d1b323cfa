import type { Attributes, AttributeValue } from '@opentelemetry/api';
import { RESERVED_PREFIX } from '../../src/conventions.ts';
import { received } from '../../src/failure.ts';

/** Those of a span's attributes that are the user's. */
export function userAttributes(attributes: Attributes): Attributes {
  const own: Attributes = {};
  for (const key of Object.keys(attributes)) {
    if (!key.startsWith(RESERVED_PREFIX)) setAttribute(own, key, attributes[key]);
  }
  return own;
}

/** Whether any of a span's attributes is the user's. */
export function hasUserAttributes(attributes: Attributes): boolean {
  return Object.keys(attributes).some((key) => !key.startsWith(RESERVED_PREFIX));
}

/** Sets an attribute of any name: an assignment to `__proto__` would set none. */
export function setAttribute(attributes: Attributes, key: string, value: AttributeValue | undefined): void {
  if (key !== '__proto__') attributes[key] = value;
  else Object.defineProperty(attributes, key, { value, enumerable: true, configurable: true, writable: true });
}

/** The value of a string attribute; `""` where there is none or it is of another type. */
export function textOf(attributes: Attributes, key: string): string {
  const value = attributes[key];
  return typeof value === 'string' ? value : '';
}

/** Whether a value can be the number of a fact or an attempt: whole, from 1. */
export function isOrdinal(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1;
}

/** The value of an attribute that counts, a whole number of at least 0; 0 where there is none or it is another value. */
export function countOf(attributes: Attributes, key: string): number {
  const value = attributes[key];
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : 0;
}

/** The reason why an attribute is invalid: what it has to be, and in short what it is. */
export function unexpected(attributes: Attributes, key: string, expected: string): string {
  const value = attributes[key];
  return `expected ${key} to be ${expected}, got ${value === undefined ? 'none' : received(value)}`;
}
