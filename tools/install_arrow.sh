#!/usr/bin/env bash
# Puts Arrow C++ (libparquet, libarrow and their headers) into .deps/arrow: the reader of Parquet files. It comes out of
# the wheel of pyarrow on PyPI; nothing of Python is kept. Run it again at any time: it only adds what is missing.
#
#   tools/install_arrow.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=26.0.1
sha256=39cb0f2418282c24bea6ceda77b03e5a8f0a5766b63a8bf194d4e2a2c423548c
platform=manylinux_2_28_x86_64
target=.deps/arrow

say() { printf 'setup: %s\n' "$*"; }
die() {
  printf 'setup: %s\n' "$@" >&2
  exit 1
}

if [ "$(cat "$target/VERSION" 2>/dev/null)" = "$version $sha256" ]; then exit 0; fi
if [ "$(uname -s)-$(uname -m)" != Linux-x86_64 ]; then
  say "no Arrow is pinned for $(uname -s)-$(uname -m): Parquet stays off, everything else builds"
  exit 0
fi

mkdir -p .deps
work=$(mktemp -d .deps/.arrow.XXXXXX)
trap 'rm -rf "$work"' EXIT

# Any pip will do: the wheel is named in full, whatever Python runs it.
pip=(python3 -m pip)
if ! "${pip[@]}" --version >/dev/null 2>&1; then
  python3 -m venv "$work/venv" >/dev/null 2>&1 ||
    die "downloading Arrow needs pip; install it: apt-get install python3-venv"
  pip=("$work/venv/bin/python" -m pip)
fi

say "pip download pyarrow==$version (55 MB): Arrow C++, which reads Parquet"
echo "pyarrow==$version --hash=sha256:$sha256" >"$work/requirements.txt"
"${pip[@]}" download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
  --platform "$platform" --implementation cp --python-version 3.11 --abi cp311 \
  --dest "$work" --requirement "$work/requirements.txt" ||
  die "pip could not fetch pyarrow $version: is there a network, and does 'pip download pyarrow' work?" \
    "Without it everything builds, and only .parquet files are refused."

python3 - "$work" <<'PYTHON'
import pathlib
import sys
import zipfile

work = pathlib.Path(sys.argv[1])
wheel = zipfile.ZipFile(next(work.glob("*.whl")))
for name in wheel.namelist():
    if name.endswith("/"):
        continue
    path = pathlib.PurePosixPath(name)
    if name.startswith(("pyarrow/include/arrow/", "pyarrow/include/parquet/")):
        target = work / "arrow" / path.relative_to("pyarrow")
    elif path.name.startswith(("libarrow.so.", "libparquet.so.")):
        target = work / "arrow" / "lib" / path.name
    elif path.parent.name == "licenses":
        target = work / "arrow" / path.name
    else:
        continue
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(wheel.read(name))
PYTHON
echo "$version $sha256" >"$work/arrow/VERSION"
rm -rf "$target"
mv "$work/arrow" "$target"
