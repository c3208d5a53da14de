#!/usr/bin/env bash
# Puts the demonstration data, flights-3m.parquet, into the given folder: 3,000,000 flights of the US Bureau of
# Transportation Statistics (public domain), as shipped in the npm package vega-datasets (BSD-3-Clause).
#
#   tools/fetch_demo_data.sh FOLDER
set -euo pipefail
folder=${1:?use: tools/fetch_demo_data.sh FOLDER}
package=vega-datasets@3.2.1
member=package/data/flights-3m.parquet
sha256=dbeb920c90f59b6ccaff823dcc3d08f25a97fa1ce128d93f40be4e931f5900b0
target=$folder/flights-3m.parquet

good() { [ -f "$1" ] && echo "$sha256  $1" | sha256sum --check --status; }

if good "$target"; then exit 0; fi
mkdir -p "$folder"
download=$(mktemp -d "$folder/.download.XXXXXX")
trap 'rm -rf "$download"' EXIT
echo "setup: npm pack $package (18 MB): the flights, the data of ./run"
if ! npm pack "$package" --silent --pack-destination "$download" >/dev/null; then
  echo "setup: npm could not fetch $package: is there a network, and does 'npm ping' answer?" >&2
  echo "setup: ./run also trains on files of your own: ./run FILE..." >&2
  exit 1
fi
tar -xzf "$download"/*.tgz -C "$download" "$member"
if ! good "$download/$member"; then
  echo "setup: $member of $package has another SHA-256 than $sha256; not using it" >&2
  exit 1
fi
mv "$download/$member" "$target"
