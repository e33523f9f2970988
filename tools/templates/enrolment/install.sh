#!/bin/sh
# Turn this box into a camera of @PREFIX@: sh install.sh [--check|--rotate] [--nucleus java|lite] SERIAL
# Debian or Ubuntu, x86_64 or arm64, as root. Run twice it changes nothing.
set -eu

kit=$(cd "$(dirname "$0")" && pwd)
# Tests point these somewhere else.
root=${BINSIGHT_ROOT:-}
packaging=@PACKAGING@
video_source="@SOURCE@"
nucleus=java
[ "$packaging" = lambda ] || nucleus=lite
check_only=no
rotate=no
serial=

NUCLEUS_ZIP=https://d2s8p88vqu9w66.cloudfront.net/releases/greengrass-2.17.0.zip
PLUGIN_JAR=https://d2s8p88vqu9w66.cloudfront.net/releases/aws-greengrass-FleetProvisioningByClaim/fleetprovisioningbyclaim-latest.jar

usage() {
  echo "usage: sh install.sh [--check|--rotate] [--nucleus java|lite] SERIAL" >&2
  exit 2
}

while [ $# -gt 0 ]; do
  case $1 in
    --check) check_only=yes ;;
    --rotate) rotate=yes ;;
    --nucleus)
      [ $# -gt 1 ] || usage
      nucleus=$2
      shift
      ;;
    -*) usage ;;
    *)
      [ -z "$serial" ] || usage
      serial=$1
      ;;
  esac
  shift
done
case $nucleus in java | lite) ;; *) usage ;; esac
case $serial in
  '' | claim-* | [!A-Za-z0-9]* | *[!A-Za-z0-9_.-]*)
    echo "install: serial '$serial'; allowed: 1 to 64 letters, digits, '_', '.', '-', beginning with a letter or digit, not with 'claim-'" >&2
    exit 2
    ;;
esac
if [ "$packaging" = lambda ] && [ "$nucleus" = lite ]; then
  echo "install: this environment packages the camera program as a Lambda function, which needs the Java nucleus; allowed: --nucleus java" >&2
  exit 2
fi

if [ "$nucleus" = java ]; then
  home=$root/greengrass/v2
  service=greengrass.service
  certificate=$home/thingCert.crt
  key=$home/privKey.key
  user=ggc_user
  group=ggc_group
else
  home=$root/var/lib/greengrass
  service=greengrass-lite.target
  certificate=$home/credentials/certificate.pem
  key=$home/credentials/priv_key
  user=gg_component
  group=gg_component
fi
mark=$home/binsight-serial

# Every missing thing is said at once, so that one visit is enough.
missing=0
miss() {
  missing=$((missing + 1))
  echo "missing: $1" >&2
}

has() { command -v "$1" > /dev/null 2>&1; }

at_least() { # at_least 2.36 2.28
  [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

python311() {
  for each in "${BINSIGHT_PYTHON:-}" python3.11 python3; do
    if [ -n "$each" ] && has "$each" && "$each" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'; then
      python=$each
      return 0
    fi
  done
  return 1
}

check() {
  [ "${BINSIGHT_UID:-$(id -u)}" = 0 ] || miss "root: run it with sudo"
  machine=${BINSIGHT_MACHINE:-$(uname -m)}
  case $machine in
    x86_64)
      grep -q -w sse4_2 "${BINSIGHT_CPUINFO:-/proc/cpuinfo}" || miss "a processor with SSE4.2"
      ;;
    aarch64)
      [ "$packaging" = generic ] || miss "an x86_64 processor: the Lambda packaging runs on nothing else"
      ;;
    *) miss "an x86_64 or arm64 processor: this one is $machine" ;;
  esac
  has apt-get || miss "Debian or Ubuntu: there is no apt-get here"
  glibc=$(getconf GNU_LIBC_VERSION 2> /dev/null | awk '{print $2}')
  at_least "${glibc:-0}" 2.28 || miss "glibc 2.28 or newer: this one is ${glibc:-unknown}"
  python311 || miss "Python 3.11: apt-get install python3.11, or name it in BINSIGHT_PYTHON"
  if [ "$nucleus" = java ]; then
    has java || miss "Java: apt-get install default-jre-headless"
    has unzip || miss "unzip: apt-get install unzip"
  fi
  has mkfifo || miss "mkfifo: apt-get install coreutils"
  case $video_source in
    v4l2:*)
      device=$(echo "$video_source" | sed 's/^v4l2://; s/[?].*//')
      [ -e "$root$device" ] || miss "the video device $device: is the camera plugged in?"
      ;;
  esac
  free=$(df -Pk "${BINSIGHT_DISK:-/var/lib}" | awk 'NR == 2 {print int($4 / 1024)}')
  [ "$free" -ge 1000 ] || miss "1000 MB of free disk in /var/lib: there are $free"
  # A certificate is not valid yet for a clock that is behind.
  [ "$(date +%Y)" -ge 2026 ] || miss "a clock that is right: it says $(date); apt-get install systemd-timesyncd"
  for each in claim.pem.crt claim.private.pem.key AmazonRootCA1.pem; do
    [ -r "$kit/$each" ] || miss "$each of the kit"
  done
  if [ "$missing" -gt 0 ]; then
    if [ "$missing" -eq 1 ]; then what="1 thing is"; else what="$missing things are"; fi
    echo "install: $what missing; nothing was changed" >&2
    exit 1
  fi
}

