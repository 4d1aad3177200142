// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files and their descriptors, and userspace's calls. A file is released, as in
 * the kernel, when the call that put the last reference returns.
 */
#include "env.h"

#define FDS 16

struct file *env_iommufd;

static struct miscdevice *iommu_dev, *vfio_dev;
static struct device misc_device = { .name = "iommu" };
static struct file *fds[FDS];
static bool fd_reserved[FDS];
static unsigned int open_files;
/* Files without references, to be released */
static struct file *released[FDS];
static unsigned int num_released;

int misc_register(struct miscdevice *misc)
{
	misc->this_device = &misc_device;
	if (misc->minor == VFIO_MINOR)
		vfio_dev = misc;
	else
		iommu_dev = misc;
	return 0;
}

void misc_deregister(struct miscdevice *misc)
{
}

/* Once: what it allocates stays, and is not counted */
static void __attribute__((constructor)) load_module(void)
{
	shim_init_module();
}

void env_file_reset(void)
{
	memset(fds, 0, sizeof(fds));
	memset(fd_reserved, 0, sizeof(fd_reserved));
	open_files = 0;
	num_released = 0;
	env_iommufd = NULL;
}

void env_file_check(void)
{
	unsigned int i;

	env_task_work();
	for (i = 0; i != FDS; i++)
		IL_ASSERT(!fds[i] && !fd_reserved[i], "descriptor %u is left", i);
	IL_ASSERT(!open_files, "%u files are left open", open_files);
}

static struct file *file_new(const struct file_operations *fops, void *priv)
{
	struct file *file = kzalloc_obj(*file);

	if (!file)
		return ERR_PTR(-ENOMEM);
	file->f_op = fops;
	file->private_data = priv;
	file->f_mode = FMODE_READ | FMODE_WRITE;
	file->f_mapping = env_file.f_mapping;
	refcount_set(&file->refs, 1);
	open_files++;
	return file;
}

/**
 * env_open() - Open a device
 * @name: "iommu", or "vfio" for the container
 *
 * Return: the file; env_close() is its close().
 */
struct file *env_open(const char *name)
{
	struct miscdevice *misc = strcmp(name, "vfio") ? iommu_dev : vfio_dev;
	struct file *file = file_new(misc->fops, misc);

	IL_ASSERT(!IS_ERR(file) && !file->f_op->open(NULL, file), "open");
	return file;
}

void env_close(struct file *file)
{
	fput(file);
	env_task_work();
}

void fput(struct file *file)
{
	if (!refcount_dec_and_test(&file->refs))
		return;
	IL_ASSERT(num_released != FDS, "too many files are put");
	released[num_released++] = file;
}

void env_task_work(void)
{
	struct file *file;

	while (num_released) {
		file = released[--num_released];
		if (file->f_op->release)
			file->f_op->release(NULL, file);
		open_files--;
		kfree(file);
	}
}

struct file *fget(unsigned int fd)
{
	if (fd == ENV_FD_FILE)
		return get_file(&env_file);
	return fd < FDS && fds[fd] ? get_file(fds[fd]) : NULL;
}

struct fd fdget(unsigned int fd)
{
	struct file *file = fget(fd);

	return file ? CLONED_FD(file) : EMPTY_FD;
}

int get_unused_fd_flags(unsigned int flags)
{
	int fd;

	if (shim_fail("get_unused_fd"))
		return -ENOMEM;
	for (fd = 0; fd != FDS; fd++) {
		if (!fd_reserved[fd]) {
			fd_reserved[fd] = true;
			return fd;
		}
	}
	return -ENFILE;
}

void put_unused_fd(unsigned int fd)
{
	fd_reserved[fd] = false;
}

void fd_install(unsigned int fd, struct file *file)
{
	shim_point("fd_install", file);
	fds[fd] = file;
}

struct file *anon_inode_getfile(const char *name,
				const struct file_operations *fops, void *priv,
				int flags)
{
	return file_new(fops, priv);
}

struct file *env_fd(int fd)
{
	return fds[fd];
}

struct file *env_use(struct file *file)
{
	/* One step: the table of descriptors has a reference */
	if (file)
		file->refs.refs.counter++;
	return file;
}

