/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For each ioctl, a correct call in a scene: what it needs, and how to undo it.
 */
#ifndef IOMMUFD_ABI_H
#define IOMMUFD_ABI_H

#include "iommufd_check.h"

/**
 * struct nest - what the scene has in addition
 * @parent: a HWPT that can be a nesting parent, and tracks dirty pages
 * @viommu: on @parent
 * @nested: a nested HWPT of @viommu
 * @buffer: for what a structure points to
 * @file: a memfd of one page
 */
struct nest {
	__u32 parent;
	__u32 viommu;
	__u32 nested;
	__u64 buffer[8];
	int file;
};

static inline void undo_nothing(struct scene *s, struct nest *n, void *cmd)
{
}

/* IOMMU_DESTROY */
static inline void fill_destroy(struct scene *s, struct nest *n, void *cmd)
{
	struct iommu_destroy arg = { .size = sizeof(arg) };

	ioas_alloc(s->fd, &arg.id);
	memcpy(cmd, &arg, sizeof(arg));
}

/* IOMMU_IOAS_ALLOC */
static inline void fill_ioas_alloc(struct scene *s, struct nest *n, void *cmd)
{
	struct iommu_ioas_alloc arg = {
		.size = sizeof(arg),
	};

	memcpy(cmd, &arg, sizeof(arg));
}

static inline void undo_ioas_alloc(struct scene *s, struct nest *n, void *cmd)
{
	object_destroy(s->fd, ((struct iommu_ioas_alloc *)cmd)->out_ioas_id);
}

/* IOMMU_IOAS_ALLOW_IOVAS */
static inline void fill_allow_iovas(struct scene *s, struct nest *n, void *cmd)
{
	struct iommu_ioas_allow_iovas arg = {
		.size = sizeof(arg),
		.ioas_id = s->ioas,
		.num_iovas = 1,
		.allowed_iovas = to_u64(n->buffer),
	};

	n->buffer[0] = scene_iova(0);
	n->buffer[1] = scene_iova(SCENE_PAGES) - 1;
	memcpy(cmd, &arg, sizeof(arg));
}

static inline void undo_allow_iovas(struct scene *s, struct nest *n, void *cmd)
{
	ioas_allow(s->fd, s->ioas, NULL, 0);
}

/* IOMMU_IOAS_COPY, IOMMU_IOAS_MAP, IOMMU_IOAS_MAP_FILE */
static inline void fill_copy(struct scene *s, struct nest *n, void *cmd)
{
	struct iommu_ioas_copy arg = {
		.size = sizeof(arg),
		.flags = MAP_RW_AT,
		.dst_ioas_id = s->ioas,
		.src_ioas_id = s->ioas,
		.length = 4 * page,
		.dst_iova = scene_iova(10),
		.src_iova = scene_iova(1),
	};

	memcpy(cmd, &arg, sizeof(arg));
}

static inline void fill_map(struct scene *s, struct nest *n, void *cmd)
{
	struct iommu_ioas_map arg = {
		.size = sizeof(arg),
		.flags = MAP_RW_AT,
		.ioas_id = s->ioas,
		.user_va = to_u64(scene_mem(s, 6)),
		.length = page,
		.iova = scene_iova(10),
	};

	memcpy(cmd, &arg, sizeof(arg));
}

static inline void fill_map_file(struct scene *s, struct nest *n, void *cmd)
{
	struct iommu_ioas_map_file arg = {
		.size = sizeof(arg),
		.flags = MAP_RW_AT,
		.ioas_id = s->ioas,
		.fd = n->file,
		.length = page,
		.iova = scene_iova(10),
	};

	memcpy(cmd, &arg, sizeof(arg));
}

static inline void undo_map(struct scene *s, struct nest *n, void *cmd)
{
	ioas_unmap(s->fd, s->ioas, scene_iova(10), 8 * page);
}

