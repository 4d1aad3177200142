# SPDX-License-Identifier: GPL-2.0-only
#
# The part of the kernel that iommufd stands on, for programs of userspace that
# compile its files. Who includes this sets
#
#   BASE	the base kernel's tree
#   OUT		where to build
#   BACKEND	plain, pthread or coroutine (include/shim/backend.h)
#   SANITIZE	what to compile everything with, like -fsanitize=address
#
# and gets SHIM_CFLAGS, to compile kernel code with; $(OUT)/driver/NAME.o for
# each file of drivers/iommu/iommufd; $(OUT)/base/NAME.o for those of the base
# kernel; and SHIM_OBJECTS, what they need to be linked with.

SHIM := $(abspath $(dir $(lastword $(MAKEFILE_LIST))))
DRIVER ?= $(SHIM)/../../../drivers/iommu/iommufd
BACKEND ?= plain
CC ?= gcc

ifeq ($(BASE),)
$(error BASE is to name the base kernel's tree)
endif
ifeq ($(OUT),)
$(error OUT is to name the directory to build in)
endif

SHIM_WARNINGS := -Wall -Wno-unused-function -Wno-unused-variable \
	-Wno-unused-value -Wno-address -Wno-array-bounds -Wno-main \
	-Wno-attributes -Wno-maybe-uninitialized -Wno-pointer-sign \
	-Wno-unknown-warning-option
SHIM_COMMON := -std=gnu11 -g -O1 -fno-strict-aliasing -fno-strict-overflow \
	-funsigned-char -fno-omit-frame-pointer $(SANITIZE)
ifeq ($(BACKEND),coroutine)
SHIM_COMMON += -DSHIM_COROUTINE
endif
ifeq ($(BACKEND),pthread)
SHIM_COMMON += -DSHIM_PTHREAD=1
endif
SHIM_CFLAGS := $(SHIM_COMMON) $(SHIM_WARNINGS) -nostdinc \
	-isystem $(shell $(CC) -print-file-name=include) \
	-iquote $(DRIVER) -iquote $(OUT)/include/iommufd -I$(SHIM)/include -I$(OUT)/include \
	-include shim/config.h
# For files that use the C library: of the shim they see its backend
SHIM_HOST_CFLAGS := $(SHIM_COMMON) -Wall -Wextra -Wno-unused-parameter \
	-idirafter $(SHIM)/include

SHIM_OBJECTS := $(addprefix $(OUT)/shim/,xarray.o maple_tree.o account.o)
SHIM_OBJECTS += $(addprefix $(OUT)/base/,rbtree.o interval_tree.o)
ifneq ($(BACKEND),coroutine)
SHIM_OBJECTS += $(OUT)/shim/$(BACKEND).o
endif

# Headers and sources of the base kernel's, and those that are only names
$(OUT)/include/stamp: $(SHIM)/include/base $(SHIM)/include/forward
	@rm -rf $(OUT)/include && mkdir -p $(OUT)/include/iommufd $(OUT)/base
	@sed '/^#/d' $(SHIM)/include/base | while read -r from to; do \
		case $$to in \
		*.c) to=$(OUT)/base/$$to ;; \
		*) to=$(OUT)/include/$$to ;; \
		esac; \
		mkdir -p "$${to%/*}" && cp "$(BASE)/$$from" "$$to" || exit 1; \
	done
	@sed '/^#/d' $(SHIM)/include/forward | while read -r name to; do \
		mkdir -p "$(OUT)/include/$$(dirname $$name)"; \
		echo "#include <$$to>" >"$(OUT)/include/$$name"; \
	done
	@touch $@

# The layers below the objects: what the model and the threads consist of
LOWER_LAYERS := charge gap_tree pfn_run pin $(filter-out %_test,$(patsubst \
	$(DRIVER)/%.c,%,$(wildcard $(DRIVER)/io_*.c $(DRIVER)/iova_*.c \
	$(DRIVER)/pages*.c)))

SHIM_HEADERS := $(shell find $(SHIM)/include -name '*.h') $(OUT)/include/stamp
DRIVER_HEADERS := $(wildcard $(DRIVER)/*.h)

# The files that the configuration of include/generated/autoconf.h has
CONFIG_IRQ_MSI_IOMMU := y
include $(DRIVER)/Makefile
DRIVER_FILES := $(basename $(iommufd-y) $(iommufd_driver-y) iova_bitmap.o)

$(OUT)/driver/%.o: $(DRIVER)/%.c $(DRIVER_HEADERS) $(SHIM_HEADERS)
	@mkdir -p $(@D)
	$(QUIET_CC)$(CC) $(SHIM_CFLAGS) -c -o $@ $<

# ../iommu-priv.h is beside it
$(OUT)/base/%.o: $(OUT)/include/stamp $(SHIM_HEADERS)
	@mkdir -p $(@D)
	$(QUIET_CC)$(CC) $(SHIM_CFLAGS) -iquote $(OUT)/include -c -o $@ \
		$(OUT)/base/$*.c

$(OUT)/shim/plain.o $(OUT)/shim/pthread.o: $(OUT)/shim/%.o: $(SHIM)/shim/%.c \
		$(SHIM)/include/shim/backend.h
	@mkdir -p $(@D)
	$(QUIET_CC)$(CC) $(SHIM_HOST_CFLAGS) -c -o $@ $<

$(OUT)/shim/%.o: $(SHIM)/shim/%.c $(SHIM_HEADERS)
	@mkdir -p $(@D)
	$(QUIET_CC)$(CC) $(SHIM_CFLAGS) -c -o $@ $<

ifneq ($(V),1)
QUIET_CC = @echo "  CC      $(@:$(OUT)/%=%)";
endif
