#!/usr/bin/env node
import { print } from '../../src/report.ts';
import { EXIT_FAILED } from './exit-codes.ts';
import { runProgram } from './program.ts';

// Node.js 22 warns of its SQLite on standard error, which is for what concerns the caller.
const emitWarning = process.emitWarning.bind(process) as (...args: unknown[]) => void;
process.emitWarning = (...args: unknown[]) => {
  if (args[1] !== 'ExperimentalWarning') emitWarning(...args);
};

const [command] = process.argv.slice(2);

// What is piped into `head` ends early, and that is no fault. A full disk is one, but neither ends a
// server nor the program that `run` runs.
let isReported = false;
process.stderr.on('error', () => undefined);
process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
  if (code === 'EPIPE' || isReported) return;
  isReported = true;
  print('stderr', `taskspan: standard output can't be written: ${message}\n`);
  if (command !== 'run' && command !== 'serve') process.exitCode ||= EXIT_FAILED;
});

const exitCode = await runProgram(process.argv.slice(2));
process.exitCode ||= exitCode;
