#!/usr/bin/env bash
# Installs the programs that some tests and the conformance suites run beside ours: curl, nginx and
# openssl as Debian packages, promtool alone out of the prometheus package into .bench/bin, so that
# no server comes with it. What is there is kept. What cannot be installed is named in a warning,
# and the tests that need it skip by its name; it always ends with 0.
set -uo pipefail

readonly root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
readonly bin="$root/.bench/bin"
readonly limit_s=120

main() {
  local name updated=no
  export PATH="$bin:$PATH:/usr/sbin"
  mkdir -p "$bin"
  for name in curl nginx openssl promtool; do
    if command -v "$name" >/dev/null; then continue; fi
    if [[ $updated == no ]]; then as_root apt-get -q update >/dev/null 2>&1; fi
    updated=yes
    if [[ $name == promtool ]]; then install_promtool; else install_package "$name"; fi
    command -v "$name" >/dev/null || warn "$name is missing: the tests that need it are skipped"
  done
}

# RUNLEVEL=1 keeps the package from starting its service.
install_package() {
  as_root env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive timeout "$limit_s" \
    apt-get -q install -y --no-install-recommends "$1" >/dev/null 2>&1
}

install_promtool() {
  local folder
  folder="$(mktemp -d)"
  (
    cd "$folder" &&
      timeout "$limit_s" apt-get -q download prometheus >/dev/null 2>&1 &&
      dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool &&
      install -m 755 usr/bin/promtool "$bin/promtool"
  )
  rm -rf "$folder"
}

as_root() {
  if [[ $(id -u) == 0 ]]; then
    "$@"
  else
    sudo -n "$@"
  fi
}

warn() {
  printf 'warning: %s\n' "$1" >&2
}

main "$@"
