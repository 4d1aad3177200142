# SPDX-License-Identifier: GPL-2.0-only
#
# Everything this project does, by name; each target is a script in scripts/.
# What is missing is fetched, installed or built on the way.

.DEFAULT_GOAL := help
LANES := $(patsubst scripts/test.d/%,%,$(wildcard scripts/test.d/*))
LANES := $(foreach lane,$(LANES),$(lastword $(subst -, ,$(lane))))
.PHONY: help setup fetch tree kernel run shell test conformance check builds coccinelle coverage model fuzz fuzz-replay torture isolation hostile mutants bench bench-docs bench-quick interleave clean

help: ## list the targets
	@echo 'usage: make TARGET'
	@echo
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' $(firstword $(MAKEFILE_LIST)) | \
		while IFS='|' read -r name text; do \
			printf '  %-11s %s\n' "$$name" "$$text"; \
		done
	@echo
	@echo '  make test LANE=...:' $(LANES)
	@echo
	@echo '  KERNEL_SRC=DIR     lay over this Linux 7.3 tree (it is only read)'
	@echo '  IOMMUFD_CACHE=DIR  kernel tree and objects (/var/cache/iommufd)'
	@echo '  IOMMUFD_IMPL=stock the base kernel'"'"'s own iommufd, to compare'

setup: ## install the Debian packages that the rest needs
	@scripts/setup

fetch: setup ## download and unpack the base kernel
	@scripts/fetch

tree: setup ## lay this checkout over the base kernel; say where
	@scripts/with-tree sh -c 'echo "$$TREE"'

kernel: setup ## build the kernel CONFIG= (run, debug); say where it is
	@scripts/build $(or $(CONFIG),run)

run: setup ## demonstrate: real devices' DMA through iommufd, in QEMU
	@scripts/run $(CONFIG)

shell: setup ## the same machine with an interactive shell
	@scripts/shell $(CONFIG)

test: setup ## every test; LANE=name one lane, TEST=program:name one test
	@scripts/test $(LANE)

torture: setup ## threads against each other, for MINUTES= (SEED= repeats)
	@scripts/test torture

isolation: setup ## DMA without end while memory comes and goes: Intel, AMD
	@scripts/test isolation

hostile: setup ## a user in a small cgroup tries to take more than he may
	@scripts/test hostile

conformance: setup ## the kernel's own kselftests on our kernel
	@scripts/test conformance

interleave: setup ## every order of a few calls; PLAN=subject[:plan]
	@scripts/interleave $(PLAN)

check: setup ## only the static checks: style, warnings, sparse, coccinelle
	@scripts/test scripts checkpatch build sparse coccinelle builds

builds: setup ## compile and link in all configurations of the matrix
	@scripts/builds $(NAMES)

coccinelle: setup ## the kernel's semantic patches on our code
	@scripts/test coccinelle

coverage: setup ## which lines of iommufd all the tests run (minutes)
	@scripts/test coverage

model: setup ## iommufd in userspace against a reference, MINUTES=, SEED=
	@scripts/model $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

fuzz: setup ## fuzz the uAPI for MINUTES= (10), SEED=; sum up all runs
	@scripts/fuzz $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

fuzz-replay: setup ## run the fuzzer's seeds again, or INPUT=file
	@scripts/fuzz-replay $(INPUT)

mutants: setup ## change the driver in N= places, SEED=: do the tests notice?
	@scripts/mutants $(if $(N),--number $(N)) $(if $(SEED),--seed $(SEED)) $(OPTIONS)

bench: setup ## measure against the kernel's own and VFIO type1; OPTIONS=
	@scripts/bench $(OPTIONS)

bench-docs: setup ## make bench, and renew the charts in Documentation
	@scripts/bench --docs $(OPTIONS)

bench-quick: setup ## a minute: ours against the last make bench
	@scripts/bench --quick $(OPTIONS)

clean: ## forget this checkout's programs and logs (not the cache)
	@rm -rf out
