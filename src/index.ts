/**
 * taskspan: what task code imports. It depends on `@opentelemetry/api` and `node:async_hooks` alone;
 * `taskspan/collector` records, stores and serves.
 */
export { announceTask } from './announce-task.ts';
export type { AnnounceTaskOptions } from './announce-task.ts';
export type { PlanInput } from './arguments.ts';
export type { ReportedError } from './attempt.ts';
export { carrierEnv } from './carrier.ts';
export type { Carrier, CarrierEnv, CarrierSource } from './carrier.ts';
export { continueTask } from './continue-task.ts';
export type { ContinuedTask } from './continue-task.ts';
export { IncompleteError, TaskCancelledError, UnfinishedError } from './errors.ts';
export type { UnfinishedErrorCode } from './errors.ts';
export type { Limits } from './text.ts';
export type { EachOptions, NextAttemptOptions, PartOptions, RunOptions, ScopeOptions, TaskOptions, TaskUpdaterOptions } from './options.ts';
export { runTask, startTask, track } from './run-task.ts';
export type { StartedTask } from './run-task.ts';
export type { Scope, ScopeResult } from './scope.ts';
export { currentUpdater, notify, progress, TaskUpdater } from './task-updater.ts';
export type { VerboseOptions } from './verbose-log.ts';
export type { Redact } from './text.ts';
