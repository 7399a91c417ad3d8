#!/usr/bin/env bash
# Builds the OCI image that agents run in, and pushes it to a registry: a Debian root file system, the .NET runtime of this
# machine and the published agent runtime. No Docker; root, or a user with subordinate ids, for mmdebstrap.
set -euo pipefail

usage() {
  cat <<USAGE
usage: deploy/build-base-image.sh [--force] TARGET

TARGET   REGISTRY/REPOSITORY[:TAG], oci:FOLDER:TAG or oci-archive:FILE:TAG
--force  makes the root file system anew, with Debian's packages of today; else the last one is taken again

Environment:
PACKAGES       Debian packages beside the essential ones
SUITE          Debian's release (bookworm)
ROOTFS         a tar archive of a root file system, instead of Debian's
RUNTIME        a folder with the published agent runtime, instead of publishing it
IMAGE_BUILDER  deploy/ImageBuilder as a program, instead of building it
CA             a PEM file of certificates to trust at the registry
USAGE
  exit "$1"
}

force=
target=
for argument in "$@"; do
  case $argument in
    --force) force=1 ;;
    -h | --help) usage 0 ;;
    -*) echo "build-base-image: unknown option $argument" >&2; usage 2 >&2 ;;
    *) [ -z "$target" ] || usage 2 >&2; target=$argument ;;
  esac
done
[ -n "$target" ] || usage 2 >&2

suite=${SUITE:-bookworm}
packages=${PACKAGES:-ca-certificates,libssl3,libstdc++6,zlib1g,curl,git,procps,python3-minimal,ripgrep}
case $target in oci:* | oci-archive:*) target=${target%%:*}:$(realpath -m "$(cut -d: -f2 <<<"$target")"):${target##*:} ;; esac
[ -z "${ROOTFS:-}" ] || ROOTFS=$(realpath "$ROOTFS")
[ -z "${RUNTIME:-}" ] || RUNTIME=$(realpath "$RUNTIME")
[ -z "${CA:-}" ] || CA=$(realpath "$CA")
cd "$(dirname "$0")/.."
kept=artifacts/base-image
mkdir -p "$kept"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# 1. The root file system.
rootfs=${ROOTFS:-}
if [ -z "$rootfs" ]; then
  rootfs=$kept/rootfs-$(printf '%s %s' "$suite" "$packages" | sha256sum | cut -c1-16).tar
  if [ -n "$force" ] || [ ! -e "$rootfs" ]; then
    command -v mmdebstrap >/dev/null || { echo "build-base-image: mmdebstrap is not installed (Debian package mmdebstrap)" >&2; exit 1; }
    # One time for all files, and no device: the same packages give the same archive. Nothing in it can raise its rights.
    SOURCE_DATE_EPOCH=946684800 mmdebstrap --variant=minbase --skip=output/dev --include="$packages" \
      --customize-hook='chroot "$1" useradd --uid 1000 --user-group --create-home --shell /bin/bash agent' \
      --customize-hook='find "$1" -xdev -type f -perm /6000 -exec chmod ug-s {} +' \
      --customize-hook='rm -rf "$1"/usr/share/doc/* "$1"/usr/share/man/* "$1"/var/log/* "$1"/var/cache/apt/* "$1"/etc/passwd- "$1"/etc/shadow- "$1"/etc/group- "$1"/etc/gshadow-' \
      "$suite" "$rootfs.partial.tar" >&2
    mv "$rootfs.partial.tar" "$rootfs"
  fi
fi

# 2. The runtime, and the shared framework that it runs on.
runtime=${RUNTIME:-}
if [ -z "$runtime" ]; then
  runtime=$work/runtime
  dotnet publish AgentRuntime --output "$runtime" --verbosity quiet >&2
fi
dotnet_root=$(dirname "$(readlink -f "$(command -v dotnet)")")
version=$(dotnet --list-runtimes | awk '$1 == "Microsoft.AspNetCore.App" && $2 ~ /^10\./ { v = $2 } END { print v }')
[ -n "$version" ] || { echo "build-base-image: no .NET 10 runtime is installed (dotnet --list-runtimes)" >&2; exit 1; }
framework=$work/framework
mkdir -p "$framework/shared"
cp -r "$dotnet_root/dotnet" "$dotnet_root/host" "$framework"
for name in Microsoft.NETCore.App Microsoft.AspNetCore.App; do
  mkdir -p "$framework/shared/$name"
  cp -r "$dotnet_root/shared/$name/$version" "$framework/shared/$name"
done
mkdir "$work/bin"
ln -s /opt/agentkernel/agent-runtime/agent-runtime "$work/bin/agent-runtime"

# 3. The image.
builder=("${IMAGE_BUILDER:-}")
[ -n "${builder[0]}" ] || builder=(dotnet run --project deploy/ImageBuilder --configuration Release --)
"${builder[@]}" "$target" \
  --layer "$rootfs" --layer "$framework=usr/share/dotnet" --layer "$runtime=opt/agentkernel/agent-runtime" --layer "$work/bin=usr/local/bin" \
  --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --env DOTNET_EnableDiagnostics=0 \
  --user 1000:1000 --workdir /home/agent --entrypoint agent-runtime ${CA:+--ca "$CA"}
