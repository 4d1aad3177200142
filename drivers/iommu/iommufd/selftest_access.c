// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test ioctl: a mock in-kernel user of an IOAS, as a mediated device's driver
 * would be.
 */
#include <linux/anon_inodes.h>
#include <linux/completion.h>
#include <linux/file.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "selftest.h"

/**
 * DOC: The mock's in-kernel access
 *
 * Each access is a file, so that it can outlive the context's own file, which
 * it holds. It records what it has pinned, to unpin it when the range is
 * unmapped, when it moves to another IOAS, or when userspace says so.
 *
 * Locking: mock_user::lock protects the record. A range is on record before it is
 * pinned: the IOAS may be unmapped at once, and must find it there. What is asked for
 * while it is being pinned, without the lock, is unpinned when it is. iommufd calls the
 * unmap op with locks of its own held, so nothing may be waited for under this lock but
 * iommufd.
 *
 * It knows iommufd by what <linux/iommufd.h> offers to every driver, except for
 * the fuzzers' way to name an IOVA.
 */

/**
 * struct mock_user - an access file
 * @ictx: the context, its file referenced
 * @access: the access object
 * @needs_pin: made with MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES
 * @ioas_id: the IOAS, as userspace named it last; for fuzzers only
 * @lock: protects @pins and @next_id
 * @pins: what is pinned, struct mock_user_pinned
 * @next_id: ID of the next entry of @pins
 */
struct mock_user {
	struct iommufd_ctx *ictx;
	struct iommufd_access *access;
	bool needs_pin;
	u32 ioas_id;
	struct mutex lock; /* protects pins and next_id */
	struct list_head pins;
	u32 next_id;
};

/**
 * struct mock_user_pinned - a range that an access has pinned
 * @link: on mock_user::pins
 * @id: what userspace calls it
 * @iova: first byte, page aligned
 * @last: last byte
 * @pinning: it is being pinned, and belongs to who does so
 * @unwanted: it is to be unpinned when that is done
 */
struct mock_user_pinned {
	struct list_head link;
	u32 id;
	unsigned long iova;
	unsigned long last;
	bool pinning;
	bool unwanted;
};

static void mock_user_drop(struct mock_user *user, struct mock_user_pinned *pin)
{
	lockdep_assert_held(&user->lock);
	iommufd_access_unpin_pages(user->access, pin->iova,
				   pin->last - pin->iova + 1);
	list_del(&pin->link);
	kfree(pin);
}

static bool mock_user_drop_id(struct mock_user *user, u32 id)
{
	struct mock_user_pinned *pin;

	guard(mutex)(&user->lock);
	list_for_each_entry(pin, &user->pins, link) {
		if (pin->id == id && !pin->pinning) {
			mock_user_drop(user, pin);
			return true;
		}
	}
	return false;
}

static void mock_user_unmap(void *data, unsigned long iova,
			    unsigned long length)
{
	struct mock_user *user = data;
	struct mock_user_pinned *pin, *next;
	unsigned long last;

	if (check_add_overflow(iova, length - 1, &last))
		last = ULONG_MAX;

	guard(mutex)(&user->lock);
	list_for_each_entry_safe(pin, next, &user->pins, link) {
		if (pin->iova > last || pin->last < iova)
			continue;
		if (pin->pinning)
			pin->unwanted = true;
		else
			mock_user_drop(user, pin);
	}
}

static const struct iommufd_access_ops mock_user_copy_ops = {
	.unmap = mock_user_unmap,
};

static const struct iommufd_access_ops mock_user_pin_ops = {
	.needs_pin_pages = true,
	.unmap = mock_user_unmap,
};

static void mock_user_free(struct mock_user *user)
{
	/* Detaches it, and that unmaps all it has pinned */
	iommufd_access_destroy(user->access);
	WARN_ON_ONCE(!list_empty(&user->pins));
	iommufd_ctx_put(user->ictx);
	kfree(user);
}

static int mock_user_release(struct inode *inode, struct file *file)
{
	mock_user_free(file->private_data);
	return 0;
}

static const struct file_operations mock_user_fops = {
	.owner = THIS_MODULE,
	.release = mock_user_release,
};

