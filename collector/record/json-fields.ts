/**
 * The fields of a JSON object, each as JSON text, in their order. No value is parsed: it may be nested to any depth, and
 * its numbers stay as they are. Throws a `SyntaxError` for what is no object.
 */
export function fieldsOfJson(json: string): Map<string, string> {
  const fields = new Map<string, string>();
  let at = afterBlanks(json, 0);
  if (json[at] !== '{') throw notAnObject(json, at);
  at = afterBlanks(json, at + 1);
  if (json[at] === '}') return fields;
  for (;;) {
    if (json[at] !== '"') throw notAnObject(json, at);
    const nameEnd = afterString(json, at);
    const colon = afterBlanks(json, nameEnd);
    if (json[colon] !== ':') throw notAnObject(json, colon);
    const end = afterValue(json, colon + 1);
    fields.set(JSON.parse(json.slice(at, nameEnd)) as string, json.slice(colon + 1, end).trim());
    if (json[end] === '}') return fields;
    at = afterBlanks(json, end + 1);
  }
}

const QUOTE = 34;
const COMMA = 44;
const BACKSLASH = 92;
const [OPENING_BRACKET, CLOSING_BRACKET, OPENING_BRACE, CLOSING_BRACE] = [91, 93, 123, 125];

/** The position of the comma or brace after a value. */
function afterValue(json: string, from: number): number {
  let depth = 0;
  for (let at = from; at < json.length; ) {
    const code = json.charCodeAt(at);
    if (code === QUOTE) {
      at = afterString(json, at);
      continue;
    }
    if (code === OPENING_BRACKET || code === OPENING_BRACE) depth++;
    else if ((code === CLOSING_BRACKET || code === CLOSING_BRACE) && depth-- === 0) return at;
    else if (code === COMMA && depth === 0) return at;
    at++;
  }
  throw notAnObject(json, json.length);
}

/** The position after a string that begins at a quote. */
function afterString(json: string, from: number): number {
  for (let at = from; ; ) {
    at = json.indexOf('"', at + 1);
    if (at === -1) throw notAnObject(json, json.length);
    let backslashes = 0;
    while (json.charCodeAt(at - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return at + 1;
  }
}

function afterBlanks(json: string, from: number): number {
  let at = from;
  while (' \t\r\n'.includes(json[at] ?? 'x')) at++;
  return at;
}

function notAnObject(json: string, at: number): SyntaxError {
  return new SyntaxError(`expected a JSON object, got ${JSON.stringify(json.slice(at, at + 20))} at ${at}`);
}
