import { checkToken } from '../server/token.ts';
import { textOf } from '../environment.ts';
import { UsageError } from './command-error.ts';

/**
 * The token of `TASKSPAN_TOKEN`, if there is one. It has no option, since all users of a machine
 * see what its command lines say.
 *
 * Throws a {@link CommandError} for what is no token.
 */
export function accessToken(): string | undefined {
  const token = textOf(process.env, 'TASKSPAN_TOKEN');
  if (token === undefined) return undefined;
  try {
    checkToken('TASKSPAN_TOKEN', token);
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
  return token;
}
