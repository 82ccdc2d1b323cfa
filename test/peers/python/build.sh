#!/bin/sh
# Makes the virtual environment of the Python peers: OpenTelemetry's SDK and exporter, Celery and its instrumentation.
#
#   sh test/peers/python/build.sh           makes it if it is missing and prints its directory
#   sh test/peers/python/build.sh --where   prints that directory and makes nothing
#
# Every version is pinned by requirements.txt. The directory is named for a hash of what determines it, the Python
# included. TASKSPAN_PEERS_DIR, an absolute path, names another directory, in which it is `python`.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

hash_of_environment() {
  cd "$here"
  { uname -sm; python3 -c 'import sys; print(sys.version, sys.executable)' 2>&1 || true; cat build.sh requirements.txt; } |
    { sha256sum 2>/dev/null || shasum -a 256; } | cut -c 1-16
}

directory=${TASKSPAN_PEERS_DIR:+$TASKSPAN_PEERS_DIR/python}
directory=${directory:-${XDG_CACHE_HOME:-$HOME/.cache}/taskspan-peers/python-$(hash_of_environment)}

# `whole` is made last, so an interrupted build leaves none.
if [ "${1:-}" != --where ] && ! [ -e "$directory/whole" ]; then
  echo 'installing Celery and OpenTelemetry for Python' >&2
  python3 -m venv --clear "$directory" >&2 || {
    echo 'The Python peers need Python 3.10 or newer with venv, on Debian: apt-get install python3-venv' >&2
    exit 1
  }
  "$directory/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --requirement "$here/requirements.txt" >&2
  "$directory/bin/python" -m pip check >&2
  : >"$directory/whole"
fi

echo "$directory"
