# shellcheck shell=bash disable=SC2034 # used by those who source it
# SPDX-License-Identifier: GPL-2.0-only
#
# What every script here shares: where things are, how to speak, how to fail.
# Sourced, never run.
#
# Environment a user may set:
#   IOMMUFD_CACHE  base kernel, laid-over trees and object files; outside the
#                  checkout, shared by every checkout (/var/cache/iommufd)
#   KERNEL_SRC     a Linux 7.3 tree to use in place of the fetched one; only
#                  ever read
#   IOMMUFD_IMPL   "ours" (default), or "stock": keep the base tree's own
#                  drivers/iommu/iommufd, to compare with
#   JOBS           parallel compiler jobs (the number of CPUs)

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
SCRIPTS=$ROOT/scripts
CACHE=${IOMMUFD_CACHE:-/var/cache/iommufd}
IMPL=${IOMMUFD_IMPL:-ours}
JOBS=${JOBS:-$(nproc)}
export LC_ALL=C PYTHONDONTWRITEBYTECODE=1

say()
{
	printf '%s\n' "$*" >&2
}

die()
{
	say "${0##*/}: $*"
	exit 1
}

case $IMPL in
ours | stock) ;;
*) die "IOMMUFD_IMPL must be 'ours' or 'stock', not '$IMPL'" ;;
esac

# Where this checkout keeps what it built and logged.
if [ "$IMPL" = ours ]; then
	OUT=$ROOT/out
else
	OUT=$ROOT/out/$IMPL
fi

need_dir()
{
	mkdir -p "$1" 2>/dev/null || true
	[ -w "$1" ] ||
		die "cannot write to $1 (IOMMUFD_CACHE=DIR names another cache)"
}

# lock FD-variable NAME: hold the cache-wide lock NAME until the shell exits.
lock()
{
	local -n fd=$1

	need_dir "$CACHE/lock"
	exec {fd}>"$CACHE/lock/$2"
	flock -n "$fd" && return
	say "waiting for another run that holds the lock '$2'"
	flock "$fd"
}

# A short stable name for a string.
digest()
{
	sha256sum | cut -c1-12
}

# The content of files and directories, and of standard input, in one name:
# equal inputs need no second build. Argument by argument, as how their paths
# sort depends on where this checkout is.
content_key()
{
	local path

	{
		for path in "$@"; do
			find "$path" -type f ! -name '*.o' ! -name '*.cmd' \
				! -name '*~' -print0 | sort -z | xargs -0 -r cat
			find "$path" -type f ! -name '*.o' ! -name '*.cmd' \
				! -name '*~' -printf '%P\n' | sort
		done
		cat
	} | sha256sum | cut -c1-20
}

# fixed_addresses COMMAND...: run it, in place of this script, without random
# addresses, where that is allowed. gcc 12's sanitizers do not cope with as many
# random bits as some kernels have (vm.mmap_rnd_bits).
fixed_addresses()
{
	[ -z "${FIXED_ADDRESSES:-}" ] && setarch -R true 2>/dev/null || return 0
	FIXED_ADDRESSES=1 exec setarch -R "$@"
}
