#!/bin/sh
# The command of Jieru with the settings of this machine, for root: /usr/local/sbin/jieru.
JIERU_ENV_FILE=/etc/jieru/jieru.env exec /opt/jieru/bin/jieru "$@"
