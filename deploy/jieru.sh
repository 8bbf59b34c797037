#!/bin/sh
# The command of Jieru with the settings of this machine, for root: /usr/local/sbin/jieru. Each command
# comes to the database as the role that it needs; the owner of the tables is for `migrate` alone.
place='postgresql:///jieru?host=/run/postgresql&user='
own=/etc/jieru/api.env
case "${1-}" in
    migrate) role=jieru own=/etc/jieru/migrate.env ;;
    archive) role=jieru_archive own='' ;;
    audit) role=jieru_verifier own='' ;;
    broker) role=jieru_broker own='' ;;
    ingest) role=jieru_ingest own=/etc/jieru/ingest.env ;;
    # Written into files for Grafana, which comes over 127.0.0.1 with a password.
    dashboards) place=postgresql://127.0.0.1:5432/jieru role='' own='' ;;
    *) role=jieru_api ;;
esac
: "${JIERU_DATABASE_URL=$place$role}"
export JIERU_DATABASE_URL
if [ -n "$own" ] && [ -r "$own" ]; then
    set -a
    # shellcheck source=/dev/null
    . "$own"
    set +a
fi
JIERU_ENV_FILE=/etc/jieru/jieru.env exec /opt/jieru/bin/jieru "$@"
