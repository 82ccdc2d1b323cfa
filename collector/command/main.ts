#!/usr/bin/env node
import { runProgram } from './program.ts';

// Node.js 22 warns of its SQLite on standard error, which is for what concerns the caller.
const emitWarning = process.emitWarning.bind(process) as (...args: unknown[]) => void;
process.emitWarning = (...args: unknown[]) => {
  if (args[1] !== 'ExperimentalWarning') emitWarning(...args);
};

// What is piped into `head` ends early, and that is no fault.
for (const output of [process.stdout, process.stderr]) {
  output.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

process.exitCode = await runProgram(process.argv.slice(2));
