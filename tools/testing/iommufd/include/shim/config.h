/* SPDX-License-Identifier: GPL-2.0-only */
/* Included before all else, as the kernel's own are */
#include <linux/kconfig.h>
#include <linux/compiler_types.h>
