import type { StreamOptions } from './stream-options.ts';

/** Where and for whom the collector serves. */
export interface ServeOptions {
  /** 0 takes a free one. Default 4320. */
  port?: number;
  /** A loopback address. Default `127.0.0.1`. */
  host?: string;
  /** Further names under which the server may be asked; loopback names always may. */
  allowedHosts?: string[];
  /** Origins whose pages may read from the server, such as `http://localhost:5173`. */
  allowedOrigins?: string[];
  /** How live streams behave; the defaults suit. */
  streams?: StreamOptions;
}
