#!/bin/sh
# Runs an image in a pod of its own with the scanner beside it, scans it, and removes the pod.
#
# usage: scan-with-sidecar.sh NAMESPACE TARGET_IMAGE PROFILE [THRESHOLD_FILE] [--yes | --keep] [OPTION...] [-- COMMAND...]
#
# In the folder scan-results-RUN: scan-results.json, scan-summary.md, threshold-result.txt (THRESHOLD_RESULT=0 when it is met)
# and the threshold itself; without THRESHOLD_FILE it is: 70 % compliance, nothing critical failed. RUN is RUN_ID, or one
# of its own. Ends with 0 when the threshold is met, else with the code of `kubectl assay scan-with-sidecar`,
# which takes the options. On a terminal it asks whether the pod is to go; --yes removes it, --keep keeps it, unasked.
set -eu
clean=yes
[ ! -t 0 ] || clean=ask
own=yes
for argument; do
    shift
    case $own$argument in
        yes--yes) clean=yes ;;
        yes--keep) clean=no ;;
        yes--) own=no && set -- "$@" -- ;;
        *) set -- "$@" "$argument" ;;
    esac
done
[ $# -ge 3 ] || { sed -n '2,10s/^# \{0,1\}//p' "$0" >&2; exit 2; }
namespace=$1 image=$2 profile=$3 run=${RUN_ID:-$(date +%s)-$$}
shift 3
results=scan-results-$run
umask 077
mkdir "$results"
case ${1:--} in
    -*) printf 'compliance:\n  min: 70\nfailed:\n  critical:\n    max: 0\n' >"$results/threshold.yml" ;;
    *) cp "$1" "$results/threshold.yml" && shift ;;
esac
[ $clean = yes ] || set -- --keep "$@"

remove() { kubectl-assay cleanup --run "$run" -n "$namespace" "$@"; }
[ $clean != ask ] || trap 'remove; exit 130' INT
code=0
kubectl-assay scan-with-sidecar "$image" -n "$namespace" --profile "$profile" --threshold "$results/threshold.yml" \
    --results-dir "$results" --run-id "$run" "$@" || code=$?
if [ $clean = ask ] && left=$(remove --dry-run=client) && [ "${left#would}" != "$left" ]; then
    printf '%s\nRemove them now? [Y/n] ' "$left"
    read -r answer || answer=
    case $answer in
        [Nn]*) echo "they stay; later: kubectl assay cleanup --run $run -n $namespace" ;;
        *) remove || code=$? ;;
    esac
fi
exit $code
