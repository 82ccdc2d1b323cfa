/**
 * Writes `docs/openapi.json`, the description of the HTTP API, from the table of routes and the schemas of their bodies.
 * `npm run docs` and the build run it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { FAMILY } from '../collector/server/parameters.ts';
import type { Parameter, ParameterValue } from '../collector/server/parameters.ts';
import { ROUTES } from '../collector/server/routes.ts';
import type { Answer, Route } from '../collector/server/routes.ts';
import { SCHEMAS } from './openapi-schemas.ts';

const FILE = fileURLToPath(new URL('../docs/openapi.json', import.meta.url));

type Json = Readonly<Record<string, unknown>>;

/** The description as a document of OpenAPI 3.1. */
export function openapi(): Json {
  return {
    openapi: '3.1.1',
    info: {
      title: 'taskspan',
      version: version(),
      license: { name: 'MIT', identifier: 'MIT' },
      description:
        'Status, log and scopes of background tasks. docs/http-api.md and docs/streams.md describe it. ' +
        'HEAD works for each GET. A browser, which prefers text/html, gets a problem as a page. Later versions may bring other fields, states, outcomes and kinds: ignore what you do not know.',
    },
    servers: [{ url: '/', description: 'Where the app is mounted; taskspan serve has it at the root.' }],
    security: [{}, { bearer: [] }, { basic: [] }],
    paths: { ...paths(), ...receiverPaths() },
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'The token of the server, where it has one.' },
        basic: { type: 'http', scheme: 'basic', description: 'The token as the password, with any user name.' },
      },
      parameters: Object.fromEntries([...SHARED].map(([parameter, name]) => [name, queryParameter(parameter)])),
      responses: responses(GENERAL_ANSWERS.map(([, answer]) => answer), GENERAL_ANSWERS.map(([name]) => name)),
      schemas: SCHEMAS,
    },
  };
}

/** The text of the file. */
export function openapiText(): string {
  return `${JSON.stringify(openapi(), undefined, 1)}\n`;
}

function version(): string {
  return (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }).version;
}

function paths(): Record<string, Json> {
  const found: Record<string, Json> = {};
  for (const [operationId, route] of Object.entries(ROUTES)) {
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}');
    found[path] = { ...found[path], [route.method.toLowerCase()]: operation(operationId, route) };
  }
  return found;
}

function operation(operationId: string, route: Route): Json {
  const { text, right, parameters = [], answers } = route;
  const isFree = right === 'open' || right === 'public';
  const all = [...pathParameters(route.path), ...parameters.map(ofOperation), ...headerParameters(answers)];
  return {
    operationId,
    summary: text,
    ...(isFree && { security: [] }),
    ...(all.length > 0 && { parameters: all }),
    responses: { ...responses(answers), ...(!isFree && GENERAL_RESPONSES) },
  };
}

/** What each part of a path is. */
const PATH_SCHEMAS: Readonly<Record<string, Json>> = {
  uuid: { type: 'string', format: 'uuid' },
  worker: { type: 'string' },
  number: { type: 'integer', minimum: 0 },
  name: { type: 'string' },
};

function pathParameters(path: string): Json[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({ name, in: 'path', required: true, schema: PATH_SCHEMAS[name!] }));
}

/** The parameters that several routes have, with their names among the components. */
const SHARED: ReadonlyMap<Parameter, string> = sharedParameters();

function sharedParameters(): Map<Parameter, string> {
  const seen = new Set<Parameter>();
  const shared = new Map<Parameter, string>();
  for (const { parameters = [] } of Object.values(ROUTES)) {
    for (const parameter of parameters) {
      if (seen.has(parameter)) shared.set(parameter, parameter.name);
      seen.add(parameter);
    }
  }
  if (new Set(shared.values()).size < shared.size) throw new Error('expected another name for each parameter that several routes have');
  return shared;
}

function ofOperation(parameter: Parameter): Json {
  const name = SHARED.get(parameter);
  return name === undefined ? queryParameter(parameter) : { $ref: `#/components/parameters/${name}` };
}

function queryParameter({ name, value, default: fallback, repeats = false, needs, example, text }: Parameter): Json {
  const description = needs === undefined ? text : `${text} Only with ${needs}.`;
  const schema = { ...valueSchema(value), ...(fallback !== undefined && { default: fallback }) };
  const one = repeats ? { type: 'array', items: schema } : schema;
  if (!name.endsWith(FAMILY)) return { name, in: 'query', description, schema: one, example: repeats ? [example] : example };
  // A family of parameters is an object whose fields are the parameters.
  const family = name.slice(0, -FAMILY.length);
  const fields = { type: 'object', patternProperties: { [`^${family}\\..+`]: one }, additionalProperties: false };
  return { name: family, in: 'query', description: `${description} Each is a parameter of its own: ${name}=VALUE.`, style: 'form', explode: true, schema: fields };
}

