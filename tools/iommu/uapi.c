// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "uapi.h"

static char last_error[512];

/* What the errnos mean in the ioctls of <linux/iommufd.h>, see its DOC section. */
static const char *iommufd_meaning(int err)
{
	switch (err) {
	case ENOTTY:
		return "this kernel does not have the call";
	case E2BIG:
		return "a field that this kernel does not know is set";
	case EOPNOTSUPP:
		return "a value that this kernel does not support";
	case EINVAL:
		return "a field is not correct";
	case ENOENT:
		return "no such ID or IOVA";
	case EOVERFLOW:
		return "a range wraps around";
	case EEXIST:
	case EADDRINUSE:
		return "something is mapped there already";
	case EBUSY:
		return "the object is in use";
	case ENOMEM:
		return "out of memory, or over RLIMIT_MEMLOCK";
	default:
		return NULL;
	}
}

static void keep_error(const char *what, int err)
{
	const char *meaning = iommufd_meaning(err);

	snprintf(last_error, sizeof(last_error), "%s: %s (%s)%s%s", what,
		 strerrorname_np(err) ?: "?", strerror(err),
		 meaning ? ": " : "", meaning ?: "");
}

int uapi_result(long ret, const char *fmt, ...)
{
	int err = ret < 0 ? errno : 0;
	char what[384];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);

	if (!err) {
		trace("%s = %ld", what, ret);
		return 0;
	}
	keep_error(what, err);
	trace("%s", last_error);
	return -err;
}

int uapi_fail(int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(last_error, sizeof(last_error), fmt, args);
	va_end(args);
	trace("%s", last_error);
	return -err;
}

const char *uapi_error(void)
{
	return last_error;
}
