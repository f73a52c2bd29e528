#!/usr/bin/env bash
# A runner: gives dpl-lambda a stanza (a JSON file), prints its log, and ends with 0 only if the deployment succeeded.
#
# Usage: runner.sh STANZA.json [COMMAND [ARGS]]; DPL_LAMBDA names the plugin.
set -u

# What there is to print of an event. Exit status 10: it is finished, a success; 11: a failure; 12: not to be understood.
read -r -d '' event <<'JQ'
def stop(status): "" | halt_error(status);

objects | (.message | strings),
if .event == "hello" and (.protocol | index(1) | not) then
  "failed: the plugin speaks protocol \(.protocol), and this runner speaks 1", stop(12)
elif .event == "finished" and .outcome == "failed" then
  (.message as $told | .error.hint? | strings | select(inside($told // "") | not)),
  if .allowed == true then stop(10) else stop(11) end
elif .event == "finished" and (.outcome | type) == "string" then
  stop(10)
else
  empty
end
JQ

# Events in, the log out. Fails unless there is one verdict, and that is a success.
print_log() {
  local line status verdicts=
  while IFS= read -r line || [ -n "$line" ]; do
    # A jq for each line: one for all of them would end at the first that is no JSON, and --raw-input damages
    # long lines of letters beyond ASCII (jq 1.6).
    jq --raw-output "$event" <<<"$line" 2>/dev/null
    status=$?
    case $status in
      0) ;;
      10 | 11) verdicts+=$status ;;
      12) return 1 ;;                # nobody reads on, which stops the plugin
      *) printf '%s\n' "$line" ;;    # not the plugin's own: shown as it is
    esac
  done
  case $verdicts in
    10) return 0 ;;
    11) return 1 ;;
    *) echo "failed: the plugin told no outcome, or several"; return 1 ;;
  esac
}

jq '. + {protocol: 1, env: env}' "$1" | "${DPL_LAMBDA:-dpl-lambda}" "${@:2}" | print_log
ended=("${PIPESTATUS[@]}")
plugin=${ended[1]} log=${ended[2]}
if [ "$plugin" != 0 ] && [ "$log" = 0 ]; then
  echo "failed: the plugin's exit status is $plugin"
fi
exit $((plugin ? plugin : log))
