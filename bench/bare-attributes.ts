import type { Attributes } from '@opentelemetry/api';
import * as conventions from '../src/conventions.ts';

/** The attributes with which a scope's span starts, as whoever wrote it by hand would give them. */
export function bareAttributes(): Attributes {
  return {
    [conventions.SPAN_KIND]: 'scope',
    [conventions.TASK_UUID]: '5b1e6f0e-3a55-4c50-9d28-6a1d4f7be1c2',
    [conventions.TASK_NAME]: 'Scope',
    [conventions.TASK_ATTEMPT]: 1,
    [conventions.TASK_SPAN]: '0102030405060708',
    [conventions.SCOPE_PARENT]: '0102030405060708',
    [conventions.OUTCOME]: '',
    [conventions.HEADING]: false,
    [conventions.FACTS]: 0,
    [conventions.ERROR]: '',
  };
}
