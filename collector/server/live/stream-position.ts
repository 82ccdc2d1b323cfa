import type { Context } from 'hono';
import { received } from '../../../src/failure.ts';
import type { StoredTask } from '../../store/task-store.ts';
import { problem } from '../problem.ts';

/** How far a client has come with a task: its version, and the log where that has come further. */
export interface StreamPosition {
  version: number;
  /** Bytes of the log, where they are not those of the version. */
  offset?: number;
  /** Whether it knows that the task is lost for good: that ends a stream, and moves no version. */
  lost?: boolean;
}

const FORM = /^(\d{1,15})(?:\.(\d{1,15}))?(-lost)?$/;

/** Where a client is who has the task's record. */
export function positionAt({ version, state, liveness }: Pick<StoredTask, 'version' | 'state' | 'liveness'>): StreamPosition {
  return { version, lost: state === 'lost' && liveness?.final === true };
}

/** As an id: `12`, `12-lost` for a task that is so for good, or `12.4096` in the midst of a long piece of log. */
export function positionId({ version, offset, lost = false }: StreamPosition): string {
  return `${version}${offset === undefined ? '' : `.${offset}`}${lost ? '-lost' : ''}`;
}

export function positionOf(id: string): StreamPosition | undefined {
  const [, version, offset, lost] = FORM.exec(id) ?? [];
  if (version === undefined) return undefined;
  return { version: Number(version), ...(offset !== undefined && { offset: Number(offset) }), lost: lost !== undefined };
}

/** Where a client wants to go on, and what it gets if that can't be. */
export interface Resume<Position> {
  /** `undefined`: from the beginning. */
  position: Position | undefined;
  /** The answer to a position that the store is not at yet; `undefined`: from the beginning again. */
  refusal: Response | undefined;
}

/**
 * `Last-Event-ID` of a client that comes back, else `?after=` of one that comes for the first time.
 * A header that can't be understood begins anew, since its client can't mend it; a parameter is a 400.
 */
export function resumeOf<Position>(
  c: Context,
  parse: (id: string) => Position | undefined,
): Resume<Position> | Response {
  const header = c.req.header('Last-Event-ID');
  if (header !== undefined && header !== '') return { position: parse(header), refusal: undefined };
  const after = c.req.query('after');
  if (after === undefined) return { position: undefined, refusal: undefined };
  const position = parse(after);
  const refuse = (expected: string): Response => problem(400, `after: expected ${expected}, got ${received(after)}`);
  if (position === undefined) return refuse('the id of an event');
  return { position, refusal: refuse('an id that was sent, not one that is yet to come') };
}
