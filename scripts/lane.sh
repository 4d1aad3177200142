# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the lanes in test.d share. Sourced, never run. A lane appends one line
# "SUITE PASSED FAILED SKIPPED" per suite to the file $COUNTS, prints what
# failed, and keeps its logs in $LANE_DIR; scripts/test sets both.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

: "${COUNTS:?lanes are run by scripts/test}" "${LANE_DIR:?}"
mkdir -p "$LANE_DIR"
# How many guests run at a time
GUESTS=${GUESTS:-$JOBS}

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

# kernels NAME...: the kernels that a lane runs on: those named, unless $KERNELS
# says otherwise (the coverage lane does).
kernels()
{
	echo "${KERNELS:-$*}"
}

# A lane calls the kernel "run" "tiny" where each threshold of iommufd's is as small
# as can be (see drivers/iommu/iommufd/thresholds.h). kernel_image KERNEL builds it,
# kernel_options KERNEL prints what scripts/boot is to be given for it.
kernel_image()
{
	"$SCRIPTS/build" "${1/#tiny/run}"
}

kernel_options()
{
	[ "$1" != tiny ] || printf '%s\n' --append iommufd.tiny=1
}

# wait_for_turn: until fewer jobs run than may: as many as there are CPUs, as an
# emulator uses little more than one.
wait_for_turn()
{
	while [ "$(jobs -rp | wc -l)" -ge "$GUESTS" ]; do
		wait -n || true
	done
}

# each_file SUITE COMMAND...: run COMMAND FILE for every file named on standard
# input; a file passes when the command succeeds and says nothing. Where
# $CHECKED_BY says on what else the result depends, that it passed is kept in the
# cache, and the same content is not looked at again.
each_file()
{
	local suite=$1 passed=0 failed=0 file files=() kept=() work number
	shift

	work=$(mktemp -d)
	while read -r file; do
		number=${#files[@]}
		if [ -n "${CHECKED_BY:-}" ] && [ -z "${KERNEL_SRC:-}" ]; then
			kept+=("$CACHE/checked/$({
				echo "$suite $CHECKED_BY $*" "${file#"$CACHE"}"
				cat "$file"
			} | sha256sum | cut -c1-20)")
			if [ -f "${kept[number]:-}" ]; then
				passed=$((passed + 1))
				touch "${kept[number]}"
				unset 'kept[number]'
				continue
			fi
		fi
		files+=("$file")
		wait_for_turn
		{
			"$@" "$file" </dev/null >"$work/$number" 2>&1 ||
				echo "exit status $?" >>"$work/$number"
		} &
	done
	wait
	for number in "${!files[@]}"; do
		if [ ! -s "$work/$number" ]; then
			passed=$((passed + 1))
			[ -z "${kept[number]:-}" ] || {
				need_dir "$CACHE/checked"
				touch "${kept[number]}"
			}
		else
			failed=$((failed + 1))
			echo "  FAILED $suite: ${files[number]}"
			indent <"$work/$number"
		fi
	done
	rm -rf "$work"
	count "$suite" $passed $failed 0
}

# Guests of this lane that still run. Interrupted, it stops them: they ignore
# the terminal's interrupt, being in the background.
guests=()
stop_guests()
{
	local guest

	for guest in "${guests[@]}"; do
		kill -- "-$guest" 2>/dev/null || kill "$guest" 2>/dev/null ||
			true
	done
}
trap 'stop_guests; exit 130' INT TERM

# beside COMMAND...: run it beside others, as many as there are CPUs; what it says
# is shown when it ends. all_beside waits for them.
beside()
{
	local said

	wait_for_turn
	said=$(mktemp "$LANE_DIR/said.XXXXXX")
	# A process group of its own, so that all of it can be stopped.
	set -m
	(
		trap '[ $? -eq 0 ] || count "$1" 0 1 0
			cat "$said"; rm -f "$said"' EXIT
		"$@" >"$said" 2>&1
	) &
	set +m
	guests+=($!)
}

all_beside()
{
	wait
	guests=()
}

