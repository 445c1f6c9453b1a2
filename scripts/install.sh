#!/bin/bash
# install.sh GROUP...: installs the Debian packages of these groups of packaging/packages.txt that are missing.
# With nothing missing it touches neither the network nor apt, and needs no root.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  echo "warifu: this machine has no apt: install what packaging/packages.txt lists by hand," >&2
  echo "        then build with: cmake --preset release && cmake --build --preset release" >&2
  exit 1
fi

# node and npm often come from elsewhere than Debian: whatever is new enough will do.
is_there() {
  case $1 in
    nodejs) [[ $(node --version 2>/dev/null) =~ ^v([0-9]+)\. ]] && ((BASH_REMATCH[1] >= 18)) && return ;;
    npm) command -v npm >/dev/null && return ;;
  esac
  [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

missing=()
for group in "$@"; do
  mapfile -t wanted < <(awk -v group="$group" '$1 == group { print $2 }' packaging/packages.txt)
  if ((${#wanted[@]} == 0)); then
    echo "warifu: packaging/packages.txt has no group '$group'" >&2
    exit 2
  fi
  for package in "${wanted[@]}"; do
    is_there "$package" || [[ " ${missing[*]} " == *" $package "* ]] || missing+=("$package")
  done
done
((${#missing[@]})) || exit 0

echo "Installing Debian packages: ${missing[*]}"
as_root=()
if ((EUID != 0)); then
  if ! command -v sudo >/dev/null; then
    echo "warifu: these packages must be installed by root, and there is no sudo here. As root, type:" >&2
    echo "  apt-get install -y --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o Dpkg::Use-Pty=0 -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300)

# Package lists may be absent (a container) or too old to fetch from: renew them only when the first try fails.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() { "${apt[@]}" install -y --no-install-recommends "${missing[@]}" </dev/null >"$log" 2>&1; }
if ! install; then
  "${apt[@]}" update </dev/null >"$log" 2>&1 || { tail -n 20 "$log" >&2; exit 1; }
  install || {
    tail -n 20 "$log" >&2
    echo "warifu: apt could not install the packages above (they are in Debian 12, component main)" >&2
    exit 1
  }
fi
