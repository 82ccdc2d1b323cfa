#!/usr/bin/env node
import { print } from '../../src/report.ts';
import { EXIT_FAILED } from './exit-codes.ts';
import { runProgram } from './program.ts';

// Node.js 22 warns about its SQLite on standard error, which is for the person who calls the command.
const emitWarning = process.emitWarning.bind(process) as (...args: unknown[]) => void;
process.emitWarning = (...args: unknown[]) => {
  if (args[1] !== 'ExperimentalWarning') emitWarning(...args);
};

const [command] = process.argv.slice(2);

// A closed pipe is no failure: `head` closes its input early. A full disk is one. Neither ends a server, nor the program
// that `run` runs.
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