# chosen PROGRAM...: those that run, all unless TEST=PROGRAM[:NAME] chooses one, and
# of it the test NAME, as results call it, or all tests of that name.
chosen()
{
	local name=${TEST:-} program

	case $name in
	'') printf '%s\n' "$@" && return ;;
	*:*.*) name="-r ${name#*:}" ;;
	*:*) name="-t ${name#*:}" ;;
	*) name='' ;;
	esac
	for program; do
		if [ "${program%% *}" = "${TEST%%:*}" ]; then
			echo "${program%% *}${name:+ $name}"
			return
		fi
	done
}

# kernel_check KERNEL: what the guest is to run first: a kernel that ignores the
# parameter is not the one that its results are counted for.
kernel_check()
{
	[ "$1" != tiny ] || cat <<-'EOF'
		read -r seed </sys/module/iommufd/parameters/tiny
		read -r bytes </sys/module/iommufd/parameters/pages_breather
		[ "$seed" = 1 ] && [ "$bytes" -gt 0 ] || exit 98
	EOF
}

# job PROGRAM...: what the guest is to run, a program with options per argument.
job()
{
	local program

	# shellcheck disable=SC2016 # for the guest's shell
	echo 'echo "@booted $(cut -d" " -f1 /proc/uptime)"'
	for program; do
		# shellcheck disable=SC2016 # for the guest's shell
		printf 'echo "@suite %s"\n%s\necho "@end $? %s"\n' \
			"${program// /_}" "$program" \
			'$(cut -d" " -f1 /proc/uptime)'
	done
	echo 'exit 0'
}

# start_guest KERNEL IMAGE DIR LOG PROGRAM...: boot once and run the programs in turn.
start_guest()
{
	local kernel=$1 image=$2 dir=$3 log=$4 program options=()
	mapfile -t options < <(kernel_options "$1")
	shift 4

	mkdir -p "$log"
	for program; do
		program=${program%% *}
		[[ " ${options[*]} " == *" $dir/$program "* ]] ||
			options+=(--bin "$dir/$program")
	done
	{
		kernel_check "$kernel"
		job "$@"
	} >"$log/job"

	"$SCRIPTS/boot" --image "$image" --job "$log/job" "${options[@]}" \
		--log "$log/kernel.log" --timeout 1500 \
		>"$log/output" 2>"$log/boot.err" &
	guests+=($!)
}

# split_output LOG: what each program said goes to PROGRAM.tap, its exit status
# to PROGRAM.rc, the seconds it took to times.
split_output()
{
	awk -v dir="$1" '
		/^@booted / { last = $2; next }
		/^@suite / { out = dir "/" $2; printf "" >(out ".tap"); next }
		/^@end / {
			print $2 >(out ".rc")
			print substr(out, length(dir) + 2), $3 - last >(dir "/times")
			last = $3
			out = ""
			next
		}
		out { print >(out ".tap") }' "$1/output"
}

# count_program LOG PROGRAM KERNEL [COUNTS]: count the results of one that ran.
count_program()
{
	local file=$1/${2// /_} program=${2%% *} rc

	if [ ! -f "$file.tap" ]; then
		echo "  FAILED ${program}[$3]: did not run"
		count "${program}[$3]" 0 1 0
		return
	fi
	rc=$(cat "$file.rc" 2>/dev/null || echo 125)
	awk -v suite="${program}[$3]" -v counts="${4:-$COUNTS}" -v rc="$rc" \
		-v again="make test LANE=${LANE_NAME:-} TEST=$program" \
		-f "$SCRIPTS/tap.awk" "$file.tap" || true
}

# deal KERNEL: deal the programs on standard input out to as many guests as run at a
# time, by how long each took the last time on this machine, and print for each guest
# its time, the kernel, and what it is to run, between tabs.
deal()
{
	local times=$CACHE/times/$LANE_NAME.$1

	need_dir "$CACHE/times"
	[ -f "$times" ] || : >"$times"
	awk -v times="$times" '
		BEGIN {
			while ((getline line <times) > 0) {
				split(line, field)
				took[field[1]] = field[2]
			}
		}
		{
			name = $0
			gsub(/ /, "_", name)
			printf "%.1f\t%s\n", name in took ? took[name] : 10, $0
		}' | sort -t "$(printf '\t')" -k1,1rn -s |
		awk -F '\t' -v kernel="$1" -v guests="$GUESTS" '
		{
			least = 1
			for (guest = 2; guest <= guests; guest++)
				if (load[guest] < load[least])
					least = guest
			# Some time for itself, so that all guests get some
			load[least] += $1 + 0.1
			share[least] = share[least] "\t" $2
		}
		END {
			for (guest = 1; guest <= guests; guest++)
				if (guest in share)
					print load[guest] "\t" kernel share[guest]
		}'
}

# Say how far the guests of some kernels are, until told to stop.
watch_guests()
{
	local start=$SECONDS

	while sleep 20 >/dev/null 2>&1; do
		echo "  kernel $1: $(cat "$LANE_DIR"/*/*/output 2>/dev/null |
			grep -cE '^(not )?ok ') results," \
			"$((SECONDS - start)) s"
	done
}

