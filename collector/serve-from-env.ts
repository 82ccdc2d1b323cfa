import { checkKeys, checkType } from '../src/arguments.ts';
import { received } from '../src/failure.ts';
import { booleanOf, listOf, numberOf, textOf } from './environment.ts';
import { resolveLimits } from './otlp/receive/receiver-options.ts';
import { hostCheck, originSet } from './server/host-names.ts';
import { resolveStreams } from './server/live/event-stream.ts';
import type { StreamOptions } from './server/live/event-stream.ts';
import type { ProxyOptions, ReceiveOptions, ServeOptions } from './server/serve-options.ts';
import { checkToken } from './server/token.ts';

const SERVE_OPTIONS: readonly string[] = [
  'port',
  'host',
  'token',
  'allowedHosts',
  'allowedOrigins',
  'access',
  'receive',
  'streams',
] satisfies (keyof ServeOptions)[];

const PROXY_OPTIONS: readonly string[] = ['trustProxy', 'guarded'] satisfies (keyof ProxyOptions)[];

const RECEIVE_OPTIONS: readonly string[] = ['maxBodyBytes', 'maxWaitingBytes'] satisfies (keyof ReceiveOptions)[];

/** The option `serve` with the environment read; `undefined` where nothing is served. */
export function serveOptions(serve: boolean | ServeOptions | undefined, env: NodeJS.ProcessEnv): ServeOptions | undefined {
  if (serve === false) return undefined;
  if (typeof serve === 'object' && serve !== null) checkKeys('serve', serve, SERVE_OPTIONS);
  else if (serve !== undefined && typeof serve !== 'boolean') {
    throw new TypeError(`serve: expected true, false or an object of options, got ${received(serve)}`);
  }
  const port = numberOf(env, 'TASKSPAN_PORT');
  if (serve === undefined && port === undefined) return undefined;
  const host = textOf(env, 'TASKSPAN_HOST');
  const token = textOf(env, 'TASKSPAN_TOKEN');
  if (token !== undefined) checkToken('TASKSPAN_TOKEN', token);
  const allowedHosts = listOf(env, 'TASKSPAN_ALLOWED_HOSTS');
  if (allowedHosts !== undefined) hostCheck('TASKSPAN_ALLOWED_HOSTS', allowedHosts);
  const allowedOrigins = listOf(env, 'TASKSPAN_ALLOWED_ORIGINS');
  if (allowedOrigins !== undefined) originSet('TASKSPAN_ALLOWED_ORIGINS', allowedOrigins);
  const resolved: ServeOptions = {
    ...(port !== undefined && { port }),
    ...(host !== undefined && { host }),
    ...(token !== undefined && { token }),
    ...(allowedHosts !== undefined && { allowedHosts }),
    ...(allowedOrigins !== undefined && { allowedOrigins }),
    ...(typeof serve === 'object' && serve),
    access: proxyOptions(typeof serve === 'object' ? serve.access : undefined, env),
    receive: receiveOptions(typeof serve === 'object' ? serve.receive : undefined, env),
    streams: streamOptions(typeof serve === 'object' ? serve.streams : undefined, env),
  };
  if (resolved.port !== undefined && !(Number.isInteger(resolved.port) && resolved.port >= 0 && resolved.port < 65536)) {
    throw new RangeError(`serve.port: expected a whole number from 0 to 65535, got ${received(resolved.port)}`);
  }
  checkType('serve.host', resolved.host, 'string');
  if (resolved.token !== undefined) checkToken('serve.token', resolved.token);
  hostCheck('serve.allowedHosts', resolved.allowedHosts ?? []);
  originSet('serve.allowedOrigins', resolved.allowedOrigins ?? []);
  return resolved;
}

function proxyOptions(access: ProxyOptions | undefined, env: NodeJS.ProcessEnv): ProxyOptions {
  if (access !== undefined) checkKeys('serve.access', access, PROXY_OPTIONS);
  const trustProxy = access?.trustProxy ?? booleanOf(env, 'TASKSPAN_TRUST_PROXY') ?? false;
  const guarded = access?.guarded ?? booleanOf(env, 'TASKSPAN_GUARDED') ?? false;
  checkType('serve.access.trustProxy', trustProxy, 'boolean');
  checkType('serve.access.guarded', guarded, 'boolean');
  return { trustProxy, guarded };
}

function receiveOptions(receive: boolean | ReceiveOptions | undefined, env: NodeJS.ProcessEnv): false | ReceiveOptions {
  if (typeof receive === 'object' && receive !== null) checkKeys('serve.receive', receive, RECEIVE_OPTIONS);
  else if (receive !== undefined && typeof receive !== 'boolean') {
    throw new TypeError(`serve.receive: expected true, false or an object of options, got ${received(receive)}`);
  }
  if ((receive ?? booleanOf(env, 'TASKSPAN_RECEIVE') ?? false) === false) return false;
  const maxBodyBytes = numberOf(env, 'TASKSPAN_RECEIVE_MAX_BODY_BYTES');
  const maxWaitingBytes = numberOf(env, 'TASKSPAN_RECEIVE_MAX_WAITING_BYTES');
  return resolveLimits({
    ...(maxBodyBytes !== undefined && { maxBodyBytes }),
    ...(maxWaitingBytes !== undefined && { maxWaitingBytes }),
    ...(typeof receive === 'object' && receive),
  });
}

function streamOptions(streams: StreamOptions | undefined, env: NodeJS.ProcessEnv): StreamOptions {
  const aliveMs = numberOf(env, 'TASKSPAN_STREAM_ALIVE_MS');
  const maxBehindBytes = numberOf(env, 'TASKSPAN_STREAM_MAX_BEHIND_BYTES');
  // What is given is checked before anything is laid over it.
  resolveStreams(streams);
  return resolveStreams({
    ...(aliveMs !== undefined && { aliveMs }),
    ...(maxBehindBytes !== undefined && { maxBehindBytes }),
    ...streams,
  });
}
