#!/usr/bin/env bash
# Makes .venv with every locked dependency and the `jieru` command in it, and fetches the page's
# assets from npm. Called by `make setup`; safe to run again. Nothing outside this folder changes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

python=${PYTHON:-python3}
venv=$PWD/.venv
assets=api/static/vendor

say() { printf '\033[1m%s\033[0m\n' "$*"; }

fail() {
  printf 'setup: %s\n' "$*" >&2
  exit 1
}

# Runs a program in silence; when it fails, its last words and one sentence that says what to do.
try() {
  local advice=$1 log
  shift
  log=$(mktemp) || fail "no temporary file can be made: free some space, or set TMPDIR to a folder that has some"
  if ! "$@" >"$log" 2>&1; then
    tail -n 15 "$log" >&2
    rm -f "$log"
    fail "$advice"
  fi
  rm -f "$log"
}

command -v "$python" >/dev/null ||
  fail "no $python here: install Python 3.11 or later, or name one with PYTHON=..."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  fail "$python is too old: Python 3.11 or later is needed (name one with PYTHON=...)"

# pip, where Python has none of its own: Debian keeps it in a package, whose file apt hands out to
# any user, without installing it.
fetch_pip() {
  local scratch=$1
  command -v apt-get >/dev/null ||
    fail "$python cannot make virtual environments with pip in them: install its ensurepip module and try again"
  mkdir -p "$scratch/lists/partial" "$scratch/archives/partial"
  # A sandbox of its own for downloads, as user _apt, cannot reach a private folder.
  local own=(-o "Dir::State::lists=$scratch/lists" -o "Dir::Cache=$scratch" -o APT::Sandbox::User=)
  try "the package python3-pip-whl cannot be fetched: see above, or install python3-venv and try again" \
    env -C "$scratch" bash -euc 'apt-get "$@" update && apt-get "$@" download python3-pip-whl' - "${own[@]}"
  dpkg-deb --extract "$scratch"/python3-pip-whl_*.deb "$scratch/files"
}

if [ ! -x "$venv/bin/pip" ]; then
  say "Making .venv ..."
  rm -rf "$venv"
  trap 'rm -rf "$venv"' EXIT # half an environment would be taken for a whole one
  if "$python" -c 'import ensurepip' 2>/dev/null; then
    try "no virtual environment can be made in $PWD" "$python" -m venv "$venv"
  else
    try "no virtual environment can be made in $PWD" "$python" -m venv --without-pip "$venv"
    scratch=$venv/scratch
    fetch_pip "$scratch"
    wheels=("$scratch"/files/usr/share/python-wheels/pip-*.whl)
    try "pip cannot be installed from $PWD" env PYTHONPATH="${wheels[0]}" "$venv/bin/python" -m pip \
      install --no-index --disable-pip-version-check "${wheels[0]}"
    rm -rf "$scratch"
  fi
  trap - EXIT
fi

pip=("$venv/bin/python" -m pip --quiet --disable-pip-version-check)
network="the packages cannot be installed: see above; a network, a proxy (https_proxy) or a package index (PIP_INDEX_URL) may be missing"

say "Installing the locked dependencies ..."
# urllib3-future, which grafana-client brings, takes the place of urllib3 under everybody else unless
# it is built with this setting.
try "$network" env URLLIB3_NO_OVERRIDE=1 "${pip[@]}" install --require-hashes \
  --no-binary urllib3-future -r requirements.lock
try "$network" "${pip[@]}" install --no-deps --no-build-isolation --editable .

npm=npm
if ! command -v npm >/dev/null; then
  say "No Node here: taking it from PyPI ..."
  try "$network" "${pip[@]}" install --require-hashes -r requirements-node.lock
  npm=$venv/bin/npm
  PATH=$venv/bin:$PATH
fi
say "Fetching the page's assets ..."
try "npm cannot fetch the page's assets: see above; a network, a proxy or a registry (NPM_CONFIG_REGISTRY) may be missing" \
  "$npm" ci
rm -rf "$assets.new" && mkdir -p "$assets.new"
cp node_modules/htmx.org/dist/htmx.min.js "$assets.new/htmx.min.js"
cp node_modules/htmx.org/LICENSE "$assets.new/htmx.LICENSE"
cp node_modules/echarts/dist/echarts.min.js "$assets.new/echarts.min.js"
cp node_modules/echarts/LICENSE "$assets.new/echarts.LICENSE"
cp node_modules/echarts/NOTICE "$assets.new/echarts.NOTICE"
cp node_modules/zrender/LICENSE "$assets.new/zrender.LICENSE"
cp node_modules/tslib/LICENSE.txt "$assets.new/tslib.LICENSE"
rm -rf "$assets" && mv "$assets.new" "$assets"
say "Ready: .venv/bin/jieru"