static struct mock_user *mock_user_new(struct iommufd_ctx *ictx, u32 ioas_id,
				       bool needs_pin)
{
	const struct iommufd_access_ops *ops =
		needs_pin ? &mock_user_pin_ops : &mock_user_copy_ops;
	struct mock_user *user;
	u32 access_id;
	int rc;

	user = kzalloc_obj(*user, GFP_KERNEL_ACCOUNT);
	if (!user)
		return ERR_PTR(-ENOMEM);
	user->ictx = ictx;
	user->needs_pin = needs_pin;
	user->ioas_id = ioas_id;
	mutex_init(&user->lock);
	INIT_LIST_HEAD(&user->pins);

	user->access = iommufd_access_create(ictx, ops, user, &access_id);
	if (IS_ERR(user->access)) {
		rc = PTR_ERR(user->access);
		kfree(user);
		return ERR_PTR(rc);
	}
	iommufd_ctx_get(ictx);

	rc = iommufd_access_attach(user->access, ioas_id);
	if (rc) {
		mock_user_free(user);
		return ERR_PTR(rc);
	}
	return user;
}

/**
 * mock_user_create() - IOMMU_TEST_OP_CREATE_ACCESS
 * @ucmd: the call
 *
 * Return: 0; -EOPNOTSUPP for unknown flags; what iommufd_access_create() and
 * iommufd_access_attach() return; -EMFILE; -ENOMEM; -EFAULT.
 */
int mock_user_create(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	u32 flags = cmd->create_access.flags;
	struct mock_user *user;
	struct file *file;
	bool needs_pin;
	int fd, rc;

	if (flags & ~MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES)
		return -EOPNOTSUPP;
	needs_pin = flags & MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;

	user = mock_user_new(ucmd->ictx, cmd->id, needs_pin);
	if (IS_ERR(user)) {
		rc = PTR_ERR(user);
		goto err_fd;
	}
	file = anon_inode_getfile("[iommufd_mock_user]", &mock_user_fops, user,
				  O_RDWR);
	if (IS_ERR(file)) {
		rc = PTR_ERR(file);
		mock_user_free(user);
		goto err_fd;
	}

	cmd->create_access.out_access_fd = fd;
	rc = iommufd_ucmd_reply(ucmd, sizeof(*cmd));
	if (rc) {
		fput(file);
		goto err_fd;
	}
	fd_install(fd, file);
	return 0;

err_fd:
	put_unused_fd(fd);
	return rc;
}

static struct mock_user *mock_user_of(struct fd f)
{
	if (fd_empty(f))
		return ERR_PTR(-EBADF);
	if (fd_file(f)->f_op != &mock_user_fops)
		return ERR_PTR(-EINVAL);
	return fd_file(f)->private_data;
}

/*
 * MOCK_FLAGS_ACCESS_SYZ: the area with number lower_32_bits(@iova), modulo the
 * number of areas, and the byte upper_32_bits(@iova) in it, modulo its size.
 */
static int mock_user_fuzz_iova(struct mock_user *user, u64 *iova)
{
	u32 nth = lower_32_bits(*iova), offset = upper_32_bits(*iova);
	struct iommufd_ioas *ioas;
	struct gap_node *area, *n;
	unsigned long num = 0;
	int rc = -ENOENT;

	ioas = iommufd_ioas_get(user->ictx, READ_ONCE(user->ioas_id));
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);

	down_read(&ioas->iopt.iova_lock);
	area = gap_tree_first_in(&ioas->iopt.areas, 0, ULONG_MAX);
	for (n = area; n; n = gap_tree_next_in(n, ULONG_MAX))
		num++;
	if (num) {
		for (nth %= num; nth; nth--)
			area = gap_tree_next_in(area, ULONG_MAX);
		*iova = area->first + offset % (area->last - area->first + 1);
		rc = 0;
	}
	up_read(&ioas->iopt.iova_lock);
	iommufd_ioas_put(ioas);
	return rc;
}

/* What ACCESS_PAGES and ACCESS_RW check before they begin */
static int mock_user_range(struct mock_user *user, u32 flags, u64 *iova,
			   u64 length)
{
	unsigned long last;

	if (!length)
		return -EINVAL;
	if (length > SELFTEST_MAX_BYTES)
		return -E2BIG;
	if (flags & MOCK_FLAGS_ACCESS_SYZ) {
		int rc = mock_user_fuzz_iova(user, iova);

		if (rc)
			return rc;
	}
	if (check_add_overflow(*iova, length - 1, &last))
		return -EOVERFLOW;
	return 0;
}

/* Are @pages what the caller has mapped at @uptr? Compares, never reads them. */
static int mock_user_compare(unsigned long uptr, struct page **pages,
			     unsigned long npages)
{
	unsigned long i;

	for (i = 0; i != npages; i++, uptr += PAGE_SIZE) {
		struct page *page;
		int rc;

		rc = get_user_pages_fast(uptr, 1, 0, &page);
		if (rc != 1)
			return rc < 0 ? rc : -EFAULT;
		put_page(page);
		if (page != pages[i])
			return -EINVAL;
	}
	return 0;
}

