#!/usr/bin/env bash
# Makes .venv with every locked dependency and the `jieru` command in it, and fetches the page's
# assets from npm. Called by `make setup`; safe to run again. Nothing outside this folder changes
# but the caches of pip and npm.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

python=${PYTHON:-python3}
venv=$PWD/.venv
assets=$PWD/api/static/vendor

say() { printf '\033[1m%s\033[0m\n' "$*"; }

fail() {
  printf 'setup: %s\n' "$*" >&2
  exit 1
}

# try ADVICE PROGRAM ARGUMENT ...: runs it in silence; when it fails, its last words and the advice.
try() {
  local advice=$1
  shift
  if ! "$@" >"$scratch/output" 2>&1; then
    tail -n 15 "$scratch/output" >&2
    fail "$advice"
  fi
}

command -v "$python" >/dev/null ||
  fail "no $python here: install Python 3.11 or later, or name one with PYTHON=..."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  fail "$python is too old: Python 3.11 or later is needed (name one with PYTHON=...)"

# Here and not in the temporary folder, which may be smaller than what is unpacked in it.
scratch=$PWD/.setup
finish() {
  rm -rf "$scratch" "$assets.new"
  [ -e "$venv/complete" ] || rm -rf "$venv" # half an environment would be taken for a whole one
}
trap finish EXIT
rm -rf "$scratch"
mkdir "$scratch" 2>/dev/null || fail "nothing can be written in $PWD: clone into a folder of your own"
export TMPDIR=$scratch

# pip, where Python has none of its own: Debian keeps it in a package, whose file apt hands out to
# any user without installing it.
fetch_pip() {
  command -v apt-get >/dev/null ||
    fail "$python has no ensurepip module, so it cannot make virtual environments: install it and try again"
  mkdir -p "$scratch/lists/partial" "$scratch/archives/partial"
  # As user _apt, which it is else for downloads, it could not write into this folder.
  local own=(-o "Dir::State::lists=$scratch/lists" -o "Dir::Cache=$scratch" -o APT::Sandbox::User=)
  local advice="apt cannot fetch the package python3-pip-whl: see above; with a network it can, or install python3-venv"
  try "$advice" apt-get "${own[@]}" update
  try "$advice" env -C "$scratch" apt-get "${own[@]}" download python3-pip-whl
  dpkg-deb --extract "$scratch"/python3-pip-whl_*.deb "$scratch/files"
}

if [ ! -e "$venv/complete" ]; then
  say "Making .venv ..."
  rm -rf "$venv"
  no_venv="no virtual environment can be made in $PWD: see above"
  if "$python" -c 'import ensurepip' 2>/dev/null; then
    try "$no_venv" "$python" -m venv "$venv"
  else
    try "$no_venv" "$python" -m venv --without-pip "$venv"
    fetch_pip
    wheels=("$scratch"/files/usr/share/python-wheels/pip-*.whl)
    try "$no_venv" env PYTHONPATH="${wheels[0]}" \
      "$venv/bin/python" -m pip install --no-index --disable-pip-version-check "${wheels[0]}"
  fi
fi

pip=("$venv/bin/python" -m pip --quiet --disable-pip-version-check)
no_packages="pip cannot install the dependencies: see above; it needs a network, perhaps a proxy (https_proxy) or an index of your own (PIP_INDEX_URL)"

say "Installing the locked dependencies ..."
# urllib3-future, which grafana-client brings, takes the place of urllib3 under everybody else unless
# it is built with this setting.
try "$no_packages" env URLLIB3_NO_OVERRIDE=1 "${pip[@]}" install --require-hashes \
  --no-binary urllib3-future -r requirements.lock
try "$no_packages" "${pip[@]}" install --no-deps --no-build-isolation --editable .
touch "$venv/complete"

npm=npm
if ! command -v npm >/dev/null; then
  say "No Node here: taking it from PyPI ..."
  try "$no_packages" "${pip[@]}" install --require-hashes -r requirements-node.lock
  npm=$venv/bin/npm
  PATH=$venv/bin:$PATH
fi
say "Fetching the page's assets ..."
export NODE_DISABLE_COMPILE_CACHE=1 # npm would leave it in the temporary folder
try "npm cannot fetch the page's assets: see above; it needs a network, perhaps a proxy (https_proxy) or a registry of your own (NPM_CONFIG_REGISTRY)" \
  "$npm" ci
mkdir -p "$assets.new"
cp node_modules/htmx.org/dist/htmx.min.js "$assets.new/htmx.min.js"
cp node_modules/htmx.org/LICENSE "$assets.new/htmx.LICENSE"
cp node_modules/echarts/dist/echarts.min.js "$assets.new/echarts.min.js"
cp node_modules/echarts/LICENSE "$assets.new/echarts.LICENSE"
cp node_modules/echarts/NOTICE "$assets.new/echarts.NOTICE"
cp node_modules/zrender/LICENSE "$assets.new/zrender.LICENSE"
cp node_modules/tslib/LICENSE.txt "$assets.new/tslib.LICENSE"
rm -rf "$assets" && mv "$assets.new" "$assets"
say "Ready: .venv/bin/jieru"
