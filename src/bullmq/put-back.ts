const PUT_BACK: ReadonlyMap<string, string> = new Map([
  ['DelayedError', 'Back in the queue, delayed'],
  ['RateLimitError', 'Back in the queue, because of a rate limit'],
  ['WaitingChildrenError', 'Back in the queue, waiting for other jobs'],
  ['WaitingError', 'Back in the queue'],
]);
const RATE_LIMIT = 'bullmq:rateLimitExceeded';

/**
 * What BullMQ's processors throw to say that the job is back in the queue, which is no failure;
 * `undefined` for all else. Known by its name, as BullMQ itself knows it across processes. Never
 * throws, however hostile the value.
 */
export function putBackNotice(thrown: unknown): string | undefined {
  try {
    if (!(thrown instanceof Error)) return undefined;
    return PUT_BACK.get(thrown.message === RATE_LIMIT ? 'RateLimitError' : thrown.name);
  } catch {
    return undefined;
  }
}
