/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What iommufd stands on and what stands on it, for all subjects: memory that
 * can be pinned, IOMMUs with an IOTLB, devices and their groups, dma-bufs,
 * files, processes, and userspace.
 */
#ifndef INTERLEAVE_ENV_H
#define INTERLEAVE_ENV_H

#include <linux/dma-buf.h>
#include <linux/fs.h>
#include <linux/iommu.h>
#include <linux/iommufd.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <uapi/linux/iommufd.h>
#include <uapi/linux/vfio.h>

#include "iommu-priv.h"
#include "sched.h"

/* Page frames: userspace's, of a file, of MMIO, of MSI doorbells */
#define ENV_PFNS	256
#define ENV_FILE_PFN	100
#define ENV_MMIO_PFN	160
#define ENV_MMIO_PAGES	16
#define ENV_DOORBELL	210
/* Pages of IOVAs that domains can map */
#define ENV_IOVAS	64
#define ENV_MSI_WINDOW	48
#define ENV_DEVICES	3
#define ENV_TASKS	3
/* File descriptors that are no /dev/iommu */
#define ENV_FD_FILE	100
#define ENV_FD_DMABUF	101

#define P(n)		((n) * PAGE_SIZE)
#define RW		(IOMMU_READ | IOMMU_WRITE)

/* At the begin and the end of each schedule */
void env_reset(void);
void env_check(void);

/* env_memory.c */
extern struct task_struct env_tasks[ENV_TASKS];
extern struct file env_file;
extern struct dma_buf env_dmabuf;
/* PFNs that lie one behind the other: two for userspace's pages unless set */
extern unsigned int env_stride;
/* What happens before a page is pinned, if anything: it may be long in coming */
extern int (*env_pin)(void);
void env_memory_reset(void);
void env_memory_check(void);
bool env_is_pinned(unsigned long pfn);
/* From now on, pages of userspace's cannot be pinned any more */
void env_munmap(unsigned long user_page, unsigned long npages);
bool env_is_device_memory(unsigned long pfn);
bool env_may_map(unsigned long pfn);
/* The exporter takes its memory back; on return no device reaches it */
void env_revoke(void);
void env_give_back(void);
unsigned int env_revocations(void);
unsigned int env_revocations_before_map(void);
long env_charged(unsigned int task);

/* env_iommu.c */
extern struct device env_devices[ENV_DEVICES];

/**
 * struct env_iommu - how the IOMMU and its driver behave; reset to 0
 * @one_group: all devices share an IOMMU group
 * @pasids: PASIDs that each device has
 * @sw_msi: devices have a window for MSI doorbells
 * @settles_late: the first attach decides on a domain's format
 * @frees_table: as with generic_pt, a domain's table goes with it, whatever it maps
 * @keeps_queue: a device stays in the queue of page requests, as with AMD's
 * @mmio: vIOMMUs have MMIO for userspace
 * @in_use: PFN + 1 that a hardware queue works on
 */
extern struct env_iommu {
	bool one_group;
	unsigned int pasids;
	bool sw_msi;
	bool settles_late;
	bool frees_table;
	bool keeps_queue;
	bool mmio;
	unsigned long in_use[2];
} env_iommu;

/**
 * struct env_mmio - the MMIO of a vIOMMU
 * @offset: for mmap()
 * @mapped: how many VMAs show it
 * @gone: its vIOMMU is
 */
extern struct env_mmio {
	unsigned long offset;
	unsigned int mapped;
	bool gone;
} env_mmio;

/* Pages of IOVAs, a bit each, that a device has written to in any domain */
extern u64 env_dirty;
void env_iommu_reset(void);
void env_iommu_check(void);
/* Can a device reach the page through any domain, or what an IOTLB has? */
void env_assert_unreachable(unsigned long pfn, const char *why);
void env_assert_not_mapped(unsigned long first, unsigned long npages);
bool env_is_mapped(struct iommu_domain *domain, unsigned long index);
bool env_maps(unsigned int device, unsigned long iova_page);
struct iommu_domain *env_domain(unsigned int device);
/* A domain that no HWPT has, for the IOVA space alone */
struct iommu_domain *env_domain_new(void);
void env_domain_free(struct iommu_domain *domain);
/* A device asks for an MSI; its group's domain must lead to the doorbell */
int env_request_msi(unsigned int device);
/* A page request of a device; whether it was sent, as DMA is on */
bool env_page_request(unsigned int device, unsigned int group);
/* How often a page request was answered, and asked for */
extern unsigned int env_answers[16];
extern unsigned int env_requests[16];
/* Does the IOMMU driver have one of the device? */
bool env_has_vdevice(const struct iommufd_device *idev);

/* env_file.c */
extern struct file *env_iommufd;
void env_file_reset(void);
void env_file_check(void);
struct file *env_open(const char *name);
void env_close(struct file *file);
struct file *env_fd(int fd);
/* What a call on a descriptor holds until env_close(); NULL for a closed one */
struct file *env_use(struct file *file);
void env_close_fd(int fd);
/* Those whose file a subject has closed by itself */
void env_forget_fds(void);
void env_task_work(void);

/* Userspace's calls on env_iommufd; what they return is the ioctl's result */
int env_ioctl(unsigned int cmd, void *arg);
int env_ioctl_on(struct file *file, unsigned int cmd, void *arg);
struct iommufd_ctx *env_ctx(void);
u32 env_ioas_alloc(void);
int env_destroy(u32 id);
int env_map(u32 ioas, unsigned long iova, unsigned long npages,
	    unsigned long user_page);
/* Where there is room; @out_iova in bytes */
int env_map_anywhere(u32 ioas, unsigned long npages, unsigned long user_page,
		     unsigned long *out_iova);
int env_map_file(u32 ioas, int fd, unsigned long iova, unsigned long npages,
		 unsigned long file_page);
int env_unmap(u32 ioas, unsigned long iova, unsigned long npages);
int env_copy(u32 dst, unsigned long dst_iova, u32 src, unsigned long src_iova,
	     unsigned long npages);
int env_hwpt_alloc(u32 device, u32 pt_id, u32 flags, u32 fault, u32 *out_id);
int env_viommu_alloc(u32 device, u32 hwpt, u32 *out_id);
int env_vdevice_alloc(u32 viommu, u32 device, u64 virt_id, u32 *out_id);
int env_hw_queue_alloc(u32 viommu, unsigned long iova, unsigned long length,
		       u32 *out_id);
int env_fault_alloc(u32 *out_id, struct file **out_file);
int env_veventq_alloc(u32 viommu, u32 depth, u32 *out_id,
		      struct file **out_file);
int env_change_process(void);

#endif
