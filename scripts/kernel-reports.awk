# SPDX-License-Identifier: GPL-2.0-only
#
# Read a kernel log; print every report of a kernel checker in it, with what
# follows it. Exit status 1 when there was any.
#
# Not reports: stack dumps of injected faults, which tests ask for, IOMMU faults
# of devices, which demonstrations provoke, and the end of who wanted more memory
# than his cgroup may have.

BEGIN {
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