void env_close_fd(int fd)
{
	struct file *file = fds[fd];

	fds[fd] = NULL;
	fd_reserved[fd] = false;
	env_close(file);
}

void env_forget_fds(void)
{
	memset(fds, 0, sizeof(fds));
	memset(fd_reserved, 0, sizeof(fd_reserved));
}

int env_ioctl_on(struct file *file, unsigned int cmd, void *arg)
{
	int rc = file->f_op->unlocked_ioctl(file, cmd, (unsigned long)arg);

	/* What it put is released on the way back to userspace */
	env_task_work();
	return rc;
}

int env_ioctl(unsigned int cmd, void *arg)
{
	return env_ioctl_on(env_iommufd, cmd, arg);
}

struct iommufd_ctx *env_ctx(void)
{
	return env_iommufd->private_data;
}

u32 env_ioas_alloc(void)
{
	struct iommu_ioas_alloc cmd = { .size = sizeof(cmd) };
	int rc = env_ioctl(IOMMU_IOAS_ALLOC, &cmd);

	il_log("IOAS_ALLOC = %d, %u", rc, cmd.out_ioas_id);
	return rc ? 0 : cmd.out_ioas_id;
}

int env_destroy(u32 id)
{
	struct iommu_destroy cmd = { .size = sizeof(cmd), .id = id };
	int rc = env_ioctl(IOMMU_DESTROY, &cmd);

	il_log("DESTROY(%u) = %d", id, rc);
	return rc;
}

static int do_map(struct iommu_ioas_map *cmd, unsigned long npages,
		  unsigned long user_page)
{
	cmd->size = sizeof(*cmd);
	cmd->flags |= IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE;
	cmd->user_va = P(user_page);
	cmd->length = P(npages);
	return env_ioctl(IOMMU_IOAS_MAP, cmd);
}

int env_map(u32 ioas, unsigned long iova, unsigned long npages,
	    unsigned long user_page)
{
	struct iommu_ioas_map cmd = {
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA,
		.ioas_id = ioas,
		.iova = P(iova),
	};
	int rc = do_map(&cmd, npages, user_page);

	il_log("MAP(%u, %lu+%lu) = %d", ioas, iova, npages, rc);
	return rc;
}

int env_map_anywhere(u32 ioas, unsigned long npages, unsigned long user_page,
		     unsigned long *out_iova)
{
	struct iommu_ioas_map cmd = { .ioas_id = ioas };
	int rc = do_map(&cmd, npages, user_page);

	il_log("MAP(%u, anywhere) = %d, %llx", ioas, rc, cmd.iova);
	*out_iova = cmd.iova;
	return rc;
}

int env_map_file(u32 ioas, int fd, unsigned long iova, unsigned long npages,
		 unsigned long file_page)
{
	struct iommu_ioas_map_file cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 IOMMU_IOAS_MAP_WRITEABLE,
		.ioas_id = ioas,
		.fd = fd,
		.start = P(file_page),
		.length = P(npages),
		.iova = P(iova),
	};
	int rc = env_ioctl(IOMMU_IOAS_MAP_FILE, &cmd);

	il_log("MAP_FILE(%u, %lu+%lu) = %d", ioas, iova, npages, rc);
	return rc;
}

int env_unmap(u32 ioas, unsigned long iova, unsigned long npages)
{
	struct iommu_ioas_unmap cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas,
		.iova = P(iova),
		.length = P(npages),
	};
	int rc = env_ioctl(IOMMU_IOAS_UNMAP, &cmd);

	il_log("UNMAP(%u, %lu+%lu) = %d", ioas, iova, npages, rc);
	return rc;
}

int env_copy(u32 dst, unsigned long dst_iova, u32 src, unsigned long src_iova,
	     unsigned long npages)
{
	struct iommu_ioas_copy cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 IOMMU_IOAS_MAP_WRITEABLE,
		.dst_ioas_id = dst,
		.src_ioas_id = src,
		.length = P(npages),
		.dst_iova = P(dst_iova),
		.src_iova = P(src_iova),
	};
	int rc = env_ioctl(IOMMU_IOAS_COPY, &cmd);

	il_log("COPY(%u, %lu, %u, %lu+%lu) = %d", dst, dst_iova, src, src_iova,
	       npages, rc);
	return rc;
}

