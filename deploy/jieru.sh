#!/bin/sh
# The command of Jieru with the settings of this machine, for root: /usr/local/sbin/jieru. Each command
# comes to the database as the role that it needs; the owner of the tables is for `migrate` alone.
place='postgresql:///jieru?host=/run/postgresql&user='
case "${1-}" in
    migrate) role=jieru own=migrate ;;
    archive) role=jieru_archive own=archive ;;
    audit) role=jieru_verifier own=verifier ;;
    broker) role=jieru_broker own=broker ;;
    ingest) role=jieru_ingest own=ingest ;;
    # Written into files for Grafana, which comes over 127.0.0.1 with a password.
    dashboards) place=postgresql://127.0.0.1:5432/jieru role='' own=dashboards ;;
    *) role=jieru_api own=api ;;
esac
: "${JIERU_DATABASE_URL=$place$role}"
export JIERU_DATABASE_URL
own=/etc/jieru/$own.env
if [ -r "$own" ]; then
    set -a
    # shellcheck source=/dev/null
    . "$own"
    set +a
fi
JIERU_ENV_FILE=/etc/jieru/jieru.env exec /opt/jieru/bin/jieru "$@"
