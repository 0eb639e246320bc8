#!/bin/sh
# Writes a kubeconfig for a service account, with a token of 15 minutes, readable by its owner only.
#
# usage: generate-kubeconfig.sh NAMESPACE SERVICE_ACCOUNT [OUTPUT]
#
# OUTPUT is ./kubeconfig.yaml where none is named. The cluster is that of kubectl's current context; what the account may do
# is not changed. Scans need no such file: they make an account for themselves (kubectl assay scan).
set -eu
{ [ $# -ge 2 ] && [ $# -le 3 ]; } || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
namespace=$1 account=$2 output=${3:-./kubeconfig.yaml}
umask 077
of_cluster() { kubectl config view --raw --minify --flatten -o "jsonpath={.clusters[0].cluster.$1}"; }
token=$(kubectl create token "$account" -n "$namespace" --duration 15m)
file=$(mktemp "$output.XXXXXX")
trap 'rm -f "$file"' EXIT
{
    printf 'apiVersion: v1\nkind: Config\ncurrent-context: scanner-context\n'
    printf 'clusters:\n- name: scanner-cluster\n  cluster:\n'
    for key in server certificate-authority-data tls-server-name proxy-url insecure-skip-tls-verify; do
        value=$(of_cluster "$key")
        [ -z "$value" ] || printf '    %s: %s\n' "$key" "$value"
    done
    printf 'users:\n- name: %s\n  user:\n    token: %s\n' "$account" "$token"
    printf 'contexts:\n- name: scanner-context\n  context:\n'
    printf '    cluster: scanner-cluster\n    namespace: %s\n    user: %s\n' "$namespace" "$account"
} >"$file"
mv "$file" "$output"
echo "$output: $account of $namespace, for 15 minutes"
