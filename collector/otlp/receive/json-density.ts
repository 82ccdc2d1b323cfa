import { MalformedError } from './malformed-error.ts';

/** Shorter bodies can't make much of themselves. */
const LONG_BYTES = 1024 * 1024;
/** Of OTLP, `{"intValue":1},` is as short as can be. */
const BYTES_AN_OBJECT = 8;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;

/**
 * Refuses a long body that is hardly more than brackets: parsed, such a one takes a hundred times its
 * bytes. Throws {@link MalformedError}.
 */
export function checkDensity(body: Buffer): void {
  if (body.length < LONG_BYTES) return;
  const most = body.length / BYTES_AN_OBJECT;
  let opened = 0;
  let isText = false;
  for (let at = 0; at < body.length; at++) {
    const byte = body[at];
    if (byte === QUOTE) isText = !isText;
    else if (isText) at += byte === BACKSLASH ? 1 : 0;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) opened++;
  }
  if (opened > most) throw new MalformedError(`expected ${BYTES_AN_OBJECT} bytes or more for each object and list, got ${opened} in ${body.length} bytes`);
}
