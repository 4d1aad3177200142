# SPDX-License-Identifier: GPL-2.0-only
#
# Read TAP (kselftests) or KTAP (KUnit) and count the tests in it.
#
#   awk -v suite=NAME -v counts=FILE -f tap.awk OUTPUT
#
# Appends "SUITE PASSED FAILED SKIPPED" to FILE, prints every failure with the
# lines that led to it, and exits 1 when there was any.
#
# With nested results, only the innermost are tests: a result that closes a
# list of others is their sum. A list must be as long as its plan says; one
# that is shorter, or has no plan, fails (but the parameters of one KUnit case,
# which have none). So does output without any list.
#
# -v again="COMMAND": what runs this program again, and with ":NAME" after it only
# the test NAME; printed with every failure.
#
# -v rc=N: the exit status of the program whose output this is, if known. A
# program that fails after all its tests passed has failed, too. 4 is
# kselftest's way to say that everything was skipped.

function fail(what,    i) {
	failed++
	printf "  FAILED %s: %s\n", suite, what
	for (i = 1; i <= lines; i++)
		print "      " context[i]
	if (again != "" && what ~ /^not ok [0-9]+ [A-Za-z_]/) {
		split(what, word, " ")
		print "    again: " again ":" word[4]
	} else if (again != "") {
		print "    again: " again
	}
}

# The list at this depth is over: was it as long as planned?
function close_list(depth) {
	if (!(depth in plan)) {
		# KUnit does not know how many parameters a test case has.
		if (depth < 2)
			fail("results without a plan")
	} else if (seen[depth] != plan[depth]) {
		fail(sprintf("planned %d tests, %d reported",
			plan[depth], seen[depth]))
		failed += plan[depth] - seen[depth] > 1 ? \
			plan[depth] - seen[depth] - 1 : 0
	}
	delete plan[depth]
	delete seen[depth]
	delete bad[depth]
}

function indent(line) {
	match(line, /^ */)
	return int(RLENGTH / 4)
}

BEGIN { passed = failed = skipped = 0 }

{
	sub(/\r$/, "")
	# The kernel log's timestamp
	sub(/^(<[0-9]+>)?\[ *[0-9]+\.[0-9]+\] /, "")
	depth = indent($0)
	text = substr($0, depth * 4 + 1)
}

text ~ /^1\.\.[0-9]+( |$)/ {
	plan[depth] = substr(text, 4) + 0
	if (!(depth in seen))
		seen[depth] = 0
	lists++
	lines = 0
	if (plan[depth] == 0 && text ~ /SKIP/)
		skipped++
	next
}

text ~ /^(not )?ok [0-9]+/ {
	good = text ~ /^ok/
	skip = text ~ /# SKIP/
	sum = (depth + 1) in seen
	below = sum ? bad[depth + 1] : 0
	if (sum)
		close_list(depth + 1)
	seen[depth]++
	if (!good)
		bad[depth]++
	if (sum) {
		if (!good && !below)
			fail(text)
	} else if (skip) {
		skipped++
	} else if (good) {
		passed++
	} else {
		fail(text)
	}
	lines = 0
	next
}

{
	# Keep the last lines before a result: they say why.
	if (lines == 25) {
		for (i = 1; i < lines; i++)
			context[i] = context[i + 1]
		lines--
	}
	context[++lines] = $0
}

END {
	for (depth = 8; depth >= 0; depth--)
		if (depth in seen)
			close_list(depth)
	if (!lists)
		fail("no test results in its output")
	if (rc != "" && rc != 0 && !failed && !(rc == 4 && skipped))
		fail("exit status " rc)
	print suite, passed, failed, skipped >>counts
	exit failed > 0
}
