/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _SHIM_MODULE_H
#define _SHIM_MODULE_H

#include <linux/kernel.h>

struct module;
#define THIS_MODULE			((struct module *)NULL)
#define EXPORT_SYMBOL(s)		_Static_assert(1, "")
#define EXPORT_SYMBOL_GPL(s)		_Static_assert(1, "")
#define EXPORT_SYMBOL_NS_GPL(s, ns)	_Static_assert(1, "")
#define EXPORT_SYMBOL_FOR_MODULES(s, m)	_Static_assert(1, "")
#define EXPORT_SYMBOL_IF_KUNIT(s)	_Static_assert(1, "")
#define KUNIT_STATIC_STUB_REDIRECT(f, args...) do { } while (0)
#define VISIBLE_IF_KUNIT		static
#define MODULE_IMPORT_NS(ns)		_Static_assert(1, "")
#define MODULE_LICENSE(l)		_Static_assert(1, "")
#define MODULE_DESCRIPTION(d)		_Static_assert(1, "")
#define MODULE_ALIAS(a)			_Static_assert(1, "")
#define MODULE_ALIAS_MISCDEV(m)		_Static_assert(1, "")
#define MODULE_PARM_DESC(p, d)		_Static_assert(1, "")
#define module_param(name, type, perm)	_Static_assert(1, "")
#define module_param_named(name, value, type, perm)	_Static_assert(1, "")
/* iommufd is one module; the environment loads it */
int shim_init_module(void);
void shim_exit_module(void);
#define module_init(fn) \
	int shim_init_module(void) { return fn(); }
#define module_exit(fn) \
	void shim_exit_module(void) { fn(); }
#define symbol_get(s)			(&(s))
#define symbol_put(s)			((void)0)
#define try_module_get(m)		true
#define __module_get(m)		((void)(m))
#define module_put(m)			((void)(m))

#define array_index_nospec(i, n)	((i) < (n) ? (i) : 0)
#define INDIRECT_CALLABLE_DECLARE(f)	f
#define INDIRECT_CALLABLE_SCOPE
#define INDIRECT_CALL_1(f, f1, args...)		(f)(args)
#define INDIRECT_CALL_2(f, f2, f1, args...)	(f)(args)
#define get_unaligned(p) \
	({ typeof(*(p)) __u; memcpy(&__u, p, sizeof(__u)); (typeof(__u))__u; })
#define put_unaligned(v, p) \
	do { typeof(*(p)) __u = (v); memcpy(p, &__u, sizeof(__u)); } while (0)
#define DEFINE_STATIC_KEY_FALSE(name)	bool name
#define static_branch_unlikely(k)	(*(k))

#endif
