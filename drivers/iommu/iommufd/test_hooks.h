/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the test build (CONFIG_IOMMUFD_TEST) puts into the other layers, and
 * what stands there without it. iommufd_should_fail() stands where a copy from
 * or to userspace, a pin or an IOMMU operation of the mock's can fail;
 * allocations have the kernel's own fault injection.
 */
#ifndef __IOMMUFD_TEST_HOOKS_H
#define __IOMMUFD_TEST_HOOKS_H

#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/types.h>

struct device;
struct dma_buf_attachment;
struct phys_vec;

#ifdef CONFIG_IOMMUFD_TEST
bool iommufd_should_fail(void);
void iommufd_test_pin_begin(void);
void iommufd_test_pin_end(void);
void iommufd_test_linger(void);
void iommufd_test_fault_taken(struct device *dev);
void iommufd_test_breath(void);
unsigned long iommufd_test_memory_limit(void);
bool iommufd_test_is_mock_dev(struct device *dev);
int iommufd_test_dma_buf_iommufd_map(struct dma_buf_attachment *attachment,
				     struct phys_vec *phys);
#else
static inline bool iommufd_should_fail(void)
{
	return false;
}

static inline void iommufd_test_pin_begin(void)
{
}

static inline void iommufd_test_pin_end(void)
{
}

/* Stands where what other threads do meanwhile must not matter */
static inline void iommufd_test_linger(void)
{
}

/* A page fault is neither the IOMMU core's nor userspace's to see */
static inline void iommufd_test_fault_taken(struct device *dev)
{
}

/* Stands where a call that takes long looks whether it was killed */
static inline void iommufd_test_breath(void)
{
}

/* Bytes that a batch of page pointers may take */
static inline unsigned long iommufd_test_memory_limit(void)
{
	return ULONG_MAX;
}

static inline bool iommufd_test_is_mock_dev(struct device *dev)
{
	return false;
}

static inline int
iommufd_test_dma_buf_iommufd_map(struct dma_buf_attachment *attachment,
				 struct phys_vec *phys)
{
	return -EOPNOTSUPP;
}
#endif

#if IS_ENABLED(CONFIG_KUNIT)
bool iova_bitmap_words_in_place(const u64 __user *words);
#endif
#endif
