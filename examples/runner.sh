#!/usr/bin/env bash
# A runner: sends a stanza (a JSON file) to dpl-lambda, prints the log, and exits with 0 only if the deployment succeeded.
#
# Usage: runner.sh STANZA.json [COMMAND [ARGS]]; DPL_LAMBDA is the path of the plugin.
set -u

# The jq filter that prints the text of an event. jq exits with 10 for a `finished` that lets the job go on, with 11 for one that does not,
# and with 12 for an unsupported protocol.
read -r -d '' event <<'JQ'
def stop(status): "" | halt_error(status);

objects | (.message | strings),
if .event == "hello" and (.protocol | index(1) | not) then
  "failed: the plugin speaks protocol \(.protocol), and this runner speaks 1", stop(12)
elif .event == "finished" and .outcome == "failed" then
  (.message as $printed | .error.hint? | strings | select(inside($printed // "") | not)),
  if .allowed == true then stop(10) else stop(11) end
elif .event == "finished" and (.outcome | type) == "string" then
  stop(10)
else
  empty
end
JQ

# Reads events and prints the log. Fails unless there is exactly one `finished` event and it is a success.
print_log() {
  local line status verdicts=
  while IFS= read -r line || [ -n "$line" ]; do
    # Start jq once for each line: a single jq would stop at the first line that is not JSON, and --raw-input damages
    # long lines of non-ASCII characters (jq 1.6).
    jq --raw-output "$event" <<<"$line" 2>/dev/null
    status=$?
    case $status in
      0) ;;
      10 | 11) verdicts+=$status ;;
      12) return 1 ;;                # closes the plugin's standard output, which stops the plugin
      *) printf '%s\n' "$line" ;;    # not an event: print the line unchanged
    esac
  done
  case $verdicts in
    10) return 0 ;;
    11) return 1 ;;
    *) echo "failed: the plugin reported no outcome, or more than one"; return 1 ;;
  esac
}

jq '. + {protocol: 1, env: env}' "$1" | "${DPL_LAMBDA:-dpl-lambda}" "${@:2}" | print_log
ended=("${PIPESTATUS[@]}")
plugin=${ended[1]} log=${ended[2]}
if [ "$plugin" != 0 ] && [ "$log" = 0 ]; then
  echo "failed: the plugin's exit status is $plugin"
fi
exit $((plugin ? plugin : log))
