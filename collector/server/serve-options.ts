import type { AccessOptions } from './access.ts';
import type { StreamOptions } from './live/event-stream.ts';

/** Where and for whom the collector serves. */
export interface ServeOptions {
  /** 0 takes a free one. Default 4320. */
  port?: number;
  /** A loopback address; with a `token`, or where access is guarded, any. Default `127.0.0.1`. */
  host?: string;
  /**
   * A secret that each request must carry, `/healthz` and `/readyz` excepted: 16 to 1024 characters
   * of `A-Z a-z 0-9 - . _ ~ + /` and `=` at the end. Default: none, and then only loopback is served.
   */
  token?: string;
  /** Further names under which the server may be asked; loopback names always may. */
  allowedHosts?: string[];
  /** Origins whose pages may read from the server, such as `http://localhost:5173`. */
  allowedOrigins?: string[];
  /** What is in front of the server. */
  access?: ProxyOptions;
  /**
   * Whether what others send by OTLP/HTTP is taken at `/v1/traces` and `/v1/logs`, and how much at a time.
   * Default `false`; `taskspan serve` takes it.
   */
  receive?: boolean | ReceiveOptions;
  /** How live streams behave; the defaults suit. */
  streams?: StreamOptions;
}

/** What is in front of the server: `trustProxy` and `guarded`, both `false` by default. */
export type ProxyOptions = Pick<AccessOptions, 'trustProxy' | 'guarded'>;

/** How much of what others send is taken at a time. */
export interface ReceiveOptions {
  /** The longest body in bytes, after decompression, from 1024. Default 20 MiB. */
  maxBodyBytes?: number;
  /** How many bytes of bodies may wait for the store at a time, at least as many as one body. Default 64 MiB. */
  maxWaitingBytes?: number;
}
