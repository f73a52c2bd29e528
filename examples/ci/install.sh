#!/usr/bin/env bash
# Downloads a release archive, checks its SHA-256, and unpacks it into .dpl-lambda. The name begins with a dot, so that by
# default the directory is not packaged with your function.
#
#   DPL_LAMBDA_URL      the URL of the archive, or that of the release with `/` at its end: then the processor decides which archive
#   DPL_LAMBDA_SHA256   the SHA-256 of the archive; or several, such as one for each processor, or the content of SHA256SUMS
set -euo pipefail
: "${DPL_LAMBDA_URL:?is not set; set it to the URL of a release archive, or of a release, with / at its end}"
: "${DPL_LAMBDA_SHA256:?is not set; set it to the SHA-256 of that archive, 64 hexadecimal digits}"

fail() { # MESSAGE
  echo "$1" >&2
  exit 1
}

url=$DPL_LAMBDA_URL
if [[ $url == */ ]]; then
  case $(uname -sm) in
    'Linux x86_64') url+=dpl-lambda-x86_64-linux.tar.gz ;;
    'Linux aarch64' | 'Linux arm64') url+=dpl-lambda-aarch64-linux.tar.gz ;;
    *) fail "this machine is $(uname -sm), and release archives are for Linux on x86_64 and arm64; build dpl-lambda from source" ;;
  esac
fi

archive=$(mktemp)
trap 'rm -f "$archive"' EXIT
curl --fail --silent --show-error --location --retry 3 --max-time 300 --output "$archive" "$url" ||
  fail "cannot download $url"
sum=$(sha256sum <"$archive")
sum=${sum%% *}
shopt -s nocasematch
if ! [[ " $DPL_LAMBDA_SHA256 " =~ [^0-9a-z]${sum}[^0-9a-z] ]]; then
  fail "$url has another SHA-256 than DPL_LAMBDA_SHA256 says: $sum"
fi
rm -rf .dpl-lambda
mkdir .dpl-lambda
tar -xzf "$archive" -C .dpl-lambda --strip-components=1
[ -x .dpl-lambda/dpl-lambda ] || fail "$url is no release of dpl-lambda: there is no program in it"
.dpl-lambda/dpl-lambda --version >/dev/null 2>&1 || fail "the program of $url does not run here ($(uname -sm)); is it for another processor?"
