#!/usr/bin/env node
// Starts the program from the npm package of this platform. The program has our standard input, output and error output, receives our signals, and
// sets our exit status.
//
// A second signal ends the program at once, so a signal must not reach it twice. At a terminal, it stays in our process group: the terminal sends
// SIGINT to the whole group, so we do not forward it. Elsewhere the program has its own group, so that a signal that a CI sends to our group reaches it
// only through us. npm, too, forwards a signal that our group has received, so each signal is forwarded once.
'use strict';
const { spawn } = require('node:child_process');
const { existsSync, readFileSync } = require('node:fs');
const { constants } = require('node:os');
const { optionalDependencies } = require('./package.json');

// What a terminal sends to its foreground process group, and what others send. SIGUSR1 belongs to the debugger of Node.js.
const FROM_TERMINAL = ['SIGINT', 'SIGQUIT', 'SIGHUP'];
const FROM_OTHERS = ['SIGTERM', 'SIGUSR2', 'SIGALRM', 'SIGVTALRM', 'SIGXCPU', 'SIGIO'];

// As for the program itself: nothing was sent to AWS.
function fail(message) {
  console.error(`dpl-lambda: ${message}`);
  process.exit(2);
}

function findProgram() {
  const name = `dpl-lambda-${process.platform}-${process.arch}`;
  if (!(name in optionalDependencies)) {
    const platforms = Object.keys(optionalDependencies).map((known) => known.replace('dpl-lambda-', ''));
    fail(`there is no npm package for ${process.platform}-${process.arch}, only for ${platforms.join(' and ')}; build the program from its sources`);
  }
  try {
    return require.resolve(`${name}/bin/dpl-lambda`);
  } catch {
    fail(`the npm package ${name} is not installed; install dpl-lambda again, on this platform and without \`--omit=optional\``);
  }
}

// True if our process group is in the foreground of a terminal. False also where `/proc` is not mounted.
function isAtTerminal() {
  if (!existsSync('/proc/self/stat')) {
    return false;
  }
  const stat = readFileSync('/proc/self/stat', 'latin1');
  // The second field is the name of the process in parentheses, which may contain spaces.
  const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return group === foreground;
}

const program = findProgram();
const atTerminal = isAtTerminal();
// The handlers come first, so that no signal ends us while the program runs. They are called when this script has reached its end.
for (const signal of FROM_TERMINAL) {
  process.on(signal, () => {});
}
for (const signal of atTerminal ? FROM_OTHERS : [...FROM_TERMINAL, ...FROM_OTHERS]) {
  process.once(signal, () => child.kill(signal));
  // Without this, the next signal of the same name would end us before the program.
  process.on(signal, () => {});
}
const child = spawn(program, process.argv.slice(2), { stdio: 'inherit', detached: !atTerminal });
child.on('error', (error) => fail(`cannot start the program: ${error.message}`));
child.on('exit', (status, signal) => {
  if (signal === null) {
    process.exit(status);
  }
  // End by the same signal. If it does not end us, the exit status is that of a shell.
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
  process.exit(128 + constants.signals[signal]);
});
