#!/bin/sh
# The command of Jieru with the settings of this machine, for root: /usr/local/sbin/jieru. Each command
# comes to the database as the role that it needs; the owner of the tables is for `migrate` alone. What
# writes into the folder of a service is run as that service's user, who could not use files of root.
place='postgresql:///jieru?host=/run/postgresql&user='
user=''
case "${1-}" in
    migrate) role=jieru own=migrate ;;
    archive | verify-evidence) role=jieru_archive own=archive user=jieru-archive ;;
    audit | signals) role=jieru_verifier own=verifier ;;
    broker) role=jieru_broker own=broker ;;
    checkpoint) role=jieru_api own=api user=jieru-api ;;
    ingest) role=jieru_ingest own=ingest ;;
    procedure)
        role=jieru_api own=api
        # The steps of money, which write checkpoints. Others may write a file where only root may.
        case "${2-}" in freeze | publish | payable | paid) user=jieru-api ;; esac
        ;;
    # Written into files for Grafana, which comes over 127.0.0.1 with a password.
    dashboards) place=postgresql://127.0.0.1:5432/jieru role='' own=dashboards ;;
    *) role=jieru_api own=api ;;
esac
: "${JIERU_DATABASE_URL=$place$role}"
export JIERU_DATABASE_URL
common=/etc/jieru/jieru.env
# Only root reads the common file, so whoever else runs the command is given what it says.
if [ -n "$user" ] && [ -r "$common" ]; then
    while IFS= read -r line || [ -n "$line" ]; do
        case "$line" in JIERU_*=*) ;; *) continue ;; esac
        name=${line%%=*} value=${line#*=}
        case "$name" in *[!A-Z0-9_]*) continue ;; esac
        case "$value" in
            \"*\") value=${value#\"} value=${value%\"} ;;
            \'*\') value=${value#\'} value=${value%\'} ;;
        esac
        # What stands in the environment comes before the file, as it does for every command.
        printenv "$name" >/dev/null || export "$name=$value"
    done <"$common"
fi
own=/etc/jieru/$own.env
if [ -r "$own" ]; then
    set -a
    # shellcheck source=/dev/null
    . "$own"
    set +a
fi
case "$user" in
    jieru-archive)
        export JIERU_ARCHIVE_DIR="${JIERU_ARCHIVE_DIR-/var/lib/jieru/archive}"
        folder=$JIERU_ARCHIVE_DIR
        ;;
    jieru-api)
        export JIERU_CHECKPOINT_DIR="${JIERU_CHECKPOINT_DIR-/var/lib/jieru/checkpoints}"
        folder=$JIERU_CHECKPOINT_DIR
        ;;
    *) JIERU_ENV_FILE=$common exec /opt/jieru/bin/jieru "$@" ;;
esac
# The folders of services are made when they first start.
case "$folder" in
    /var/lib/jieru/*) [ -d "$folder" ] || install -d -m 700 -o "$user" -g "$user" "$folder" ;;
esac
exec runuser -u "$user" -- /opt/jieru/bin/jieru "$@"
