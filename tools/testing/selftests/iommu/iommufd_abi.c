// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rules that every ioctl follows (uAPI: "General ioctl format"): how long
 * its structure may be and what may be in it, and where it may be.
 */
#include "iommufd_abi.h"

#define MAX_FIELDS 4

/**
 * struct bad_field - a field, and a value that nobody has a meaning for
 * @offset: where in the structure
 * @width: bytes, 0 for the end of the list
 * @value: the value
 */
struct bad_field {
	size_t offset;
	size_t width;
	__u64 value;
};

FIXTURE(abi)
{
	struct scene scene;
	struct nest nest;
	struct scene_state empty;
	struct guarded arg;
	/* A correct structure for the ioctl */
	__u64 cmd[16];
};

/*
 * @fill: make a correct structure, and the objects that it needs
 * @undo: undo the call and @fill, so that the scene is as before
 * @result: of the correct call
 * @replies: the kernel writes to the structure
 * @sticks: it has happened, even where the reply does not get through
 * @fields: what must be refused
 * @ignored: what existing kernels ignore, though the uAPI reserves it
 */
FIXTURE_VARIANT(abi)
{
	unsigned long request;
	size_t size;
	size_t min_size;
	void (*fill)(struct scene *s, struct nest *n, void *cmd);
	void (*undo)(struct scene *s, struct nest *n, void *cmd);
	int result;
	bool replies;
	bool sticks;
	struct bad_field fields[MAX_FIELDS];
	struct bad_field ignored[MAX_FIELDS];
};

/* Fields of 32 bits */
#define RESERVED(_type, _field) { offsetof(struct _type, _field), 4, 1 }
#define FLAGS(_type, _field) { offsetof(struct _type, _field), 4, 1U << 31 }

/* Where a member ends */
#define END_OF(_type, _last, _size) (offsetof(struct _type, _last) + (_size))

static void set_size(void *cmd, __u32 size)
{
	memcpy(cmd, &size, sizeof(size));
}

FIXTURE_VARIANT_ADD(abi, destroy) {
	.request = IOMMU_DESTROY,
	.size = sizeof(struct iommu_destroy),
	.min_size = END_OF(iommu_destroy, id, 4),
	.fill = fill_destroy,
	.undo = undo_nothing,
};

FIXTURE_VARIANT_ADD(abi, ioas_alloc) {
	.request = IOMMU_IOAS_ALLOC,
	.size = sizeof(struct iommu_ioas_alloc),
	.min_size = END_OF(iommu_ioas_alloc, out_ioas_id, 4),
	.fill = fill_ioas_alloc,
	.undo = undo_ioas_alloc,
	.replies = true,
	.fields = { FLAGS(iommu_ioas_alloc, flags) },
};

FIXTURE_VARIANT_ADD(abi, allow_iovas) {
	.request = IOMMU_IOAS_ALLOW_IOVAS,
	.size = sizeof(struct iommu_ioas_allow_iovas),
	.min_size = END_OF(iommu_ioas_allow_iovas, allowed_iovas, 8),
	.fill = fill_allow_iovas,
	.undo = undo_allow_iovas,
	.fields = { RESERVED(iommu_ioas_allow_iovas, __reserved) },
};

FIXTURE_VARIANT_ADD(abi, copy) {
	.request = IOMMU_IOAS_COPY,
	.size = sizeof(struct iommu_ioas_copy),
	.min_size = END_OF(iommu_ioas_copy, src_iova, 8),
	.fill = fill_copy,
	.undo = undo_map,
	.fields = { FLAGS(iommu_ioas_copy, flags) },
};

FIXTURE_VARIANT_ADD(abi, map) {
	.request = IOMMU_IOAS_MAP,
	.size = sizeof(struct iommu_ioas_map),
	.min_size = END_OF(iommu_ioas_map, iova, 8),
	.fill = fill_map,
	.undo = undo_map,
	.fields = { FLAGS(iommu_ioas_map, flags),
		    RESERVED(iommu_ioas_map, __reserved) },
};

FIXTURE_VARIANT_ADD(abi, map_file) {
	.request = IOMMU_IOAS_MAP_FILE,
	.size = sizeof(struct iommu_ioas_map_file),
	.min_size = END_OF(iommu_ioas_map_file, iova, 8),
	.fill = fill_map_file,
	.undo = undo_map,
	.fields = { FLAGS(iommu_ioas_map_file, flags) },
};