/* IOMMU_IOAS_IOVA_RANGES */
static inline void fill_iova_ranges(struct scene *s, struct nest *n, void *cmd)
{
	struct iommu_ioas_iova_ranges arg = {
		.size = sizeof(arg),
		.ioas_id = s->ioas,
		.num_iovas = 4,
		.allowed_iovas = to_u64(n->buffer),
	};

	memcpy(cmd, &arg, sizeof(arg));
}

/* IOMMU_IOAS_UNMAP: nothing is mapped again where the reply is lost */
static inline void fill_unmap(struct scene *s, struct nest *n, void *cmd)
{
	struct iommu_ioas_unmap arg = {
		.size = sizeof(arg),
		.ioas_id = s->ioas,
		.iova = scene_iova(10),
		.length = page,
	};

	ioas_map_at(s->fd, s->ioas, scene_mem(s, 6), page, scene_iova(10));
	memcpy(cmd, &arg, sizeof(arg));
}

/* IOMMU_OPTION, IOMMU_VFIO_IOAS */
static inline void fill_option(struct scene *s, struct nest *n, void *cmd)
{
	struct iommu_option arg = {
		.size = sizeof(arg),
		.option_id = IOMMU_OPTION_HUGE_PAGES,
		.op = IOMMU_OPTION_OP_GET,
		.object_id = s->ioas,
	};

	memcpy(cmd, &arg, sizeof(arg));
}

static inline void fill_vfio_ioas(struct scene *s, struct nest *n, void *cmd)
{
	struct iommu_vfio_ioas arg = {
		.size = sizeof(arg),
		.op = IOMMU_VFIO_IOAS_GET,
	};

	vfio_ioas(s->fd, IOMMU_VFIO_IOAS_SET, &s->ioas);
	memcpy(cmd, &arg, sizeof(arg));
}

static inline void undo_vfio_ioas(struct scene *s, struct nest *n, void *cmd)
{
	vfio_ioas(s->fd, IOMMU_VFIO_IOAS_CLEAR, &s->ioas);
}

/* IOMMU_HWPT_* */
static inline void fill_hwpt_alloc(struct scene *s, struct nest *n, void *cmd)
{
	struct iommu_hwpt_alloc arg = {
		.size = sizeof(arg),
		.dev_id = s->dev.idev,
		.pt_id = s->ioas,
	};

	memcpy(cmd, &arg, sizeof(arg));
}

static inline void undo_hwpt_alloc(struct scene *s, struct nest *n, void *cmd)
{
	object_destroy(s->fd, ((struct iommu_hwpt_alloc *)cmd)->out_hwpt_id);
}

static inline void fill_set_dirty(struct scene *s, struct nest *n, void *cmd)
{
	struct iommu_hwpt_set_dirty_tracking arg = {
		.size = sizeof(arg),
		.hwpt_id = n->parent,
	};

	memcpy(cmd, &arg, sizeof(arg));
}

static inline void fill_get_dirty(struct scene *s, struct nest *n, void *cmd)
{
	struct iommu_hwpt_get_dirty_bitmap arg = {
		.size = sizeof(arg),
		.hwpt_id = n->parent,
		.iova = scene_iova(1),
		.length = 4 * page,
		.page_size = page,
		.data = to_u64(n->buffer),
	};

	memcpy(cmd, &arg, sizeof(arg));
}

static inline void fill_invalidate(struct scene *s, struct nest *n, void *cmd)
{
	struct iommu_hwpt_invalidate arg = {
		.size = sizeof(arg),
		.hwpt_id = n->nested,
		.data_uptr = to_u64(n->buffer),
		.data_type = IOMMU_HWPT_INVALIDATE_DATA_SELFTEST,
		.entry_len = sizeof(struct iommu_hwpt_invalidate_selftest),
		.entry_num = 1,
	};

	memset(n->buffer, 0, sizeof(n->buffer));
	memcpy(cmd, &arg, sizeof(arg));
}

/* IOMMU_GET_HW_INFO */
static inline void fill_hw_info(struct scene *s, struct nest *n, void *cmd)
{
	struct iommu_hw_info arg = {
		.size = sizeof(arg),
		.dev_id = s->dev.idev,
		.data_len = sizeof(n->buffer),
		.data_uptr = to_u64(n->buffer),
	};

	memcpy(cmd, &arg, sizeof(arg));
}

