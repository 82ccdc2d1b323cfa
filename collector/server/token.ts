import { createHash, timingSafeEqual } from 'node:crypto';

/**
 * The challenges of a 401: RFC 7617 for the dialog of a browser, RFC 6750 for programs. Basic is first, since Chromium
 * reads only the first challenge of a header.
 */
export const CHALLENGES = 'Basic realm="taskspan", charset="UTF-8", Bearer realm="taskspan"';

/**
 * Makes the check whether `Authorization` carries the token: as `Bearer TOKEN`, or as the password of HTTP Basic with
 * any user name. The check takes as long for a token that is nearly right as for any other.
 */
export function tokenCheck(token: string): (authorization: string | undefined) => boolean {
  const expected = digest(token);
  return (authorization) => {
    const given = tokenOf(authorization);
    return given !== undefined && timingSafeEqual(digest(given), expected);
  };
}

function tokenOf(authorization = ''): string | undefined {
  const [, scheme, credentials = ''] = /^(bearer|basic) +(\S+)$/i.exec(authorization) ?? [];
  if (scheme?.toLowerCase() !== 'basic') return scheme && credentials;
  const pair = Buffer.from(credentials, 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  return colon === -1 ? undefined : pair.slice(colon + 1);
}

/** A digest has the same length for any text, which the comparison needs. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
