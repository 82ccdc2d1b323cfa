import type { Scope } from '../../../src/scope.ts';

/** A failed job in place of what could not be read: the error is the file system's own. */
export function failedRead(scope: Scope<false>, path: string, error: unknown): void {
  scope.scope(`Read ${path}`).fail(error);
}