/* IOMMU_FAULT_QUEUE_ALLOC */
static inline void fill_fault(struct scene *s, struct nest *n, void *cmd)
{
	struct iommu_fault_alloc arg = {
		.size = sizeof(arg),
	};

	memcpy(cmd, &arg, sizeof(arg));
}

static inline void undo_fault(struct scene *s, struct nest *n, void *cmd)
{
	struct iommu_fault_alloc *fault = cmd;

	close(fault->out_fault_fd);
	object_destroy(s->fd, fault->out_fault_id);
}

/* IOMMU_VIOMMU_ALLOC and what belongs to a vIOMMU */
static inline void fill_viommu(struct scene *s, struct nest *n, void *cmd)
{
	struct iommu_viommu_alloc arg = {
		.size = sizeof(arg),
		.type = IOMMU_VIOMMU_TYPE_SELFTEST,
		.dev_id = s->dev.idev,
		.hwpt_id = n->parent,
	};

	memcpy(cmd, &arg, sizeof(arg));
}

static inline void undo_viommu(struct scene *s, struct nest *n, void *cmd)
{
	object_destroy(s->fd, ((struct iommu_viommu_alloc *)cmd)->out_viommu_id);
}

static inline void fill_vdevice(struct scene *s, struct nest *n, void *cmd)
{
	struct iommu_vdevice_alloc arg = {
		.size = sizeof(arg),
		.viommu_id = n->viommu,
		.dev_id = s->dev.idev,
		.virt_id = 7,
	};

	memcpy(cmd, &arg, sizeof(arg));
}

static inline void undo_vdevice(struct scene *s, struct nest *n, void *cmd)
{
	object_destroy(s->fd,
		       ((struct iommu_vdevice_alloc *)cmd)->out_vdevice_id);
}

static inline void fill_veventq(struct scene *s, struct nest *n, void *cmd)
{
	struct iommu_veventq_alloc arg = {
		.size = sizeof(arg),
		.viommu_id = n->viommu,
		.type = IOMMU_VEVENTQ_TYPE_SELFTEST,
		.veventq_depth = 2,
	};

	memcpy(cmd, &arg, sizeof(arg));
}

static inline void undo_veventq(struct scene *s, struct nest *n, void *cmd)
{
	struct iommu_veventq_alloc *veventq = cmd;

	close(veventq->out_veventq_fd);
	object_destroy(s->fd, veventq->out_veventq_id);
}

static inline void fill_hw_queue(struct scene *s, struct nest *n, void *cmd)
{
	struct iommu_hw_queue_alloc arg = {
		.size = sizeof(arg),
		.viommu_id = n->viommu,
		.type = IOMMU_HW_QUEUE_TYPE_SELFTEST,
		.nesting_parent_iova = scene_iova(1),
		.length = page,
	};

	memcpy(cmd, &arg, sizeof(arg));
}

static inline void undo_hw_queue(struct scene *s, struct nest *n, void *cmd)
{
	object_destroy(s->fd,
		       ((struct iommu_hw_queue_alloc *)cmd)->out_hw_queue_id);
}

/* IOMMU_IOAS_CHANGE_PROCESS: the scene has mappings that forbid it */
static inline void fill_change_process(struct scene *s, struct nest *n, void *cmd)
{
	struct iommu_ioas_change_process arg = {
		.size = sizeof(arg),
	};

	memcpy(cmd, &arg, sizeof(arg));
}

/* IOMMU_IOAS_NOIOMMU_GET_PA: the scene has a device with an IOMMU */
static inline void fill_get_pa(struct scene *s, struct nest *n, void *cmd)
{
	struct iommu_ioas_noiommu_get_pa arg = {
		.size = sizeof(arg),
		.ioas_id = s->ioas,
		.iova = scene_iova(1),
		.length = page,
	};

	memcpy(cmd, &arg, sizeof(arg));
}

#endif
