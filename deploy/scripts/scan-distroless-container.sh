#!/bin/sh
# Scans a distroless container of a running pod: the same as scan-container.sh, which finds out by itself how to reach it.
#
# usage: scan-distroless-container.sh NAMESPACE POD CONTAINER PROFILE [THRESHOLD_FILE] [OPTION...]
set -eu
[ $# -ge 4 ] || { sed -n '2,4s/^# \{0,1\}//p' "$0" >&2; exit 2; }
exec "$(dirname "$0")/scan-container.sh" "$@"
