# Debian 12 packages by purpose, and how they are installed. Sourced by tools/quickstart.sh and
# tests/run.sh.
#
#	install_packages build        what building needs
#	install_packages build test   and what the tests need
#
# As root, or as a user with sudo, missing packages are installed; otherwise the exact command is
# printed and the script ends.

packages_build="cmake ninja-build gcc pkg-config libc6-dev libpcap-dev libpcre2-dev libevent-dev
 libhiredis-dev libyaml-dev libssl-dev zlib1g-dev libzstd-dev libxxhash-dev tzdata"
packages_demo="redis-server redis-tools"
packages_test="git clang clang-format lld libclang-rt-14-dev llvm g++ libcmocka-dev libphonenumber-dev
 python3 python3-jsonschema python3-redis python3-yaml iproute2 mount sip-tester procps"

install_packages() {
	missing=""
	for purpose in "$@"; do
		eval "wanted=\$packages_$purpose"
		for package in $wanted; do
			dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
				missing="$missing $package"
		done
	done
	[ -z "$missing" ] && return 0
	if [ "$(id -u)" = 0 ]; then
		as_root=""
	elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
		as_root="sudo"
	else
		echo "Packages are missing, and installing them needs root. Run this, then try again:"
		echo "  apt-get update && apt-get install -y --no-install-recommends$missing"
		exit 1
	fi
	echo "installing:$missing"
	$as_root apt-get update -qq &&
		$as_root env DEBIAN_FRONTEND=noninteractive \
			apt-get install -y -qq --no-install-recommends $missing >/dev/null || {
		echo "apt-get could not install:$missing"
		exit 1
	}
}
