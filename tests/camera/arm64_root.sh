#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Unpacks an arm64 Python of this Debian into a folder, for test_processors.py to emulate:
#   tests/camera/arm64_root.sh .build/arm64-root
# Nothing on this system changes: apt keeps its lists for it in a folder of their own.
set -eu
root=$(realpath -m "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial" "$work/packages" "$root"
: >"$work/status"
apt() {
  apt-get -q -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User=root \
    -o Dir::State="$work/state" -o Dir::Cache="$work/cache" -o Dir::State::status="$work/status" "$@"
}
apt update
cd "$work/packages"
apt download python3.11-minimal libpython3.11-minimal libpython3.11-stdlib libc6 libexpat1 zlib1g \
  libssl3 libstdc++6 libgcc-s1 libffi8 libsqlite3-0 libbz2-1.0 liblzma5 libuuid1 libcrypt1
for package in *.deb; do
  dpkg -x "$package" "$root"
done

# Libraries read the processor from here; without these files they would meet this machine's own.
processors=$root/sys/devices/system/cpu
mkdir -p "$root/proc" "$processors/cpu0/topology"
for file in possible present online cpu0/topology/core_id cpu0/topology/physical_package_id \
  cpu0/topology/core_siblings_list cpu0/topology/thread_siblings_list \
  cpu0/topology/cluster_cpus_list cpu0/topology/package_cpus_list cpu0/topology/core_cpus_list; do
  echo 0 >"$processors/$file"
done
echo 32 >"$processors/kernel_max"
# A Cortex-A53, as in a Raspberry Pi 3.
cat >"$root/proc/cpuinfo" <<'EOF'
processor	: 0
Features	: fp asimd evtstrm crc32 cpuid
CPU implementer	: 0x41
CPU architecture: 8
CPU variant	: 0x0
CPU part	: 0xd03
CPU revision	: 4

EOF