/* Pins whole pages, on record. They may be gone when it returns. */
static int mock_user_add(struct mock_user *user, unsigned long iova,
			 unsigned long npages, bool write, struct page **pages,
			 u32 *id)
{
	struct mock_user_pinned *pin;
	int rc;

	pin = kzalloc_obj(*pin, GFP_KERNEL_ACCOUNT);
	if (!pin)
		return -ENOMEM;
	pin->iova = iova;
	pin->last = iova + npages * PAGE_SIZE - 1;
	pin->pinning = true;
	scoped_guard(mutex, &user->lock) {
		pin->id = user->next_id++;
		*id = pin->id;
		list_add(&pin->link, &user->pins);
	}

	rc = iommufd_access_pin_pages(user->access, iova, npages * PAGE_SIZE,
				      pages,
				      write ? IOMMUFD_ACCESS_RW_WRITE : 0);
	guard(mutex)(&user->lock);
	pin->pinning = false;
	if (rc) {
		list_del(&pin->link);
		kfree(pin);
	} else if (pin->unwanted) {
		mock_user_drop(user, pin);
	}
	return rc;
}

static int mock_user_do_pin(struct mock_user *user, struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	u32 flags = cmd->access_pages.flags;
	u64 iova = cmd->access_pages.iova;
	u64 uptr = cmd->access_pages.uptr;
	unsigned long start, npages;
	struct page **pages;
	u32 id;
	int rc;

	if (flags & ~(MOCK_FLAGS_ACCESS_WRITE | MOCK_FLAGS_ACCESS_SYZ))
		return -EOPNOTSUPP;
	if (!user->needs_pin)
		return -EINVAL;
	rc = mock_user_range(user, flags, &iova, cmd->access_pages.length);
	if (rc)
		return rc;
	/* Bytes are compared by the pages that they are on */
	if (!(flags & MOCK_FLAGS_ACCESS_SYZ) &&
	    offset_in_page(iova) != offset_in_page(uptr))
		return -EINVAL;

	start = iova & PAGE_MASK;
	npages = PFN_DOWN(iova + cmd->access_pages.length - 1) -
		 PFN_DOWN(iova) + 1;
	pages = kvmalloc_objs(*pages, npages, GFP_KERNEL_ACCOUNT);
	if (!pages)
		return -ENOMEM;

	rc = mock_user_add(user, start, npages, flags & MOCK_FLAGS_ACCESS_WRITE,
			   pages, &id);
	if (rc)
		goto out_free;

	/* Without the lock: whoever unmaps must not wait for a page fault */
	if (!(flags & MOCK_FLAGS_ACCESS_SYZ))
		rc = mock_user_compare(uptr & PAGE_MASK, pages, npages);
	cmd->access_pages.out_access_pages_id = id;
	if (!rc)
		rc = iommufd_ucmd_reply(ucmd, sizeof(*cmd));
	if (rc)
		mock_user_drop_id(user, id);
out_free:
	kvfree(pages);
	return rc;
}

/**
 * mock_user_pin() - IOMMU_TEST_OP_ACCESS_PAGES
 * @ucmd: the call
 *
 * Return: 0; -EBADF, -EINVAL where @id is no access file; -EOPNOTSUPP for
 * unknown flags; -EINVAL for an access that does not pin, an empty range, a
 * user address with another page offset, or memory that is not the caller's;
 * -E2BIG for more than SELFTEST_MAX_BYTES; -EOVERFLOW; what
 * iommufd_access_pin_pages() returns; -EFAULT; -ENOMEM.
 */
int mock_user_pin(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	struct mock_user *user;

	CLASS(fd, f)(cmd->id);
	user = mock_user_of(f);
	return IS_ERR(user) ? PTR_ERR(user) : mock_user_do_pin(user, ucmd);
}

/**
 * mock_user_unpin() - IOMMU_TEST_OP_DESTROY_ACCESS_PAGES
 * @ucmd: the call
 *
 * Return: 0; -EBADF, -EINVAL where @id is no access file; -ENOENT where nothing
 * is pinned with this ID any more.
 */
int mock_user_unpin(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	u32 pin_id = cmd->destroy_access_pages.access_pages_id;
	struct mock_user *user;

	CLASS(fd, f)(cmd->id);
	user = mock_user_of(f);
	if (IS_ERR(user))
		return PTR_ERR(user);
	return mock_user_drop_id(user, pin_id) ? 0 : -ENOENT;
}

/**
 * struct mock_user_copy - a copy made by a kthread
 * @done: completed by the kthread
 * @access: the access
 * @iova: first IOVA
 * @data: kernel buffer
 * @length: bytes
 * @flags: IOMMUFD_ACCESS_RW_*
 * @rc: what iommufd_access_rw() returned
 */
