/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _SHIM_DMA_BUF_H
#define _SHIM_DMA_BUF_H

#include <linux/list.h>
#include <linux/mutex.h>

struct device;
struct dma_buf_attachment;
struct ww_acquire_ctx;

struct dma_resv { struct mutex lock; };
#define dma_resv_lock(r, ctx)	(mutex_lock(&(r)->lock), 0)
#define dma_resv_unlock(r)	mutex_unlock(&(r)->lock)
#define dma_resv_assert_held(r)	lockdep_assert_held(&(r)->lock)

struct dma_buf_attach_ops {
	bool allow_peer2peer;
	void (*invalidate_mappings)(struct dma_buf_attachment *attach);
};

struct dma_buf {
	size_t size;
	struct dma_resv *resv;
	struct list_head attachments;
	void *priv;
};

struct dma_buf_attachment {
	struct dma_buf *dmabuf;
	struct device *dev;
	struct list_head node;
	const struct dma_buf_attach_ops *importer_ops;
	void *importer_priv;
	bool peer2peer;
};

struct phys_vec {
	phys_addr_t paddr;
	size_t len;
};

struct dma_buf *dma_buf_get(int fd);
void dma_buf_put(struct dma_buf *dmabuf);
void get_dma_buf(struct dma_buf *dmabuf);
struct dma_buf_attachment *
dma_buf_dynamic_attach(struct dma_buf *dmabuf, struct device *dev,
		       const struct dma_buf_attach_ops *ops, void *priv);
void dma_buf_detach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach);
int dma_buf_pin(struct dma_buf_attachment *attach);
void dma_buf_unpin(struct dma_buf_attachment *attach);

/* Who exports them is asked for the memory's address */
#define CONFIG_VFIO_PCI_DMABUF 1
int vfio_pci_dma_buf_iommufd_map(struct dma_buf_attachment *attach,
				 struct phys_vec *phys);

#endif
