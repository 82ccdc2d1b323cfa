import type { SpanSink } from '../../src/span-sink.ts';

/** Gives each fact to both: two processors may stand on one provider. */
export function bothSinks(one: SpanSink, other: SpanSink): SpanSink {
  return {
    notification(...fact) {
      one.notification(...fact);
      other.notification(...fact);
    },
    progress(...fact) {
      one.progress(...fact);
      other.progress(...fact);
    },
    plan(...fact) {
      one.plan(...fact);
      other.plan(...fact);
    },
    exception(...fact) {
      one.exception(...fact);
      other.exception(...fact);
    },
    result(...fact) {
      one.result(...fact);
      other.result(...fact);
    },
  };
}