# run_suites KERNELS DIR [EXCEPT [PROGRAM...]]: run the programs that userspace built
# in DIR on the named kernels, but for those that match EXCEPT, and count their TAP
# output. Each line of DIR/.programs is a program and its options; others are named.
# The guests of all kernels run in one pool, the longest first.
run_suites()
{
	local kernels=$1 dir=$2 kernel image programs share shares log rc guest
	local watcher share times
	declare -A images

	mapfile -t programs < <(grep -vxE "${3:-}" "$dir/.programs")
	[ $# -lt 4 ] || programs=("${@:4}")
	mapfile -t programs < <(chosen "${programs[@]}")
	[ -n "${programs[*]}" ] || die "no program here is ${TEST:-there}"
	for kernel in $kernels; do
		images[$kernel]=$(kernel_image "$kernel")
		rm -rf "${LANE_DIR:?}/$kernel"
	done
	mapfile -t shares < <(for kernel in $kernels; do
		printf '%s\n' "${programs[@]}" | deal "$kernel"
	done | sort -rn)

	watch_guests "$kernels" &
	watcher=$!
	disown
	trap 'kill $watcher; stop_guests; exit 130' INT TERM
	guests=()
	for guest in "${!shares[@]}"; do
		IFS=$'\t' read -ra share <<<"${shares[guest]}"
		kernel=${share[1]}
		wait_for_turn
		start_guest "$kernel" "${images[$kernel]}" "$dir" \
			"$LANE_DIR/$kernel/$guest" "${share[@]:2}"
	done

	for guest in "${!shares[@]}"; do
		IFS=$'\t' read -ra share <<<"${shares[guest]}"
		kernel=${share[1]}
		log=$LANE_DIR/$kernel/$guest
		rc=0
		wait "${guests[guest]}" || rc=$?
		if [ $rc -ne 0 ]; then
			echo "  FAILED kernel[$kernel]: status $rc, see $log"
			indent <"$log/boot.err"
			count "kernel[$kernel]" 0 1 0
		fi
		split_output "$log"
		for program in "${share[@]:2}"; do
			count_program "$log" "$program" "$kernel"
		done
	done
	kill $watcher
	trap 'stop_guests; exit 130' INT TERM

	for kernel in $kernels; do
		times=$CACHE/times/$LANE_NAME.$kernel
		cat "$LANE_DIR/$kernel"/*/times "$times" 2>/dev/null |
			sort -s -u -k1,1 >"$LANE_DIR/times"
		mv "$LANE_DIR/times" "$times"
		awk -v kernel="$kernel" 'index($1, "[" kernel "]") {
			if (!($1 in passed))
				order[++suites] = $1
			passed[$1] += $2
			failed[$1] += $3
			skipped[$1] += $4
		}
		END {
			for (i = 1; i <= suites; i++)
				printf "  %s: %d passed, %d failed, %d skipped\n",
					order[i], passed[order[i]],
					failed[order[i]], skipped[order[i]]
		}' "$COUNTS"
	done
}