int env_hwpt_alloc(u32 device, u32 pt_id, u32 flags, u32 fault, u32 *out_id)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = flags | (fault ? IOMMU_HWPT_FAULT_ID_VALID : 0),
		.dev_id = device,
		.pt_id = pt_id,
		.fault_id = fault,
	};
	int rc = env_ioctl(IOMMU_HWPT_ALLOC, &cmd);

	il_log("HWPT_ALLOC(%u) = %d, %u", pt_id, rc, cmd.out_hwpt_id);
	*out_id = rc ? 0 : cmd.out_hwpt_id;
	return rc;
}

int env_viommu_alloc(u32 device, u32 hwpt, u32 *out_id)
{
	struct iommu_viommu_alloc cmd = {
		.size = sizeof(cmd),
		.type = IOMMU_VIOMMU_TYPE_ARM_SMMUV3,
		.dev_id = device,
		.hwpt_id = hwpt,
	};
	int rc = env_ioctl(IOMMU_VIOMMU_ALLOC, &cmd);

	il_log("VIOMMU_ALLOC = %d, %u", rc, cmd.out_viommu_id);
	*out_id = rc ? 0 : cmd.out_viommu_id;
	return rc;
}

int env_vdevice_alloc(u32 viommu, u32 device, u64 virt_id, u32 *out_id)
{
	struct iommu_vdevice_alloc cmd = {
		.size = sizeof(cmd),
		.viommu_id = viommu,
		.dev_id = device,
		.virt_id = virt_id,
	};
	int rc = env_ioctl(IOMMU_VDEVICE_ALLOC, &cmd);

	il_log("VDEVICE_ALLOC = %d, %u", rc, cmd.out_vdevice_id);
	*out_id = rc ? 0 : cmd.out_vdevice_id;
	return rc;
}

int env_hw_queue_alloc(u32 viommu, unsigned long iova, unsigned long length,
		       u32 *out_id)
{
	struct iommu_hw_queue_alloc cmd = {
		.size = sizeof(cmd),
		.type = IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV,
		.viommu_id = viommu,
		.nesting_parent_iova = iova,
		.length = length,
	};
	int rc = env_ioctl(IOMMU_HW_QUEUE_ALLOC, &cmd);

	il_log("HW_QUEUE_ALLOC = %d, %u", rc, cmd.out_hw_queue_id);
	*out_id = rc ? 0 : cmd.out_hw_queue_id;
	return rc;
}

int env_fault_alloc(u32 *out_id, struct file **out_file)
{
	struct iommu_fault_alloc cmd = { .size = sizeof(cmd) };
	int rc = env_ioctl(IOMMU_FAULT_QUEUE_ALLOC, &cmd);

	il_log("FAULT_QUEUE_ALLOC = %d, %u", rc, cmd.out_fault_id);
	*out_id = rc ? 0 : cmd.out_fault_id;
	*out_file = rc ? NULL : env_fd(cmd.out_fault_fd);
	return rc;
}

int env_veventq_alloc(u32 viommu, u32 depth, u32 *out_id,
		      struct file **out_file)
{
	struct iommu_veventq_alloc cmd = {
		.size = sizeof(cmd),
		.viommu_id = viommu,
		.type = IOMMU_VEVENTQ_TYPE_ARM_SMMUV3,
		.veventq_depth = depth,
	};
	int rc = env_ioctl(IOMMU_VEVENTQ_ALLOC, &cmd);

	il_log("VEVENTQ_ALLOC = %d, %u", rc, cmd.out_veventq_id);
	*out_id = rc ? 0 : cmd.out_veventq_id;
	*out_file = rc ? NULL : env_fd(cmd.out_veventq_fd);
	return rc;
}

int env_change_process(void)
{
	struct iommu_ioas_change_process cmd = { .size = sizeof(cmd) };
	int rc = env_ioctl(IOMMU_IOAS_CHANGE_PROCESS, &cmd);

	il_log("CHANGE_PROCESS = %d", rc);
	return rc;
}
