import type { Attributes } from '@opentelemetry/api';

/**
 * The attributes with which a scope's span starts, as code that instruments by hand writes them:
 * names in the literal, since computed names make the object, and the span, slower.
 */
export function bareAttributes(): Attributes {
  return {
    'taskspan.span': 'scope',
    'taskspan.task.uuid': '5b1e6f0e-3a55-4c50-9d28-6a1d4f7be1c2',
    'taskspan.task.name': 'Scope',
    'taskspan.task.attempt': 1,
    'taskspan.task.span': '0102030405060708',
    'taskspan.scope.parent': '0102030405060708',
    'taskspan.outcome': '',
    'taskspan.heading': false,
    'taskspan.facts': 0,
    'taskspan.name': 'Scope',
  };
}
