#!/usr/bin/env bash
# Installs the programs that some tests and the conformance suites run beside ours: most as Debian
# packages; promtool alone out of the prometheus package into .bench/bin, so that no server comes
# with it; and there too what is written in Go, built from its module, and a Python that has gRPC.
# What is there is kept. What cannot be installed is named in a warning, and the tests that need it
# skip by its name; it always ends with 0, in little more than `limit_s` at the most.
set -uo pipefail

readonly root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
readonly bin="$root/.bench/bin"
readonly limit_s=540
readonly fixtures="$root/test/contract/fixtures-go"

# A program and the package that has it.
readonly packages=(
  "curl curl"
  "nginx nginx"
  "openssl openssl"
  "nghttp nghttp2-client"
  "h2load nghttp2-client"
  "nghttpd nghttp2-server"
  "buildah buildah"
  "setcap libcap2-bin"
  "strip binutils"
  "iptables-legacy iptables"
  "nft nftables"
)
# A program, the package of its module, and the version.
readonly modules=(
  "h2spec github.com/summerwind/h2spec/cmd/h2spec v2.2.1+incompatible"
  "grpcurl github.com/fullstorydev/grpcurl/cmd/grpcurl v1.9.4"
  "ghz github.com/bojand/ghz/cmd/ghz v0.93.0"
  "grpc-interop-server google.golang.org/grpc/interop/server v1.83.2"
  "grpc-interop-client google.golang.org/grpc/interop/client v1.83.2"
)

readonly wheels=(grpcio==1.85.3 grpcio-tools==1.85.1)

main() {
  local entry name package version fixtures_name
  export PATH="$bin:$PATH:/usr/sbin:$HOME/go/bin"
  mkdir -p "$bin"
  for entry in "${packages[@]}"; do
    read -r name package <<<"$entry"
    provide "$name" install_package "$package"
  done
  command -v chromium >/dev/null ||
    provide chromium-headless-shell install_package chromium-headless-shell
  provide promtool install_promtool
  for entry in "${modules[@]}"; do
    read -r name package version <<<"$entry"
    provide "$name" install_module "$name" "$package" "$version"
  done
  fixtures_name="api-fixtures-$(LC_ALL=C cat "$fixtures"/* | sha256sum | cut -c1-12)"
  provide "$fixtures_name" build_fixtures "$fixtures_name"
  provide grpc-python install_grpc_python
}

# provide NAME COMMAND...: runs the command if there is no program of that name.
provide() {
  local name=$1
  shift
  if command -v "$name" >/dev/null; then return; fi
  why=''
  "$@"
  command -v "$name" >/dev/null ||
    printf 'warning: %s is missing%s: what needs it is skipped\n' "$name" "${why:+, $why}" >&2
}

# RUNLEVEL=1 keeps the package from starting its service.
install_package() {
  update_lists
  as_root env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive timeout "$(left_s)" \
    apt-get -q install -y --no-install-recommends "$1" >/dev/null 2>&1 ||
    why="the Debian package $1 cannot be installed"
}

install_promtool() {
  local folder
  update_lists
  folder="$(mktemp -d)"
  (
    cd "$folder" &&
      timeout "$(left_s)" apt-get -q download prometheus >/dev/null 2>&1 &&
      dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool &&
      install -m 755 usr/bin/promtool "$bin/promtool"
  )
  rm -rf "$folder"
}

# install_module NAME PACKAGE VERSION: the binary is called as the last part of the package.
install_module() {
  local name=$1 package=$2 version=$3 folder
  if ! command -v go >/dev/null; then
    why="it is built by Go, which is not installed"
    return
  fi
  folder="$(mktemp -d)"
  if GOBIN="$folder" timeout "$(left_s)" go install "$package@$version" >/dev/null 2>&1; then
    install -m 755 "$folder/${package##*/}" "$bin/$name"
  else
    why="go install $package@$version fails"
  fi
  rm -rf "$folder"
}

# build_fixtures NAME: the program that test/contract runs; its name has the digest of its sources.
build_fixtures() {
  if ! command -v go >/dev/null; then
    why="it is built by Go, which is not installed"
    return
  fi
  rm -f "$bin"/api-fixtures-*
  timeout "$(left_s)" go build -C "$fixtures" -o "$bin/$1" . >/dev/null 2>&1 ||
    why="go build -C test/contract/fixtures-go fails"
}

install_grpc_python() {
  local folder="$root/.bench/grpc-python"
  if timeout "$(left_s)" python3 -m pip install -q --target "$folder" "${wheels[@]}" >/dev/null 2>&1
  then
    printf '#!/bin/sh\nPYTHONPATH="%s" exec "%s" -B "$@"\n' "$folder" \
      "$(python3 -c 'import sys; print(sys.executable)')" >"$bin/grpc-python"
    chmod 755 "$bin/grpc-python"
  else
    rm -rf "$folder"
    why="python3 -m pip install ${wheels[*]} fails"
  fi
}

updated=no
update_lists() {
  if [[ $updated == yes ]]; then return; fi
  updated=yes
  as_root timeout "$(left_s)" apt-get -q update >/dev/null 2>&1
}

# Seconds until `limit_s`; 1 when there are none.
left_s() {
  printf '%s' $((SECONDS < limit_s ? limit_s - SECONDS : 1))
}

as_root() {
  if [[ $(id -u) == 0 ]]; then
    "$@"
  else
    sudo -n "$@"
  fi
}

main "$@"
