import type { Attributes, AttributeValue } from '@opentelemetry/api';
import { RESERVED_PREFIX } from '../../src/conventions.ts';

/** The user's own of a span's attributes. */
export function userAttributes(attributes: Attributes): Attributes {
  const own: Attributes = {};
  for (const key of Object.keys(attributes)) {
    if (!key.startsWith(RESERVED_PREFIX)) setAttribute(own, key, attributes[key]);
  }
  return own;
}

/** Whether any of a span's attributes is the user's own. */
export function hasUserAttributes(attributes: Attributes): boolean {
  return Object.keys(attributes).some((key) => !key.startsWith(RESERVED_PREFIX));
}

/** Sets one, whatever its name: assigned, `__proto__` would be none. */
export function setAttribute(attributes: Attributes, key: string, value: AttributeValue | undefined): void {
  if (key !== '__proto__') attributes[key] = value;
  else Object.defineProperty(attributes, key, { value, enumerable: true, configurable: true, writable: true });
}

/** A string attribute; `""` where it is none. */
export function textOf(attributes: Attributes, key: string): string {
  const value = attributes[key];
  return typeof value === 'string' ? value : '';
}

/** Whether it is a number by which facts and attempts are counted: whole, from 1. */
export function isOrdinal(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1;
}

/** An attribute that counts something, a whole number of at least 0; 0 where it is none. */
export function countOf(attributes: Attributes, key: string): number {
  const value = attributes[key];
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : 0;
}
