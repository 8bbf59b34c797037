#!/usr/bin/env bash
# Makes .venv with every locked dependency and the `jieru` command in it, and fetches the page's
# assets from npm. Called by `make setup`; safe to run again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

python=${PYTHON:-python3}
venv=.venv

say() { printf '\033[1m%s\033[0m\n' "$*"; }
fail() {
  printf 'setup: %s\n' "$*" >&2
  exit 1
}

command -v "$python" >/dev/null || fail "no $python here: install Python 3.11 or later, or name one with PYTHON=..."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  fail "$python is too old: Python 3.11 or later is needed (name one with PYTHON=...)"

if [ ! -x "$venv/bin/pip" ]; then
  if ! "$python" -c 'import ensurepip' 2>/dev/null; then
    # Debian keeps venv's pip in a package of its own.
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
      say "Installing python3-venv ..."
      apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv
    else
      fail "this Python cannot make virtual environments: run 'sudo apt-get install python3-venv' and try again"
    fi
  fi
  say "Making $venv ..."
  "$python" -m venv --clear "$venv"
fi

say "Installing the locked dependencies ..."
# urllib3-future, which grafana-client brings, takes the place of urllib3 under everybody else unless
# it is built with this setting.
URLLIB3_NO_OVERRIDE=1 "$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes \
  --no-binary urllib3-future -r requirements.lock
"$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .

npm=npm
if ! command -v npm >/dev/null; then
  say "No Node here: taking it from PyPI ..."
  "$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r requirements-node.lock
  npm=$PWD/$venv/bin/npm
  PATH=$PWD/$venv/bin:$PATH
fi
say "Fetching the page's assets ..."
"$npm" ci --silent
vendor=api/static/vendor
rm -rf "$vendor.new" && mkdir -p "$vendor.new"
cp node_modules/htmx.org/dist/htmx.min.js "$vendor.new/htmx.min.js"
cp node_modules/htmx.org/LICENSE "$vendor.new/htmx.LICENSE"
cp node_modules/echarts/dist/echarts.min.js "$vendor.new/echarts.min.js"
cp node_modules/echarts/LICENSE "$vendor.new/echarts.LICENSE"
cp node_modules/echarts/NOTICE "$vendor.new/echarts.NOTICE"
cp node_modules/zrender/LICENSE "$vendor.new/zrender.LICENSE"
cp node_modules/tslib/LICENSE.txt "$vendor.new/tslib.LICENSE"
rm -rf "$vendor" && mv "$vendor.new" "$vendor"
say "Ready: $venv/bin/jieru"