function valueSchema(value: ParameterValue): Json {
  if (value.kind === 'integer') {
    const { least, most } = value;
    return { type: 'integer', ...(least !== undefined && { minimum: least }), ...(most !== undefined && { maximum: most }) };
  }
  if (value.kind === 'choice') return { type: 'string', enum: value.values };
  const { pattern, longest, mayBeEmpty = false } = value;
  return { type: 'string', ...(!mayBeEmpty && { minLength: 1 }), ...(longest !== undefined && { maxLength: longest }), ...(pattern !== undefined && { pattern }) };
}

function headerParameters(answers: readonly Answer[]): Json[] {
  const headers: Json[] = [];
  const header = (name: string, description: string): unknown => headers.push({ name, in: 'header', description, schema: { type: 'string' } });
  if (answers.some(({ status }) => status === 304)) header('If-None-Match', 'The ETag of the representation that the client has.');
  if (answers.some(({ bodies = {} }) => 'text/event-stream' in bodies)) header('Last-Event-ID', 'The id of the last event that the client has.');
  return headers;
}

/** The answers that the app gives for every route, with their names among the components. */
const GENERAL_ANSWERS: readonly (readonly [name: string, answer: Answer])[] = [
  ['Invalid', { status: 400, text: 'A parameter, or a part of the path, is invalid, empty, unknown here, or given twice.' }],
  ['Unauthorized', { status: 401, headers: ['WWW-Authenticate'], text: 'The server has a token, and the request has none or another one.' }],
  ['Forbidden', { status: 403, text: 'The host or the origin is not allowed.' }],
  ['Unavailable', { status: 503, headers: ['Retry-After'], text: 'The store can not be read or written just now.' }],
];

const GENERAL_RESPONSES: Json = Object.fromEntries(GENERAL_ANSWERS.map(([name, { status }]) => [status, { $ref: `#/components/responses/${name}` }]));

/** Answers by their status, or by other names. */
function responses(answers: readonly Answer[], names: readonly (string | number)[] = answers.map(({ status }) => status)): Json {
  const found = answers.map(({ status, bodies, headers = [], text }, at) => {
    const content = status >= 400 ? { 'application/problem+json': 'Problem' } : bodies;
    const response = {
      description: text,
      ...(headers.length > 0 && { headers: Object.fromEntries(headers.map((name) => [name, { schema: { type: 'string' } }])) }),
      ...(content !== undefined && { content: Object.fromEntries(Object.entries(content).map(([type, schema]) => [type.replace(/;.*/, ''), { schema: bodySchema(schema) }])) }),
    };
    return [names[at]!, response] as const;
  });
  return Object.fromEntries(found);
}

function bodySchema(names: string | readonly string[]): Json {
  const refs = [names].flat().map((name) => {
    if (!Object.hasOwn(SCHEMAS, name)) throw new Error(`tools/openapi-schemas.ts: expected a schema ${name}`);
    return { $ref: `#/components/schemas/${name}` };
  });
  return refs.length === 1 ? refs[0]! : { anyOf: refs };
}

/** The receiver is an app of its own, which taskspan serves beside this one. Bodies and answers are those of OTLP/HTTP. */
function receiverPaths(): Record<string, Json> {
  const types = Object.fromEntries(['application/json', 'application/x-protobuf'].map((type) => [type, { schema: {} }]));
  const bodies: Readonly<Record<string, string>> = {
    traces: 'Takes spans of tasks.',
    logs: 'Takes live facts of tasks.',
    metrics: 'Takes metrics, and ignores them.',
  };
  const statuses: Readonly<Record<number, string>> = {
    200: 'What was taken is stored; partial_success has what was not.',
    400: 'The body can not be read: another try has no use.',
    401: 'The server has a token, and the request has none or another one.',
    403: 'Web pages may not send anything.',
    413: 'The body is too long.',
    415: 'Another media type or encoding.',
    503: 'The store can not be written just now.',
  };
  return Object.fromEntries(
    Object.entries(bodies).map(([signal, summary]) => [
      `/v1/${signal}`,
      {
        post: {
          operationId: `receive${signal.charAt(0).toUpperCase()}${signal.slice(1)}`,
          summary: `${summary} OTLP/HTTP, where the server receives.`,
          requestBody: { required: true, content: types },
          responses: Object.fromEntries(Object.entries(statuses).map(([status, description]) => [status, { description, content: types }])),
        },
      },
    ]),
  );
}

if (import.meta.main) writeFileSync(FILE, openapiText());