FIXTURE_VARIANT_ADD(abi, iova_ranges) {
	.request = IOMMU_IOAS_IOVA_RANGES,
	.size = sizeof(struct iommu_ioas_iova_ranges),
	.min_size = END_OF(iommu_ioas_iova_ranges, out_iova_alignment, 8),
	.fill = fill_iova_ranges,
	.undo = undo_nothing,
	.replies = true,
	.fields = { RESERVED(iommu_ioas_iova_ranges, __reserved) },
};

FIXTURE_VARIANT_ADD(abi, unmap) {
	.request = IOMMU_IOAS_UNMAP,
	.size = sizeof(struct iommu_ioas_unmap),
	.min_size = END_OF(iommu_ioas_unmap, length, 8),
	.fill = fill_unmap,
	.undo = undo_map,
	.replies = true,
	.sticks = true,
};

FIXTURE_VARIANT_ADD(abi, option) {
	.request = IOMMU_OPTION,
	.size = sizeof(struct iommu_option),
	.min_size = END_OF(iommu_option, val64, 8),
	.fill = fill_option,
	.undo = undo_nothing,
	.replies = true,
	.fields = { { offsetof(struct iommu_option, __reserved), 2, 1 },
		    { offsetof(struct iommu_option, op), 2, 2 },
		    { offsetof(struct iommu_option, option_id), 4, 2 } },
};

FIXTURE_VARIANT_ADD(abi, vfio_ioas) {
	.request = IOMMU_VFIO_IOAS,
	.size = sizeof(struct iommu_vfio_ioas),
	.min_size = END_OF(iommu_vfio_ioas, __reserved, 2),
	.fill = fill_vfio_ioas,
	.undo = undo_vfio_ioas,
	.replies = true,
	.fields = { { offsetof(struct iommu_vfio_ioas, __reserved), 2, 1 },
		    { offsetof(struct iommu_vfio_ioas, op), 2, 3 } },
};

FIXTURE_VARIANT_ADD(abi, hwpt_alloc) {
	.request = IOMMU_HWPT_ALLOC,
	.size = sizeof(struct iommu_hwpt_alloc),
	.min_size = END_OF(iommu_hwpt_alloc, __reserved, 4),
	.fill = fill_hwpt_alloc,
	.undo = undo_hwpt_alloc,
	.replies = true,
	.fields = { FLAGS(iommu_hwpt_alloc, flags),
		    RESERVED(iommu_hwpt_alloc, __reserved) },
	.ignored = { RESERVED(iommu_hwpt_alloc, __reserved2),
		     RESERVED(iommu_hwpt_alloc, data_uptr) },
};

FIXTURE_VARIANT_ADD(abi, set_dirty) {
	.request = IOMMU_HWPT_SET_DIRTY_TRACKING,
	.size = sizeof(struct iommu_hwpt_set_dirty_tracking),
	.min_size = END_OF(iommu_hwpt_set_dirty_tracking, __reserved, 4),
	.fill = fill_set_dirty,
	.undo = undo_nothing,
	.fields = { FLAGS(iommu_hwpt_set_dirty_tracking, flags) },
	.ignored = { RESERVED(iommu_hwpt_set_dirty_tracking, __reserved) },
};

FIXTURE_VARIANT_ADD(abi, get_dirty) {
	.request = IOMMU_HWPT_GET_DIRTY_BITMAP,
	.size = sizeof(struct iommu_hwpt_get_dirty_bitmap),
	.min_size = END_OF(iommu_hwpt_get_dirty_bitmap, data, 8),
	.fill = fill_get_dirty,
	.undo = undo_nothing,
	.fields = { FLAGS(iommu_hwpt_get_dirty_bitmap, flags),
		    RESERVED(iommu_hwpt_get_dirty_bitmap, __reserved) },
};

FIXTURE_VARIANT_ADD(abi, invalidate) {
	.request = IOMMU_HWPT_INVALIDATE,
	.size = sizeof(struct iommu_hwpt_invalidate),
	.min_size = END_OF(iommu_hwpt_invalidate, __reserved, 4),
	.fill = fill_invalidate,
	.undo = undo_nothing,
	.replies = true,
	.sticks = true,
	.fields = { RESERVED(iommu_hwpt_invalidate, __reserved) },
};

