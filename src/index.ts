/**
 * taskspan: what task code imports. It depends on `@opentelemetry/api` and `node:async_hooks`
 * alone; `taskspan/collector` records, keeps and serves.
 */
export { announceTask } from './announce-task.ts';
export type { AnnounceTaskOptions } from './announce-task.ts';
export { carrierEnv } from './carrier.ts';
export type { Carrier, CarrierEnv, CarrierSource } from './carrier.ts';
export { continueTask } from './continue-task.ts';
export type { ContinuedTask } from './continue-task.ts';
export { currentUpdater, notify, progress } from './current.ts';
export type { Limits } from './limits.ts';
export type { PlanInput } from './arguments.ts';
export { runTask, startTask, track } from './run-task.ts';
export type { StartedTask } from './run-task.ts';
export type { EachOptions, Scope, ScopeOptions, ScopeResult } from './scope.ts';
export { IncompleteError } from './scope-handle.ts';
export { UnfinishedError } from './errors.ts';
export type { UnfinishedErrorCode } from './errors.ts';
export { TaskCancelledError } from './errors.ts';
export type { NextAttemptOptions, PartOptions, TaskOptions, TaskUpdaterOptions } from './options.ts';
export { TaskUpdater } from './task-updater.ts';
export type { Redact } from './text.ts';
