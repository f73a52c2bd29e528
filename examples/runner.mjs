#!/usr/bin/env node
// A runner: sends a stanza, or a list of stanzas (a JSON file), to dpl-lambda, prints the log, and exits with 0 only if all succeeded.
//
// Usage: runner.mjs STANZA.json [COMMAND [ARGS]]; DPL_LAMBDA is the path of the plugin.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { constants } from "node:os";

const [file, ...command] = process.argv.slice(2);
const given = JSON.parse(readFileSync(file, "utf8"));
const left = Array.isArray(given) ? given : [given]; // stanzas that no plugin has received yet
const isList = left === given;

let status;
do status = await run();
while (left.length > 0 && status === 0);
process.exitCode = status;

// Runs the plugin once, for all stanzas if it takes lists, otherwise for the first one. Returns the exit status.
async function run() {
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
  if (!isList) send(plugin);

  const verdicts = [];
  let rest = "";
  plugin.stdout.setEncoding("utf8");
  reading: for await (const chunk of plugin.stdout) {
    const lines = (rest + chunk).split("\n"); // node:readline would also split at U+2028, which JSON may hold
    rest = lines.pop();
    for (const line of lines) if (!take(line, plugin, verdicts)) break reading; // this closes the plugin's standard output, which stops the plugin
  }
  if (rest) take(rest, plugin, verdicts);
  if (!plugin.stdin.writableEnded) send(plugin);
  return conclude(verdicts.length === 1 ? verdicts[0] : {}, await ended); // none: the stream was cut off; two: ambiguous
}

// Writes the request. `hello` says whether the plugin takes lists, and is written before the plugin reads.
function send(plugin, hello) {
  const takesLists = isList && (left.length === 0 || hello?.features?.includes("stanzas"));
  const request = takesLists ? { stanzas: left.splice(0) } : left.shift();
  plugin.stdin.end(JSON.stringify({ ...request, protocol: 1, env: process.env }));
}

// Prints the message of a line. Returns false if the runner must stop reading.
function take(line, plugin, verdicts) {
  let event;
  try {
    event = JSON.parse(line);
  } catch {
    console.log(line); // not an event: print the line unchanged
  }
  if (!plugin.stdin.writableEnded) send(plugin, event);
  if (typeof event?.message === "string") console.log(event.message);
  if (event?.event === "finished") verdicts.push(event);
  if (event?.event !== "hello" || event.protocol.includes(1)) return true;
  console.log(`failed: the plugin speaks protocol ${event.protocol}, and this runner speaks 1`);
  return false;
}

function conclude(finished, status) {
  const functions = finished.functions ?? []; // of a list: how each of its functions ended
  for (const { function_name: name, stanza, outcome } of functions) console.log(`${name ?? `stanza ${stanza}`}: ${outcome}`);
  if (finished.outcome === "failed") {
    const hint = finished.error?.hint;
    if (hint && !finished.message?.includes(hint)) console.log(hint);
  } else if (status !== 0 || typeof finished.outcome !== "string") {
    console.log(`failed: the plugin's outcome is ${finished.outcome ?? "unknown"}, its exit status ${status}`);
  }
  return status || ([finished, ...functions].every(goesOn) ? 0 : 1);
}

// Whether the job may go on after a run, or a function of a list, that ended like this.
function goesOn({ outcome, allowed }) {
  return outcome === "failed" ? allowed === true : typeof outcome === "string" && outcome !== "stopped";
}
