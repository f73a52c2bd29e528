#!/usr/bin/env bash
# A runner: sends a stanza, or a list of stanzas (a JSON file), to dpl-lambda, prints the log, and exits with 0 only if all succeeded.
#
# Usage: runner.sh STANZA.json [COMMAND [ARGS]]; DPL_LAMBDA is the path of the plugin.
set -u

# The jq filter that prints the text of an event. jq exits with 10 for a `finished` that lets the job go on, with 11 for one that does not,
# and with 12 for an unsupported protocol.
read -r -d '' event <<'JQ'
def stop(status): "" | halt_error(status);
# Whether the job may go on after a run, or a function of a list, that ended like this.
def goes_on: if .outcome == "failed" then .allowed == true else (.outcome | type) == "string" and .outcome != "stopped" end;

objects | (.message | strings),
if .event == "hello" and (.protocol | index(1) | not) then
  "failed: the plugin speaks protocol \(.protocol), and this runner speaks 1", stop(12)
elif .event == "finished" and (.outcome | type) == "string" then
  (.functions[]? | "\(.function_name // "stanza \(.stanza)"): \(.outcome)"),
  (.message as $printed | .error.hint? | strings | select(inside($printed // "") | not)),
  if all(., .functions[]?; goes_on) then stop(10) else stop(11) end
else
  empty
end
JQ

# Writes the request with all stanzas if the plugin takes lists, otherwise with the one of this number. Returns 9 if there are more.
send_request() {
  local features=
  if [ "$count" = null ]; then
    jq '. + {protocol: 1, env: env}' "$file"
    return
  fi
  read -r features <&3
  case $features in
    *'"stanzas"'*) jq '{stanzas: ., protocol: 1, env: env}' "$file" ;;
    *)
      jq ".[$1] + {protocol: 1, env: env}" "$file"
      if [ $(($1 + 1)) -lt "$count" ]; then return 9; fi
      ;;
  esac
}

# Reads events and prints the log. Fails unless there is exactly one `finished` event and it is a success.
print_log() {
  local line status verdicts= first=yes
  while IFS= read -r line || [ -n "$line" ]; do
    if [ "$first" ]; then
      first=
      # `hello`, which is written before the request is read. One line in any case, for `send_request`.
      printf '%s\n' "$(jq --compact-output 'objects | .features' <<<"$line" 2>/dev/null)" >&3
    fi
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
  if [ "$first" ]; then echo >&3; fi
  case $verdicts in
    10) return 0 ;;
    11) return 1 ;;
    *) echo "failed: the plugin reported no outcome, or more than one"; return 1 ;;
  esac
}

file=$1
count=$(jq 'if type == "array" then length else null end' "$file")
pipe=$(mktemp -u) && mkfifo "$pipe" && exec 3<>"$pipe" && rm "$pipe" || exit 1 # from `print_log` to `send_request`
number=0 sent=9 status=0
while [ "$sent" = 9 ] && [ "$status" = 0 ]; do
  send_request "$number" | "${DPL_LAMBDA:-dpl-lambda}" "${@:2}" 3>&- | print_log
  ended=("${PIPESTATUS[@]}")
  sent=${ended[0]} plugin=${ended[1]} log=${ended[2]}
  if [ "$plugin" != 0 ] && [ "$log" = 0 ]; then
    echo "failed: the plugin's exit status is $plugin"
  fi
  status=$((plugin ? plugin : log)) number=$((number + 1))
done
exit "$status"
