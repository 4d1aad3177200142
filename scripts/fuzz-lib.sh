# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What fuzz and fuzz-replay share: a guest that runs iommu-fuzz, and what it
# wrote to its board (see tools/iommu/fuzz/board.c). Sourced, never run. FUZZ=DIR
# keeps what is learned somewhere else than in the cache.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

FUZZ=${FUZZ:-$CACHE/fuzz}
SOURCES=$ROOT/tools/iommu/fuzz
KERNEL=fuzz

# Guests that run, by their number, so that none outlives this script.
guests=()
stop_guests()
{
	[ ${#guests[@]} -eq 0 ] || kill "${guests[@]}" 2>/dev/null || true
}
trap 'stop_guests; exit 130' INT TERM

fuzz_setup()
{
	image=$("$SCRIPTS/build" "$KERNEL")
	programs=$("$SCRIPTS/userspace" fuzz)
	need_dir "$FUZZ"
	mkdir -p "$FUZZ/crashes" "$FUZZ/sites"
}

# The inputs of the repository.
seed_files()
{
	find "$SOURCES/seeds" "$SOURCES/regressions" -type f | sort
}

# fuzz_guest DIR SECONDS "OPTIONS" FILE...: in the background, a guest in which
# iommu-fuzz runs with these options and files; $! is it. All that comes of it
# is in DIR. TINY=SEED shrinks iommufd's thresholds.
fuzz_guest()
{
	local dir=$1 seconds=$2 words=$3 files=() paths='' file number=0
	shift 3

	rm -rf "$dir"
	mkdir -p "$dir"
	truncate -s 16M "$dir/board"
	echo "${TINY:=0}" >"$dir/tiny"
	for file; do
		number=$((number + 1))
		files+=(--file "$file:/inputs.$number")
		paths+=" /inputs.$number"
	done
	cat >"$dir/job" <<-EOF2
		echo 1 >/sys/bus/pci/devices/0000:00:07.0/enable
		types=/sys/class/mtty/mtty/mdev_supported_types
		for i in 1 2; do
			read -r uuid </proc/sys/kernel/random/uuid
			echo \$uuid >\$types/mtty-1/create
		done
		exec iommu-fuzz --board /sys/bus/pci/devices/0000:00:07.0/resource2 $words $paths
	EOF2
	MEMORY=${MEMORY:-1G} "$SCRIPTS/boot" --image "$image" --job "$dir/job" \
		--bin "$programs/iommu-fuzz" "${files[@]}" \
		--shared "$dir/board" --log "$dir/kernel.log" \
		--append panic_on_warn=1 --append softlockup_panic=1 \
		--append hung_task_panic=1 --append numa=fake=2 \
		--append iommufd.tiny="$TINY" \
		--timeout $((seconds + 400)) \
		>"$dir/output" 2>"$dir/boot.err" &
}

# board_figures DIR: the line of figures; board_figure DIR NAME: one of them.
board_figures()
{
	head -c 4096 "$1/board" | tr -d '\0'
}

board_figure()
{
	board_figures "$1" | sed -n "s/.*\b$2=\([0-9]*\).*/\1/p"
}

# The inputs that were worth keeping.
board_corpus()
{
	tail -c +$((2 * 1024 * 1024 + 1)) "$1/board" | tr -d '\0'
}

# The addresses that were reached.
board_sites()
{
	dd if="$1/board" bs=1M skip=1 count=1 2>/dev/null | tr -d '\0'
}

# board_ring DIR: the last inputs that ran, the latest at the end.
board_ring()
{
	local slot

	for ((slot = 0; slot < 32; slot++)); do
		dd if="$1/board" bs=16384 skip=$((4 + slot)) count=1 2>/dev/null |
			tr -d '\0' | awk 'NR == 1 { number = $2; next }
				number { print number, $0 }'
	done | sort -s -n -k1,1 | awk '
		$1 != last && NR > 1 { print "" }
		{ last = $1; print substr($0, length($1) + 2) }'
}

# The last input alone.
board_last()
{
	board_ring "$1" | awk -v RS= '{ last = $0 } END { print last }'
}

# run_inputs DIR "OPTIONS" FILE...: one guest, and wait for it. Its status is
# that of scripts/boot: 0 where nothing was found.
run_inputs()
{
	local rc=0 dir=$1 options=$2
	shift 2

	fuzz_guest "$dir" 600 "$options" "$@"
	guests=($!)
	wait "${guests[0]}" || rc=$?
	guests=()
	return $rc
}
