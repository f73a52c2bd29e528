#!/usr/bin/env bash
# The step of the GitHub Action (action.yml) and of the Buildkite plugin (hooks/command): installs dpl-lambda and runs it once. The program writes
# the log with its annotations, the outputs and the summary. Inputs come only from variables (INPUT_*), and each one is one argument, so that no
# shell interprets them.
#
#   action.sh [RESULT SUMMARY]     the files for the outputs and the summary; by default those of GitHub
set -euo pipefail

fail() { # MESSAGE
  if [ "${GITHUB_ACTIONS:-}" = true ]; then
    local text=${1//'%'/%25}
    text=${text//$'\r'/%0D}
    echo "::error title=dpl-lambda::${text//$'\n'/%0A}"
  else
    echo "dpl-lambda: ${1//$'\n'/$'\n  '}" >&2 # no other line begins at its first column, where Buildkite looks for commands
  fi
  exit 2
}

command=${INPUT_COMMAND:-deploy}
case $command in
  deploy | plan | check | rollback) ;;
  *) fail "\`command\` is \`$command\`; expected deploy, plan, check or rollback" ;;
esac
arguments=("$command" "--result=${1:-${GITHUB_OUTPUT:-/dev/null}}" "--summary=${2:-${GITHUB_STEP_SUMMARY:-/dev/null}}")
case ${INPUT_STANZA:+stanza}${INPUT_TRAVIS_YML:+travis-yml} in
  stanza) arguments+=("--stanza=$INPUT_STANZA") ;;
  travis-yml) arguments+=("--travis-yml=$INPUT_TRAVIS_YML") ;;
  *) fail "set one of \`stanza\` and \`travis-yml\`, and not both" ;;
esac
[ -z "${INPUT_ONLY:-}" ] || arguments+=("--only=$INPUT_ONLY")

program=${INPUT_PROGRAM:-}
if [ -z "$program" ]; then
  installation=$(mktemp -d "${RUNNER_TEMP:-/tmp}/dpl-lambda.XXXXXX")
  trap 'rm -rf "$installation"' EXIT
  if [ -n "${INPUT_ARCHIVE:-}" ]; then
    DPL_LAMBDA_URL=$INPUT_ARCHIVE
  elif [ -n "${INPUT_VERSION:-}" ]; then
    [ "$(uname -s)" = Linux ] || fail "releases are for Linux; install dpl-lambda here, and set \`program\` to its path"
    DPL_LAMBDA_URL=${GITHUB_SERVER_URL:-https://github.com}/${ACTION_REPOSITORY:-${GITHUB_REPOSITORY:-}}/releases/download/v$INPUT_VERSION/
  fi
  export DPL_LAMBDA_URL=${DPL_LAMBDA_URL:-} DPL_LAMBDA_SHA256=${INPUT_SHA256:-${DPL_LAMBDA_SHA256:-}}
  [ -n "$DPL_LAMBDA_URL" ] || fail "set one of \`version\`, \`archive\` and \`program\`"
  [ -n "$DPL_LAMBDA_SHA256" ] || fail "set \`sha256\` to the SHA-256 of the release archive"
  install=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/examples/ci/install.sh
  reason=$(cd "$installation" && bash "$install" 2>&1) || fail "dpl-lambda is not installed: $reason"
  program=$installation/.dpl-lambda/dpl-lambda
fi
command -v -- "$program" >/dev/null || fail "\`program\` is \`$program\`, which cannot be run here"

# With `permissions: id-token: write`, the job can have a token that AWS STS accepts.
if [ -n "${ACTIONS_ID_TOKEN_REQUEST_URL:-}" ] && [ -z "${AWS_ID_TOKEN:-}" ]; then
  answer=$(curl --fail --silent --show-error --retry 3 --header @- "$ACTIONS_ID_TOKEN_REQUEST_URL&audience=sts.amazonaws.com" \
    <<<"Authorization: bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN") || fail 'GitHub returned no token'
  [[ $answer =~ \"value\"[[:space:]]*:[[:space:]]*\"([A-Za-z0-9._-]+)\" ]] || fail 'GitHub returned no token'
  export AWS_ID_TOKEN=${BASH_REMATCH[1]}
  echo "::add-mask::$AWS_ID_TOKEN"
fi

# In the background, because bash handles a signal only after a command in the foreground has ended. The runner sends SIGINT, and kills
# all processes 10 seconds later; the program ends in 5.
running='' interrupted=''
cancel() {
  interrupted=yes
  [ -z "$running" ] || kill -TERM "$running" 2>/dev/null || true
}
trap cancel INT TERM
"$program" "${arguments[@]}" </dev/null &
running=$!
[ -z "$interrupted" ] || cancel
status=0
wait "$running" || status=$?
while [ -n "$interrupted" ]; do # the signal ended `wait`, whose status is the signal's; the program's is known even if it has ended since
  interrupted='' status=0
  wait "$running" || status=$?
done
exit "$status"
