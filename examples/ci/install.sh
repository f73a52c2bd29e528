#!/usr/bin/env bash
# Downloads the release archive $DPL_LAMBDA_URL, checks that its SHA-256 is $DPL_LAMBDA_SHA256, and unpacks it into
# .dpl-lambda. The name begins with a dot, so that by default the directory is not packaged with your function.
set -euo pipefail
: "${DPL_LAMBDA_URL:?is not set; set it to the URL of dpl-lambda-x86_64-linux.tar.gz}"
: "${DPL_LAMBDA_SHA256:?is not set; set it to the SHA-256 of that archive, 64 hexadecimal digits}"

archive=$(mktemp)
trap 'rm -f "$archive"' EXIT
curl --fail --silent --show-error --location --retry 3 --max-time 300 --output "$archive" "$DPL_LAMBDA_URL"
if ! echo "$DPL_LAMBDA_SHA256  $archive" | sha256sum --check --status; then
  echo "$DPL_LAMBDA_URL has another SHA-256 than DPL_LAMBDA_SHA256 says: $(sha256sum <"$archive" | cut -d' ' -f1)" >&2
  exit 1
fi
rm -rf .dpl-lambda
mkdir .dpl-lambda
tar -xzf "$archive" -C .dpl-lambda --strip-components=1
if ! [ -x .dpl-lambda/dpl-lambda ]; then
  echo "$DPL_LAMBDA_URL is no release of dpl-lambda: there is no program in it" >&2
  exit 1
fi
