#!/bin/sh
# Scans a container of a running pod, distroless or not, and removes what it made.
#
# usage: scan-container.sh NAMESPACE POD CONTAINER PROFILE [THRESHOLD_FILE] [OPTION...]
#
# In the current folder: scan-results-RUN.json and scan-summary-RUN.md, readable by their owner only. RUN is RUN_ID, or one of
# its own. Ends with 0 when all went well (with THRESHOLD_FILE: when it is met), else with the code of
# `kubectl assay scan`, which takes the options. Nothing is asked; --yes is taken, for scripts that always give it.
set -eu
for argument; do
    shift
    [ "$argument" = --yes ] || set -- "$@" "$argument"
done
[ $# -ge 4 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }
namespace=$1 pod=$2 container=$3 profile=$4
shift 4
case ${1:--} in
    -*) ;;
    *) threshold=$1 && shift && set -- --threshold "$threshold" "$@" ;;
esac
exec kubectl-assay scan "$pod" -n "$namespace" -c "$container" --profile "$profile" \
    ${RUN_ID:+--run-id "$RUN_ID"} "$@"
