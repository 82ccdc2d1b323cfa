/** A fact that a worker of the suite reported. Scopes are named by their position in the plan: `0.2.1`. */
export type ReportedFact = { readonly task: string } & (
  | { readonly kind: 'task-start' }
  | { readonly kind: 'scope-start'; readonly scope: string }
  | { readonly kind: 'message'; readonly scope: string; readonly text: string }
  | { readonly kind: 'progress'; readonly scope: string; readonly done: number }
  | { readonly kind: 'scope-end'; readonly scope: string; readonly outcome: 'completed' | 'failed' }
  | { readonly kind: 'task-end'; readonly state: 'completed' | 'failed' }
);

/**
 * A line of JSON that a worker writes to its standard output as it happens: the pipe keeps it when the
 * worker is killed. Times are milliseconds since the epoch.
 */
export type WorkerLine =
  | { readonly is: 'ready' }
  /** A fact is about to be reported; it is `reported` when the call has returned. */
  | { readonly is: 'reporting'; readonly number: number; readonly fact: ReportedFact }
  | { readonly is: 'reported'; readonly number: number; readonly at: number }
  /** A flush begins; if it is `flushed`, all that was reported before it began is acknowledged. */
  | { readonly is: 'flushing'; readonly number: number }
  | { readonly is: 'flushed'; readonly number: number }
  | { readonly is: 'thread-killed' | 'thread-back'; readonly at: number };

/** A command to a worker, a line each: begin, end the collector thread, or block the event loop for so many milliseconds. */
export type WorkerCommand = 'go' | 'kill-thread' | `block ${number}`;
