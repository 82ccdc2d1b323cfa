/** A fact that a worker of the suite told taskspan. Scopes are named by their place in the plan. */
export type SaidFact = { readonly task: string } & (
  | { readonly kind: 'task-start' }
  | { readonly kind: 'scope-start'; readonly scope: string }
  | { readonly kind: 'message'; readonly scope: string; readonly text: string }
  | { readonly kind: 'progress'; readonly scope: string; readonly done: number }
  | { readonly kind: 'scope-end'; readonly scope: string; readonly outcome: 'completed' | 'failed' }
  | { readonly kind: 'task-end'; readonly state: 'completed' | 'failed' }
);

/**
 * What a worker writes down of itself, one line of JSON each, at the very moment: a pipe keeps it
 * when the worker is killed. Times are milliseconds since the epoch.
 */
export type WorkerLine =
  | { readonly is: 'ready' }
  /** A fact is about to be told; it is `said` when the call has returned. */
  | { readonly is: 'saying'; readonly number: number; readonly fact: SaidFact }
  | { readonly is: 'said'; readonly number: number; readonly at: number }
  /** A flush begins; if it is `flushed`, all that was said before it began is acknowledged. */
  | { readonly is: 'flushing'; readonly number: number }
  | { readonly is: 'flushed'; readonly number: number }
  | { readonly is: 'thread-killed' | 'thread-back'; readonly at: number };

/** What a worker is told, a line each: to begin, to block its event loop for so many milliseconds, to end its collector thread. */
export type WorkerCommand = 'go' | 'kill-thread' | `block ${number}`;
