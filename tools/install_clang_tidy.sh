#!/usr/bin/env bash
# Puts clang-tidy into .deps/clang-tidy: the wheel on PyPI is years newer than Debian 12's package, and skips what comes
# from system headers, which was most of the time. Run it again at any time: it only adds what is missing.
#
#   tools/install_clang_tidy.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=23.1.4
hashes='--hash=sha256:6bb31e4f319ecbe14acb75f23c3050d0f1d4b1d92ea1c66091bc76e4eac2c1ac
  --hash=sha256:87596cd77dedfdea23ced1d13e57e869dcaee99745bfe942796196da3c197671'  # x86_64, aarch64
target=.deps/clang-tidy

if [ "$("$target/bin/clang-tidy" --version 2>/dev/null | awk '/version/ { print $3 }')" = "$version" ]; then exit 0; fi

printf 'setup: pip install clang-tidy==%s (45 MB) into %s\n' "$version" "$target"
rm -rf "$target"
python3 -m venv "$target"
"$target/bin/pip" install --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
  --requirement <(echo "clang-tidy==$version" $hashes) || {
  rm -rf "$target"
  echo "setup: pip could not fetch clang-tidy $version: is there a network, and does 'pip download clang-tidy' work?" >&2
  exit 1
}