fetch() { # fetch FILE ADDRESS: the file of the kit, else the download
  if [ -f "$kit/$1" ]; then
    return
  fi
  has curl || { echo "install: $1 is not in the kit and there is no curl to download it" >&2 && exit 1; }
  echo "downloading $2"
  curl --fail --location --silent --show-error --output "$kit/$1.part" "$2"
  mv "$kit/$1.part" "$kit/$1"
}

make_users() {
  getent group "$group" > /dev/null || groupadd --system "$group"
  id "$user" > /dev/null 2>&1 || useradd --system --gid "$group" --home-dir /nonexistent --shell /usr/sbin/nologin "$user"
  usermod --append --groups video "$user"
  install -d -o "$user" -g "$group" -m 0755 "$root$(dirname "@MODEL_FOLDER@")"
}

place_claim() {
  install -d -m 0700 "$home/claim"
  for each in claim.pem.crt claim.private.pem.key AmazonRootCA1.pem; do
    install -m 0600 "$kit/$each" "$home/claim/$each"
  done
}

forget_claim() { # the box has a certificate of its own now
  rm -f "$home/claim/claim.private.pem.key" "$home/claim/claim.pem.crt"
}

configured() { # configured TEMPLATE TARGET
  sed "s/%SERIAL%/$serial/g" "$kit/$1" > "$2.part"
  chmod 0600 "$2.part"
  mv "$2.part" "$2"
}

install_java() {
  fetch greengrass-nucleus.zip "$NUCLEUS_ZIP"
  fetch fleet-provisioning.jar "$PLUGIN_JAR"
  unpacked=$(mktemp -d)
  trap 'rm -rf "$unpacked"' EXIT
  unzip -q "$kit/greengrass-nucleus.zip" -d "$unpacked"
  configured nucleus.yaml "$unpacked/config.yaml"
  java -Droot="$home" -Dlog.store=FILE -jar "$unpacked/lib/Greengrass.jar" \
    --trusted-plugin "$kit/fleet-provisioning.jar" \
    --init-config "$unpacked/config.yaml" \
    --component-default-user "$user:$group" \
    --setup-system-service true
}

install_lite() {
  has fleet-provisioning || {
    [ -f "$kit/greengrass-lite.deb" ] || {
      echo "install: put greengrass-lite.deb (2.6.0 or newer, from AWS's release page) beside install.sh" >&2
      exit 1
    }
    apt-get install --yes "$kit/greengrass-lite.deb"
  }
  install -d "$root/etc/greengrass"
  systemctl stop greengrass-lite.target
  rm -f "$home/config.db" "$root/run/greengrass/iotcoredfleet"
  configured nucleus-lite.yaml "$root/etc/greengrass/config.yaml"
  systemctl start greengrass-lite.target
  fleet-provisioning
  systemctl restart greengrass-lite.target
}

if [ "$rotate" = yes ]; then
  if [ ! -f "$mark" ] || [ "$(cat "$mark")" != "$serial" ]; then
    echo "install: this box is not camera @PREFIX@-$serial; --rotate is for one that is enrolled" >&2
    exit 1
  fi
  python311 || { echo "install: Python 3.11 is missing" >&2 && exit 1; }
  exec "$python" "$kit/rotate.py" --kit "$kit" --endpoint "@DATA_ENDPOINT@" --prefix "@PREFIX@" \
    --template "@TEMPLATE@" --serial "$serial" --service "$service" \
    --certificate "$certificate" --key "$key"
fi

if [ -f "$mark" ]; then
  found=$(cat "$mark")
  if [ "$found" = "$serial" ]; then
    echo "this box is camera @PREFIX@-$serial already; nothing was changed"
    exit 0
  fi
  echo "install: this box is camera @PREFIX@-$found already; retire that one first, then delete $home" >&2
  exit 1
fi

check
if [ "$check_only" = yes ]; then
  echo "nothing is missing"
  exit 0
fi
make_users
place_claim
"install_$nucleus"
forget_claim
echo "$serial" > "$mark"
echo "this box is camera @PREFIX@-$serial; make cameras ENV=... shows it within minutes"
