# SPDX-License-Identifier: GPL-2.0-only
#
# Read a kernel log; print every report of a kernel checker in it, with what
# follows it. Exit status 1 when there was any.
#
# Not reports: stack dumps of injected faults, which tests ask for, IOMMU faults
# of devices, which demonstrations provoke, and the end of who wanted more memory
# than his cgroup may have.
#
# -v functions=FILE: "ours NAME" and "helper NAME", a line each. A data race that
# KCSAN reports is of interest when a function of ours made one of the accesses, or
# had a helper (lib/, the slab allocator) make it. The kernel has races of its own.

BEGIN {
	while (functions != "" && (getline line <functions) > 0) {
		split(line, field)
		if (!(field[2] in kind))
			kind[field[2]] = field[1]
		else if (kind[field[2]] != field[1])
			kind[field[2]] = "ours"
	}
	LINES = 45
	report = "(WARNING|BUG|ODEBUG|KASAN|UBSAN|KCSAN): |kernel BUG at|Oops|" \
		"general protection fault|[Kk]ernel panic|" \
		"INFO: (task |possible |trying |HARDIRQ|SOFTIRQ|lockdep)|" \
		"inconsistent lock state|suspicious RCU|possible .* detected|" \
		"(soft|hard) lockup|rcu: .*(stall|INFO)|refcount_t: |" \
		"pagealloc: (memory corruption|single bit error)|" \
		"unreferenced object|list_(add|del) corruption|" \
		"[Mm]emory leak detector disabled|" \
		"page allocation failure|[Oo]ut of memory|" \
		"iommufd: invariant |" \
		"turning off the locking correctness validator"
}

{ sub(/\r$/, "") }

/Memory cgroup out of memory/ { next }
# A report of a data race, between two lines of "=": keep it until it is clear
# whose it is. The first frame of an access that is no helper's says that.
race {
	text = $0
	sub(/^(<[0-9]+>)?\[ *[0-9.]+\]( *\[[TC0-9 ]+\])? ?/, "", text)
	if (text ~ /^(race at unknown origin, with )?[a-z -]+ to 0x[0-9a-f]+ of [0-9]+ bytes by /) {
		looking = 1
	} else if (looking && text ~ /^ *[A-Za-z_0-9.]+\+0x/) {
		name = text
		sub(/^ */, "", name)
		sub(/[.+].*/, "", name)
		if (kind[name] != "helper") {
			looking = 0
			if (kind[name] == "ours")
				ours = 1
		}
	}
	lines[++race] = $0
	if (text ~ /^=====/ || race > 80) {
		if (ours) {
			found++
			for (i = 2; i <= race; i++)
				print "  " lines[i]
		}
		race = 0
	}
	next
}

functions != "" && /BUG: KCSAN: / {
	race = 1
	ours = looking = 0
	lines[++race] = $0
	next
}

$0 ~ report {
	found++
	left = LINES
}

/Power down|@end-of-log/ { left = 0 }

left > 0 {
	print "  " $0
	left--
}

END { exit found > 0 }
