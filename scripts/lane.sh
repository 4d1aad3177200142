# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the lanes in test.d share. Sourced, never run. A lane appends one line
# "SUITE PASSED FAILED SKIPPED" per suite to the file $COUNTS, prints what
# failed, and keeps its logs in $LANE_DIR; scripts/test sets both.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

: "${COUNTS:?lanes are run by scripts/test}" "${LANE_DIR:?}"
mkdir -p "$LANE_DIR"

# count SUITE PASSED FAILED SKIPPED
count()
{
	echo "$1 $2 $3 $4" >>"$COUNTS"
}

indent()
{
	sed 's/^/      /'
}

# our_sources DIRECTORY: every C file of ours below it.
our_sources()
{
	find "$1" -name '*.[ch]' | sort
}

# each_file SUITE COMMAND...: run COMMAND FILE for every file named on standard
# input; a file passes when the command succeeds and says nothing.
each_file()
{
	local suite=$1 passed=0 failed=0 file said
	shift

	while read -r file; do
		if said=$("$@" "$file" 2>&1) && [ -z "$said" ]; then
			passed=$((passed + 1))
		else
			failed=$((failed + 1))
			echo "  FAILED $suite: $file"
			printf '%s\n' "$said" | indent
		fi
	done
	count "$suite" $passed $failed 0
}

# Guests of this lane that still run. Interrupted, it stops them: they ignore
# the terminal's interrupt, being in the background.
guests=()
stop_guests()
{
	[ ${#guests[@]} -eq 0 ] || kill "${guests[@]}" 2>/dev/null || true
}
trap 'stop_guests; exit 130' INT TERM

# start_guest IMAGE DIR LOG PROGRAM...: boot once and run the programs in turn.
start_guest()
{
	local image=$1 dir=$2 log=$3 program options=()
	shift 3

	mkdir -p "$log"
	for program; do
		options+=(--bin "$dir/$program")
		printf 'echo "@suite %s"\n%s\necho "@end $?"\n' \
			"$program" "$program"
	done >"$log/job"
	echo 'exit 0' >>"$log/job"

	"$SCRIPTS/boot" --image "$image" --job "$log/job" "${options[@]}" \
		--log "$log/kernel.log" --timeout 1500 \
		>"$log/output" 2>"$log/boot.err" &
	guests+=($!)
}

# Say how far the guests are until the last one ends.
watch_guests()
{
	local kernel=$1 logs=$2 start=$SECONDS shown=0

	while [ -n "$(jobs -rp)" ]; do
		sleep 0.5
		if [ $(((SECONDS - start) / 20)) -gt $shown ]; then
			shown=$(((SECONDS - start) / 20))
			echo "  kernel $kernel: $(cat "$logs"/*/output |
				grep -cE '^(not )?ok ') results," \
				"$((SECONDS - start)) s"
		fi
	done
}

# split_output LOG: what each program said goes to PROGRAM.tap, its exit status
# to PROGRAM.rc.
split_output()
{
	awk -v dir="$1" '
		/^@suite / { out = dir "/" $2; printf "" >(out ".tap"); next }
		/^@end / { print $2 >(out ".rc"); out = ""; next }
		out { print >(out ".tap") }' "$1/output"
}

# run_suites KERNEL DIR [EXCEPT]: run the programs that userspace built in DIR on
# the named kernel, but for those that match EXCEPT, and count their TAP output.
# The emulator uses little more than one CPU: the programs are dealt out to as
# many guests as there are CPUs.
run_suites()
{
	local kernel=$1 dir=$2 logs=$LANE_DIR/$1 image program programs=()
	local number guest i rc log share

	image=$("$SCRIPTS/build" "$kernel")
	mapfile -t programs < <(grep -vxE "${3:-}" "$dir/.programs")
	rm -rf "$logs"
	guests=()
	number=$((${#programs[@]} < JOBS ? ${#programs[@]} : JOBS))
	for ((guest = 0; guest < number; guest++)); do
		share=()
		for ((i = guest; i < ${#programs[@]}; i += number)); do
			share+=("${programs[i]}")
		done
		start_guest "$image" "$dir" "$logs/$guest" "${share[@]}"
	done
	watch_guests "$kernel" "$logs"

	for ((guest = 0; guest < number; guest++)); do
		log=$logs/$guest
		rc=0
		wait "${guests[guest]}" || rc=$?
		if [ $rc -ne 0 ]; then
			echo "  FAILED kernel[$kernel]: status $rc, see $log"
			indent <"$log/boot.err"
			count "kernel[$kernel]" 0 1 0
		fi
		split_output "$log"
		for ((i = guest; i < ${#programs[@]}; i += number)); do
			program=${programs[i]}
			if [ ! -f "$log/$program.tap" ]; then
				echo "  FAILED ${program}[$kernel]: did not run"
				count "${program}[$kernel]" 0 1 0
				continue
			fi
			rc=$(cat "$log/$program.rc" 2>/dev/null || echo 125)
			awk -v suite="${program}[$kernel]" -v counts="$COUNTS" \
				-v rc="$rc" -f "$SCRIPTS/tap.awk" \
				"$log/$program.tap" || true
		done
	done
	awk -v kernel="$kernel" 'index($1, "[" kernel "]") {
		printf "  %s: %d passed, %d failed, %d skipped\n", $1, $2, $3, $4
	}' "$COUNTS"
}