struct mock_user_copy {
	struct completion done;
	struct iommufd_access *access;
	unsigned long iova;
	void *data;
	size_t length;
	unsigned int flags;
	int rc;
};

static int mock_user_copy_main(void *arg)
{
	struct mock_user_copy *copy = arg;

	copy->rc = iommufd_access_rw(copy->access, copy->iova, copy->data,
				     copy->length,
				     copy->flags | IOMMUFD_ACCESS_RW_KTHREAD);
	kthread_complete_and_exit(&copy->done, 0);
}

/* As a device that is emulated by a thread of its own */
static int mock_user_rw_kthread(struct mock_user *user, unsigned long iova,
				void *data, size_t length, unsigned int flags)
{
	struct mock_user_copy copy = {
		.access = user->access,
		.iova = iova,
		.data = data,
		.length = length,
		.flags = flags,
	};
	struct task_struct *task;

	init_completion(&copy.done);
	task = kthread_run(mock_user_copy_main, &copy, "iommufd-mock");
	if (IS_ERR(task))
		return PTR_ERR(task);
	wait_for_completion(&copy.done);
	return copy.rc;
}

static int mock_user_do_rw(struct mock_user *user, struct iommu_test_cmd *cmd)
{
	void __user *uptr = u64_to_user_ptr(cmd->access_rw.uptr);
	u64 length = cmd->access_rw.length;
	u32 flags = cmd->access_rw.flags;
	u64 iova = cmd->access_rw.iova;
	unsigned int rw_flags = 0;
	u64 registers[4];
	void *data;
	int rc;

	if (flags & ~(MOCK_ACCESS_RW_WRITE | MOCK_ACCESS_RW_KTHREAD |
		      MOCK_ACCESS_RW_SLOW_PATH | MOCK_FLAGS_ACCESS_SYZ))
		return -EOPNOTSUPP;
	rc = mock_user_range(user, flags, &iova, length);
	if (rc)
		return rc;
	if (flags & MOCK_ACCESS_RW_WRITE)
		rw_flags |= IOMMUFD_ACCESS_RW_WRITE;
	if (flags & MOCK_ACCESS_RW_SLOW_PATH)
		rw_flags |= __IOMMUFD_ACCESS_RW_SLOW_PATH;

	/* A few bytes come from a variable, as in a driver */
	data = length <= sizeof(registers) ?
		       registers : kvzalloc(length, GFP_KERNEL_ACCOUNT);
	if (!data)
		return -ENOMEM;
	if ((flags & MOCK_ACCESS_RW_WRITE) &&
	    copy_from_user(data, uptr, length)) {
		rc = -EFAULT;
		goto out_free;
	}
	if (flags & MOCK_ACCESS_RW_KTHREAD)
		rc = mock_user_rw_kthread(user, iova, data, length, rw_flags);
	else
		rc = iommufd_access_rw(user->access, iova, data, length,
				       rw_flags);
	if (!rc && !(flags & MOCK_ACCESS_RW_WRITE) &&
	    copy_to_user(uptr, data, length))
		rc = -EFAULT;
out_free:
	if (data != registers)
		kvfree(data);
	return rc;
}

/**
 * mock_user_rw() - IOMMU_TEST_OP_ACCESS_RW
 * @ucmd: the call
 *
 * Return: 0; -EBADF, -EINVAL where @id is no access file; -EOPNOTSUPP for
 * unknown flags; -EINVAL for an empty range; -E2BIG for more than
 * SELFTEST_MAX_BYTES; -EOVERFLOW; what iommufd_access_rw() returns; -EFAULT;
 * -ENOMEM; -EINTR where a kthread is to do it, and the caller is killed.
 */
int mock_user_rw(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	struct mock_user *user;

	CLASS(fd, f)(cmd->id);
	user = mock_user_of(f);
	return IS_ERR(user) ? PTR_ERR(user) : mock_user_do_rw(user, cmd);
}

/**
 * mock_user_replace_ioas() - IOMMU_TEST_OP_ACCESS_REPLACE_IOAS
 * @ucmd: the call
 *
 * Return: 0; -EBADF, -EINVAL where @id is no access file; what
 * iommufd_access_replace() returns.
 */
int mock_user_replace_ioas(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	u32 ioas_id = cmd->access_replace_ioas.ioas_id;
	struct mock_user *user;
	int rc;

	CLASS(fd, f)(cmd->id);
	user = mock_user_of(f);
	if (IS_ERR(user))
		return PTR_ERR(user);
	rc = iommufd_access_replace(user->access, ioas_id);
	if (!rc)
		WRITE_ONCE(user->ioas_id, ioas_id);
	return rc;
}
