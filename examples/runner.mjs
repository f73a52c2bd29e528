#!/usr/bin/env node
// A runner: sends a stanza (a JSON file) to dpl-lambda, prints the log, and exits with 0 only if the deployment succeeded.
//
// Usage: runner.mjs STANZA.json [COMMAND [ARGS]]; DPL_LAMBDA is the path of the plugin.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { constants } from "node:os";

const [stanza, ...command] = process.argv.slice(2);
const request = { ...JSON.parse(readFileSync(stanza, "utf8")), protocol: 1, env: process.env };

const program = process.env.DPL_LAMBDA ?? "dpl-lambda";
const plugin = spawn(program, command, { stdio: ["pipe", "pipe", "inherit"] });
const ended = new Promise((resolve) => {
  plugin.on("error", (error) => {
    console.log(`failed: cannot start ${program}: ${error.message}`);
    process.exit(127);
  });
  // For a signal, use the exit status that a shell reports.
  plugin.on("close", (status, signal) => resolve(status ?? 128 + constants.signals[signal]));
});
plugin.stdin.on("error", () => {}); // it may exit without reading; its events say why
plugin.stdin.end(JSON.stringify(request));

const verdicts = [];
let rest = "";
plugin.stdout.setEncoding("utf8");
reading: for await (const chunk of plugin.stdout) {
  const lines = (rest + chunk).split("\n"); // node:readline would also split at U+2028, which JSON may hold
  rest = lines.pop();
  for (const line of lines) if (!take(line)) break reading; // this closes the plugin's standard output, which stops the plugin
}
if (rest) take(rest);
process.exitCode = conclude(await ended);

// Prints the message of a line. Returns false if the runner must stop reading.
function take(line) {
  let event;
  try {
    event = JSON.parse(line);
  } catch {
    console.log(line); // not an event: print the line unchanged
  }
  if (typeof event?.message === "string") console.log(event.message);
  if (event?.event === "finished") verdicts.push(event);
  if (event?.event !== "hello" || event.protocol.includes(1)) return true;
  console.log(`failed: the plugin speaks protocol ${event.protocol}, and this runner speaks 1`);
  return false;
}

function conclude(status) {
  const finished = verdicts.length === 1 ? verdicts[0] : {}; // none: the stream was cut off; two: ambiguous
  if (finished.outcome === "failed") {
    const hint = finished.error?.hint;
    if (hint && !finished.message?.includes(hint)) console.log(hint);
    return status || (finished.allowed === true ? 0 : 1);
  }
  if (status === 0 && typeof finished.outcome === "string") return 0;
  console.log(`failed: the plugin's outcome is ${finished.outcome ?? "unknown"}, its exit status ${status}`);
  return status || 1;
}
