/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What all calls into the kernel have in common here: 0 or -errno as the
 * result, a readable text of the last failure, and a trace line each.
 */
#ifndef TOOLS_IOMMU_UAPI_H
#define TOOLS_IOMMU_UAPI_H

#include "report.h"

/*
 * Take the result @ret of a system call that sets errno, made just before, and
 * a description of the call with its arguments. Traces the call; when it
 * failed, keeps the text for uapi_error(). Returns 0 or -errno.
 */
int uapi_result(long ret, const char *fmt, ...) __printf(2, 3);

/*
 * Fail on our own account: keep a text for uapi_error() and return -@err.
 */
int uapi_fail(int err, const char *fmt, ...) __printf(2, 3);

/* The text of the last failure. */
const char *uapi_error(void);

#endif
