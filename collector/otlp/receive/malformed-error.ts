/** A body that is no OTLP, now or ever; `message` says where. */
export class MalformedError extends Error {
  override readonly name = 'MalformedError';
}
