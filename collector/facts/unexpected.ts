import type { Attributes } from '@opentelemetry/api';
import { received } from '../../src/failure.ts';

/** Says that an attribute is not what it has to be, and in short what it is. */
export function unexpected(attributes: Attributes, key: string, expected: string): string {
  const value = attributes[key];
  return `expected ${key} to be ${expected}, got ${value === undefined ? 'none' : received(value)}`;
}