FIXTURE_VARIANT_ADD(abi, hw_info) {
	.request = IOMMU_GET_HW_INFO,
	.size = sizeof(struct iommu_hw_info),
	.min_size = END_OF(iommu_hw_info, __reserved, 3),
	.fill = fill_hw_info,
	.undo = undo_nothing,
	.replies = true,
	.fields = { FLAGS(iommu_hw_info, flags),
		    { offsetof(struct iommu_hw_info, __reserved), 1, 1 },
		    { offsetof(struct iommu_hw_info, __reserved) + 2, 1, 1 } },
};

FIXTURE_VARIANT_ADD(abi, fault) {
	.request = IOMMU_FAULT_QUEUE_ALLOC,
	.size = sizeof(struct iommu_fault_alloc),
	.min_size = END_OF(iommu_fault_alloc, out_fault_fd, 4),
	.fill = fill_fault,
	.undo = undo_fault,
	.replies = true,
	.fields = { FLAGS(iommu_fault_alloc, flags) },
};

FIXTURE_VARIANT_ADD(abi, viommu) {
	.request = IOMMU_VIOMMU_ALLOC,
	.size = sizeof(struct iommu_viommu_alloc),
	.min_size = END_OF(iommu_viommu_alloc, out_viommu_id, 4),
	.fill = fill_viommu,
	.undo = undo_viommu,
	.replies = true,
	.fields = { FLAGS(iommu_viommu_alloc, flags) },
	.ignored = { RESERVED(iommu_viommu_alloc, __reserved) },
};

FIXTURE_VARIANT_ADD(abi, vdevice) {
	.request = IOMMU_VDEVICE_ALLOC,
	.size = sizeof(struct iommu_vdevice_alloc),
	.min_size = END_OF(iommu_vdevice_alloc, virt_id, 8),
	.fill = fill_vdevice,
	.undo = undo_vdevice,
	.replies = true,
};

FIXTURE_VARIANT_ADD(abi, veventq) {
	.request = IOMMU_VEVENTQ_ALLOC,
	.size = sizeof(struct iommu_veventq_alloc),
	.min_size = END_OF(iommu_veventq_alloc, out_veventq_fd, 4),
	.fill = fill_veventq,
	.undo = undo_veventq,
	.replies = true,
	.fields = { FLAGS(iommu_veventq_alloc, flags),
		    RESERVED(iommu_veventq_alloc, __reserved) },
};

FIXTURE_VARIANT_ADD(abi, hw_queue) {
	.request = IOMMU_HW_QUEUE_ALLOC,
	.size = sizeof(struct iommu_hw_queue_alloc),
	.min_size = END_OF(iommu_hw_queue_alloc, length, 8),
	.fill = fill_hw_queue,
	.undo = undo_hw_queue,
	.replies = true,
	.fields = { FLAGS(iommu_hw_queue_alloc, flags) },
};

FIXTURE_VARIANT_ADD(abi, change_process) {
	.request = IOMMU_IOAS_CHANGE_PROCESS,
	.size = sizeof(struct iommu_ioas_change_process),
	.min_size = END_OF(iommu_ioas_change_process, __reserved, 4),
	.fill = fill_change_process,
	.undo = undo_nothing,
	.result = -EINVAL,
	.fields = { RESERVED(iommu_ioas_change_process, __reserved) },
};

FIXTURE_VARIANT_ADD(abi, get_pa) {
	.request = IOMMU_IOAS_NOIOMMU_GET_PA,
	.size = sizeof(struct iommu_ioas_noiommu_get_pa),
	.min_size = END_OF(iommu_ioas_noiommu_get_pa, out_phys, 8),
	.fill = fill_get_pa,
	.undo = undo_nothing,
	.result = -EOPNOTSUPP,
	.fields = { FLAGS(iommu_ioas_noiommu_get_pa, flags),
		    RESERVED(iommu_ioas_noiommu_get_pa, __reserved) },
};

FIXTURE_SETUP(abi)
{
	struct scene *s = &self->scene;
	struct nest *n = &self->nest;
	__u32 flags = IOMMU_HWPT_ALLOC_NEST_PARENT |
		      IOMMU_HWPT_ALLOC_DIRTY_TRACKING;

	scene_setup(_metadata, s);
	n->file = memfd_create("abi", MFD_CLOEXEC);
	ASSERT_LE(0, n->file);
	ASSERT_EQ(0, ftruncate(n->file, page));
	CALL(hwpt_alloc(s->fd, s->dev.idev, s->ioas, flags, &n->parent));
	CALL(viommu_alloc(s->fd, s->dev.idev, n->parent, &n->viommu));
	CALL(hwpt_alloc_nested(s->fd, s->dev.idev, n->viommu, 0, 0,
			       &n->nested));
	self->arg = guarded_new();

	scene_look(s, &self->empty);
	variant->fill(s, n, self->cmd);
	scene_remember(s);
}

