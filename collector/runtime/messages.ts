import type { ServeOptions } from '../server/serve-options.ts';
import type { HeartbeatSettings } from '../store/heartbeat.ts';
import type { SinkSettings } from '../otlp/send/otlp-sink.ts';
import type { RetentionOptions } from '../store/retention.ts';

/** What the two sides of the collector thread say to each other. */

/** What the thread is started with. */
export interface ThreadData {
  /** Tells the thread's own module that it runs as the collector. */
  taskspanCollector: true;
  control: Int32Array;
  segments: SharedSegment[];
  /** Path or URL of the store, or where facts are sent instead. */
  store: string | SinkSettings;
  serve: ServeOptions | undefined;
  /** The worker that the thread stands beside. */
  workerId: string;
  heartbeat: HeartbeatSettings | undefined;
  retention: RetentionOptions;
}

export interface SharedSegment {
  id: number;
  memory: SharedArrayBuffer;
}

export type ToThread =
  | { type: 'segment'; segment: SharedSegment }
  | { type: 'freed'; id: number }
  | { type: 'close' };

export type FromThread =
  /** It has tried to open its store and its port, and knows whether it hears requests to cancel. */
  | { type: 'ready'; url: string | undefined; failures: CollectorFailure[]; hears: boolean }
  /** Somebody wants an attempt to be cancelled. It is heard when the task's event loop runs. */
  | { type: 'cancel'; taskUuid: string; spanId: string }
  /** The store was replaced by one that knows nothing of what is open. */
  | { type: 'replaced' }
  /** Something to tell through `diag`. */
  | { type: 'report'; message: string };

/** Why a part of the collector does not work. */
export interface CollectorFailure {
  part: 'store' | 'server' | 'thread';
  /** One line. */
  message: string;
  code: string | undefined;
}
