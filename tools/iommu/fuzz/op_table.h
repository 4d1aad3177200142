/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How the tables of calls are written: the fields of an ioctl's structure, each
 * with what goes into it.
 */
#ifndef IOMMU_FUZZ_OP_TABLE_H
#define IOMMU_FUZZ_OP_TABLE_H

#include "fuzz.h"

#define FIELD_AT(type, field) \
	.offset = offsetof(type, field), .bytes = sizeof(((type *)0)->field)

/* The file that the ioctl is called on */
#define FD_CTX { .name = "fd", .kind = KIND_REG, .pool = POOL_CTX }
#define FD_OF(p) { .name = "fd", .kind = KIND_REG, .pool = p }

#define F_REG(type, field, label, p) \
	{ .name = label, .kind = KIND_REG, .pool = p, FIELD_AT(type, field) }
#define F_OUT(type, field, label, p) \
	{ .name = label, .kind = KIND_OUT, .pool = p, FIELD_AT(type, field) }
#define F_FLAGS(type, field, label, m) \
	{ .name = label, .kind = KIND_FLAGS, .mask = m, FIELD_AT(type, field) }
#define F_CHOICE(type, field, label, list) \
	{ .name = label, .kind = KIND_CHOICE, .choices = list, \
	  .nr_choices = ARRAY_SIZE(list), FIELD_AT(type, field) }
#define F_ZERO(type, field) \
	{ .name = #field, .kind = KIND_ZERO, FIELD_AT(type, field) }
#define F_IOVA(type, field, label) \
	{ .name = label, .kind = KIND_IOVA, FIELD_AT(type, field) }
#define F_LENGTH(type, field, label) \
	{ .name = label, .kind = KIND_LENGTH, FIELD_AT(type, field) }
#define F_VA(type, field, label) \
	{ .name = label, .kind = KIND_VA, FIELD_AT(type, field) }
#define F_PTR(type, field, label) \
	{ .name = label, .kind = KIND_PTR, FIELD_AT(type, field) }

/* A field of what a pointer in the structure points to, @at bytes in it */
#define P_CHOICE(at, size, label, list) \
	{ .name = label, .kind = KIND_CHOICE, .choices = list, \
	  .nr_choices = ARRAY_SIZE(list), .payload = 1, .offset = at, .bytes = size }
#define P_IOVA(at, label) \
	{ .name = label, .kind = KIND_IOVA, .payload = 1, .offset = at, .bytes = 8 }
#define P_REG(at, size, label, p) \
	{ .name = label, .kind = KIND_REG, .pool = p, .payload = 1, .offset = at, \
	  .bytes = size }
#define P_OUT(at, size, label, p) \
	{ .name = label, .kind = KIND_OUT, .pool = p, .payload = 1, .offset = at, \
	  .bytes = size }

/* Arguments of calls that are no ioctl */
#define A_REG(label, p) { .name = label, .kind = KIND_REG, .pool = p }
#define A_RESULT(label, p) { .name = label, .kind = KIND_RESULT, .pool = p }
#define A_CHOICE(label, list) \
	{ .name = label, .kind = KIND_CHOICE, .choices = list, \
	  .nr_choices = ARRAY_SIZE(list) }
#define A_FLAGS(label, m) { .name = label, .kind = KIND_FLAGS, .mask = m }
#define A_VA(label) { .name = label, .kind = KIND_VA }
#define A_LENGTH(label) { .name = label, .kind = KIND_LENGTH }

#endif
