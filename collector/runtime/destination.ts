import { otlpSink } from '../otlp/send/otlp-sink.ts';
import type { OtlpSinkOptions, SinkSettings } from '../otlp/send/otlp-sink.ts';
import { storeAt } from '../store/store-at.ts';
import { isSqliteStore } from '../store/task-store.ts';
import type { CollectorOptions } from './collector.ts';

/** Where a collector's facts go, by a store's path or URL or by the settings of a sink. */
export interface Destination {
  /** What a collector is to be started with. */
  readonly collected: Pick<CollectorOptions, 'store' | 'unheard'>;
  /** Ends what waits for an answer from elsewhere, so that the collector can be closed in time. */
  breakOff(): void;
  close(): Promise<void>;
}

/** What {@link destinationAt} needs of the thread that it is in. */
export interface DestinationOptions extends Pick<OtlpSinkOptions, 'hasLiveTasks' | 'waitSeconds' | 'report'> {
  /** Called when a store was opened anew: what it was told before may be missing in it. */
  onReplaced?: () => void;
}

export function destinationAt(location: string | SinkSettings, options: DestinationOptions): Destination {
  if (typeof location === 'string') {
    const store = storeAt(location);
    if (options.onReplaced !== undefined && isSqliteStore(store)) store.onReplaced(options.onReplaced);
    return { collected: { store }, breakOff: () => undefined, close: () => store.close() };
  }
  const sink = otlpSink({ ...location, ...options });
  return { collected: { store: sink, unheard: () => sink.unheard() }, breakOff: () => void sink.close(), close: () => sink.close() };
}