FIXTURE_TEARDOWN(abi)
{
	struct scene *s = &self->scene;

	EXPECT_EQ(0, object_destroy(s->fd, self->nest.nested));
	EXPECT_EQ(0, object_destroy(s->fd, self->nest.viommu));
	EXPECT_EQ(0, object_destroy(s->fd, self->nest.parent));
	guarded_free(&self->arg);
	close(self->nest.file);
	scene_teardown(_metadata, s);
}

/* Make the correct call; afterwards it is as if nothing had been */
static void call_and_undo(struct __test_metadata *_metadata,
			  struct _test_data_abi *self,
			  const struct _fixture_variant_abi *variant, void *cmd)
{
	struct scene *s = &self->scene;

	EXPECT_EQ(variant->result, iommu_call(s->fd, variant->request, cmd));
	variant->undo(s, &self->nest, cmd);
	s->before = self->empty;
	scene_compare(_metadata, s, __LINE__);
}

/* A structure of the given size, right in front of inaccessible memory */
static void *abi_arg(struct _test_data_abi *self, size_t size, size_t space)
{
	char *cmd = guarded_tail(&self->arg, space);

	memcpy(cmd, self->cmd, space);
	set_size(cmd, size);
	return cmd;
}

TEST_F(abi, too_short)
{
	const size_t sizes[] = { 0, 1, 4, variant->min_size - 1 };
	struct scene *s = &self->scene;
	unsigned int i;

	for (i = 0; i != ARRAY_SIZE(sizes); i++) {
		REFUSED(EINVAL, iommu_call(s->fd, variant->request,
					   abi_arg(self, sizes[i],
						   variant->size)));
	}
	/* There need not be more memory than that */
	REFUSED(EINVAL, iommu_call(s->fd, variant->request,
				   abi_arg(self, 4, 4)));
	call_and_undo(_metadata, self, variant, self->cmd);
}

TEST_F(abi, first_version)
{
	struct scene *s = &self->scene;
	__u64 before[ARRAY_SIZE(self->cmd)];

	/* What the first kernel with this ioctl did not have stays untouched */
	set_size(self->cmd, variant->min_size);
	memset((char *)self->cmd + variant->min_size, 0xa5,
	       sizeof(self->cmd) - variant->min_size);
	memcpy(before, self->cmd, sizeof(before));
	EXPECT_EQ(variant->result,
		  iommu_call(s->fd, variant->request, self->cmd));
	EXPECT_EQ(0, memcmp((char *)before + variant->min_size,
			    (char *)self->cmd + variant->min_size,
			    sizeof(before) - variant->min_size));
	variant->undo(s, &self->nest, self->cmd);
	s->before = self->empty;
	scene_compare(_metadata, s, __LINE__);
}

TEST_F(abi, from_the_future)
{
	struct scene *s = &self->scene;
	char *cmd = (char *)self->cmd;

	set_size(cmd, variant->size + 1);
	cmd[variant->size] = 1;
	REFUSED(E2BIG, iommu_call(s->fd, variant->request, cmd));
	set_size(cmd, sizeof(self->cmd));
	REFUSED(E2BIG, iommu_call(s->fd, variant->request, cmd));
	cmd[variant->size] = 0;
	cmd[sizeof(self->cmd) - 1] = 1;
	REFUSED(E2BIG, iommu_call(s->fd, variant->request, cmd));

	/* All zeroes mean that nothing is asked for */
	cmd[sizeof(self->cmd) - 1] = 0;
	call_and_undo(_metadata, self, variant, cmd);
}

