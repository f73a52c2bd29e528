#!/usr/bin/env bash
# A runner: spawns dpl-lambda for a stanza (a JSON file), prints its log, ends as it did.
set -u
jq '. + {protocol: 1, env: env}' "$1" |
  "${DPL_LAMBDA:-dpl-lambda}" "${@:2}" |
  jq --unbuffered --raw-output '.message'
exit "${PIPESTATUS[1]}"
