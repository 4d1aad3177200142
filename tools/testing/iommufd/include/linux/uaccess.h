/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Userspace's memory is this program's, but for what the environment keeps itself
 * (SHIM_USER_MEMORY); each copy may fail.
 */
#ifndef _SHIM_UACCESS_H
#define _SHIM_UACCESS_H

#include <linux/kernel.h>
#include <linux/sched.h>

#define access_ok(p, n)		((void)(p), (void)(n), true)
#define might_fault()		shim_might_sleep("user copy")

/* A copy fails where the environment says so, with page faults or without */
#define pagefault_disable()	do { } while (0)
#define pagefault_enable()	do { } while (0)

/* What could not be copied may be there by then. Both return what is not. */
static inline size_t fault_in_readable(const char __user *from, size_t size)
{
	might_fault();
	shim_point("fault_in_readable", from);
	return 0;
}

static inline size_t fault_in_safe_writeable(const char __user *to, size_t size)
{
	might_fault();
	shim_point("fault_in_safe_writeable", to);
	return 0;
}

/* Both return what is left to be copied, or -1 for memory of the program's */
#ifdef SHIM_USER_MEMORY
long shim_write_user(void __user *to, const void *from, unsigned long n);
long shim_read_user(void *to, const void __user *from, unsigned long n);
#else
#define shim_write_user(to, from, n)	(-1L)
#define shim_read_user(to, from, n)	(-1L)
#endif

static inline __must_check unsigned long
copy_to_user(void __user *to, const void *from, unsigned long n)
{
	long left;

	might_fault();
	shim_point("copy_to_user", to);
	if (shim_fail("copy_to_user"))
		return n;
	left = shim_write_user(to, from, n);
	if (left >= 0)
		return left;
	memcpy(to, from, n);
	/* It has seen it, and may act on it before the call returns */
	shim_point("copied to user", to);
	return 0;
}

static inline __must_check unsigned long
copy_from_user(void *to, const void __user *from, unsigned long n)
{
	long left;

	might_fault();
	shim_point("copy_from_user", from);
	if (shim_fail("copy_from_user"))
		return n;
	left = shim_read_user(to, from, n);
	if (left >= 0)
		return left;
	memcpy(to, from, n);
	return 0;
}

#define __copy_to_user		copy_to_user
#define __copy_from_user	copy_from_user

static inline __must_check unsigned long clear_user(void __user *to,
						    unsigned long n)
{
	memset(to, 0, n);
	return 0;
}

#define put_user(v, p)							\
({									\
	typeof(*(p)) __v = (v);						\
									\
	copy_to_user(p, &__v, sizeof(__v)) ? -EFAULT : 0;		\
})
#define get_user(v, p) (copy_from_user(&(v), p, sizeof(v)) ? -EFAULT : 0)
#define __get_user		get_user
#define __put_user		put_user

static inline bool __shim_user_access(const void __user *p)
{
	might_fault();
	shim_point("user access", p);
	return shim_fail("user access");
}

/* Any of the accesses inside may go to the label; it is the first one here */
#define scoped_user_rw_access_size(p, size, label)			\
	if (__shim_user_access(p))					\
		goto label;						\
	else
#define scoped_user_rw_access(p, label) \
	scoped_user_rw_access_size(p, sizeof(*(p)), label)
#define scoped_user_write_access_size	scoped_user_rw_access_size
#define scoped_user_write_access	scoped_user_rw_access
#define scoped_user_read_access		scoped_user_rw_access
#define scoped_user_read_access_size	scoped_user_rw_access_size
#define unsafe_get_user(v, p, label)	((v) = *(p))
#define unsafe_put_user(v, p, label)	(*(p) = (v))

static inline __must_check int copy_struct_from_user(void *to, size_t size,
						     const void __user *from,
						     size_t usize)
{
	size_t n = min(size, usize);
	const u8 *rest = (const u8 *)from + n;

	memset((u8 *)to + n, 0, size - n);
	if (usize > size && memchr_inv(rest, 0, usize - size))
		return -E2BIG;
	return copy_from_user(to, from, n) ? -EFAULT : 0;
}

static inline __must_check int copy_struct_to_user(void __user *to,
						   size_t usize,
						   const void *from,
						   size_t size,
						   bool *ignored_trailing)
{
	size_t n = min(size, usize);

	if (usize > size)
		memset((u8 *)to + size, 0, usize - size);
	if (ignored_trailing)
		*ignored_trailing = usize < size &&
			memchr_inv((const u8 *)from + n, 0, size - n);
	return copy_to_user(to, from, n) ? -EFAULT : 0;
}

static inline int check_zeroed_user(const void __user *from, size_t n)
{
	return !memchr_inv(from, 0, n);
}

/* User memory is there, or it is not mapped at all */
#define pagefault_disable()	do { } while (0)
#define pagefault_enable()	do { } while (0)

#endif