TEST_F(abi, bad_pointer)
{
	struct scene *s = &self->scene;
	unsigned long request = variant->request;

	REFUSED(EFAULT, iommu_call(s->fd, request, NULL));
	REFUSED(EFAULT, iommu_call(s->fd, request, self->arg.base + page));
	REFUSED(EFAULT, iommu_call(s->fd, request, (void *)~0UL));
	REFUSED(EFAULT, iommu_call(s->fd, request, (void *)(1UL << 63)));
	/* The structure ends, or its tail, behind the end of memory */
	REFUSED(EFAULT, iommu_call(s->fd, request,
				   abi_arg(self, variant->size, 4)));
	REFUSED(EFAULT, iommu_call(s->fd, request,
				   abi_arg(self, variant->size + 1,
					   variant->size)));
	call_and_undo(_metadata, self, variant, self->cmd);
}

static void set_field(void *cmd, const struct bad_field *field)
{
	char *ptr = (char *)cmd + field->offset;

	if (field->width == 1)
		*(__u8 *)ptr = field->value;
	else if (field->width == 2)
		*(__u16 *)ptr = field->value;
	else
		*(__u32 *)ptr = field->value;
}

TEST_F(abi, bad_fields)
{
	struct scene *s = &self->scene;
	unsigned int i;

	for (i = 0; i != MAX_FIELDS && variant->fields[i].width; i++) {
		__u64 cmd[ARRAY_SIZE(self->cmd)];

		memcpy(cmd, self->cmd, sizeof(cmd));
		set_field(cmd, &variant->fields[i]);
		REFUSED(EOPNOTSUPP, iommu_call(s->fd, variant->request, cmd));
	}
	call_and_undo(_metadata, self, variant, self->cmd);
}

/* A program that leaves something there runs on other kernels */
TEST_F(abi, ignored_fields)
{
	unsigned int i;

	for (i = 0; i != MAX_FIELDS && variant->ignored[i].width; i++)
		set_field(self->cmd, &variant->ignored[i]);
	call_and_undo(_metadata, self, variant, self->cmd);
}

TEST_F(abi, read_only_structure)
{
	struct scene *s = &self->scene;
	void *cmd = abi_arg(self, variant->size, variant->size);

	guarded_write_protect(&self->arg);
	if (!variant->replies) {
		EXPECT_EQ(variant->result,
			  iommu_call(s->fd, variant->request, cmd));
	} else if (variant->sticks) {
		EXPECT_EQ(-EFAULT, iommu_call(s->fd, variant->request, cmd));
	} else {
		REFUSED(EFAULT, iommu_call(s->fd, variant->request, cmd));
		call_and_undo(_metadata, self, variant, self->cmd);
		return;
	}
	variant->undo(s, &self->nest, self->cmd);
	s->before = self->empty;
	scene_compare(_metadata, s, __LINE__);
}

FIXTURE(numbers)
{
	struct scene scene;
};

FIXTURE_SETUP(numbers)
{
	scene_setup(_metadata, &self->scene);
}

FIXTURE_TEARDOWN(numbers)
{
	scene_teardown(_metadata, &self->scene);
}

TEST_F(numbers, unknown)
{
	struct scene *s = &self->scene;
	__u64 cmd[16] = { sizeof(cmd) };

	REFUSED(ENOTTY, iommu_call(s->fd, _IO(IOMMUFD_TYPE, 0x96), cmd));
	REFUSED(ENOTTY, iommu_call(s->fd, _IO(IOMMUFD_TYPE, 0x9f), cmd));
	REFUSED(ENOTTY, iommu_call(s->fd, _IO(IOMMUFD_TYPE, 0xff), cmd));
	REFUSED(ENOTTY, iommu_call(s->fd, _IO(':', IOMMUFD_CMD_IOAS_ALLOC),
				   cmd));
	REFUSED(ENOTTY, iommu_call(s->fd, _IOR(IOMMUFD_TYPE,
					       IOMMUFD_CMD_IOAS_ALLOC, __u32),
				   cmd));
	REFUSED(ENOTTY, iommu_call(s->fd, IOMMU_IOAS_ALLOC | 1UL << 31, cmd));
}

TEST_F(numbers, not_a_stream)
{
	struct scene *s = &self->scene;
	char byte;

	EXPECT_EQ(-1, read(s->fd, &byte, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, write(s->fd, &byte, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED,
		  mmap(NULL, page, PROT_READ, MAP_SHARED, s->fd, 0));
	EXPECT_EQ(MAP_FAILED,
		  mmap(NULL, page, PROT_READ, MAP_SHARED, s->fd, page));
	scene_compare(_metadata, s, __LINE__);
}

TEST_HARNESS_MAIN
