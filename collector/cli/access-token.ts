import { optionValue } from '../options/read.ts';
import { UsageError } from './command-error.ts';

/**
 * The token of `TASKSPAN_TOKEN`, if there is one. It has no option, since all users of a machine
 * see the command lines of its programs.
 *
 * Throws a {@link UsageError} for an invalid token.
 */
export function accessToken(): string | undefined {
  try {
    return optionValue('serve.token', undefined, { env: process.env });
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}
