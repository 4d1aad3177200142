/* SPDX-License-Identifier: GPL-2.0-only */
/* Files and descriptors. */
#ifndef _SHIM_FS_H
#define _SHIM_FS_H

#include <linux/bug.h>
#include <linux/cleanup.h>
#include <linux/mm.h>
#include <linux/wait.h>

struct inode;
struct module;
struct seq_file;
struct poll_table_struct;
typedef struct poll_table_struct poll_table;

struct file_operations {
	struct module *owner;
	int (*open)(struct inode *inode, struct file *filp);
	int (*release)(struct inode *inode, struct file *filp);
	ssize_t (*read)(struct file *filp, char __user *buf, size_t count,
			loff_t *ppos);
	ssize_t (*write)(struct file *filp, const char __user *buf,
			 size_t count, loff_t *ppos);
	__poll_t (*poll)(struct file *filp, struct poll_table_struct *wait);
	long (*unlocked_ioctl)(struct file *filp, unsigned int cmd,
			       unsigned long arg);
	long (*compat_ioctl)(struct file *filp, unsigned int cmd,
			     unsigned long arg);
	int (*mmap)(struct file *filp, struct vm_area_struct *vma);
	loff_t (*llseek)(struct file *filp, loff_t offset, int whence);
	void (*show_fdinfo)(struct seq_file *m, struct file *f);
};

/**
 * struct address_space - a file's pages
 * @host: the file
 * @writers: writable mappings; negative where none may come
 */
struct address_space {
	struct inode *host;
	int writers;
};

/**
 * struct inode - a file
 * @i_mode: its kind
 * @seals: F_SEAL_*
 * @shmem: one of tmpfs
 * @huge: one of hugetlbfs
 */
struct inode {
	umode_t i_mode;
	unsigned int seals;
	bool shmem;
	bool huge;
};

/**
 * struct file - an open file
 * @refs: references; the last one calls ->release
 * @f_op: its operations; NULL for a file of memory
 * @private_data: its operations' own
 * @f_flags: O_*
 * @f_mode: FMODE_*
 * @index: in the environment's table of files
 */
struct file {
	refcount_t refs;
	const struct file_operations *f_op;
	void *private_data;
	unsigned int f_flags;
	fmode_t f_mode;
	struct address_space *f_mapping;
	int index;
};

#define FMODE_READ	1u
#define FMODE_WRITE	2u
#define F_SEAL_FUTURE_WRITE 0x10
#define O_RDWR		2
#define O_NONBLOCK	04000
#define O_CLOEXEC	02000000
#define noop_llseek	NULL
#define compat_ptr_ioctl NULL
#define POLL_READ_FLAGS	1
#define EPOLLIN		0x1u
#define EPOLLOUT	0x4u
#define EPOLLERR	0x8u
#define EPOLLHUP	0x10u
#define EPOLLRDNORM	0x40u
#define EPOLLWRNORM	0x100u

static inline struct inode *file_inode(const struct file *f)
{
	return f->f_mapping->host;
}

static inline int mapping_map_writable(struct address_space *mapping)
{
	if (__atomic_load_n(&mapping->writers, __ATOMIC_RELAXED) < 0)
		return -EPERM;
	__atomic_fetch_add(&mapping->writers, 1, __ATOMIC_RELAXED);
	return 0;
}

static inline void mapping_unmap_writable(struct address_space *mapping)
{
	__atomic_fetch_sub(&mapping->writers, 1, __ATOMIC_RELAXED);
}

#define shmem_file(file)	(file_inode(file)->shmem)
#define is_file_hugepages(file)	(file_inode(file)->huge)
#define SHMEM_I(inode)		(inode)
#define HUGETLBFS_I(inode)	(inode)

struct folio;
long memfd_pin_folios(struct file *file, loff_t start, loff_t end,
		      struct folio **folios, unsigned int max,
		      pgoff_t *offset);

static inline struct file *get_file(struct file *f)
{
	refcount_inc(&f->refs);
	return f;
}

#include <linux/file.h>

struct file *anon_inode_getfile(const char *name,
				const struct file_operations *fops, void *priv,
				int flags);
#define stream_open(inode, filp) 0
#define nonseekable_open(inode, filp) 0

static inline void poll_wait(struct file *filp, wait_queue_head_t *wait,
			     struct poll_table_struct *p)
{
}

struct miscdevice {
	int minor;
	const char *name;
	const char *nodename;
	const struct file_operations *fops;
	umode_t mode;
	struct device *this_device;
};

#define MISC_DYNAMIC_MINOR	255
#define VFIO_MINOR		196
/* The environment opens them */
int misc_register(struct miscdevice *misc);
void misc_deregister(struct miscdevice *misc);

#endif
