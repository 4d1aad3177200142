// SPDX-License-Identifier: GPL-2.0-only
/*
 * A mock exporter of dma-bufs, in place of VFIO's.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/fcntl.h>
#include <linux/gfp.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "selftest.h"

/**
 * DOC: The mock's dma-bufs
 *
 * VFIO exports a device's MMIO as a dma-buf without struct pages, and tells
 * iommufd where it is by a function call of their own. The mock does the same
 * with some memory, so that this path can be tested without a device. Nobody
 * else can import such a dma-buf.
 *
 * Locking: the dma-buf's dma_resv protects its revocation. It knows nothing of
 * the other mocks.
 */

/**
 * struct mock_dmabuf - memory exported as a dma-buf
 * @memory: page aligned, physically contiguous
 * @length: in bytes
 * @revoked: importers have lost access; under the dma-buf's dma_resv
 */
struct mock_dmabuf {
	void *memory;
	size_t length;
	bool revoked;
};

/* An importer that could not be told to let go would keep access for ever */
static int mock_dmabuf_attach(struct dma_buf *dmabuf,
			      struct dma_buf_attachment *attachment)
{
	return dma_buf_attach_revocable(attachment) ? 0 : -EOPNOTSUPP;
}

/* There is no struct page that a scatterlist could be made of */
static struct sg_table *mock_dmabuf_map(struct dma_buf_attachment *attachment,
					enum dma_data_direction dir)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static void mock_dmabuf_unmap(struct dma_buf_attachment *attachment,
			      struct sg_table *sgt, enum dma_data_direction dir)
{
}

static void mock_dmabuf_release(struct dma_buf *dmabuf)
{
	struct mock_dmabuf *mock = dmabuf->priv;

	free_pages_exact(mock->memory, mock->length);
	kfree(mock);
}

static const struct dma_buf_ops mock_dmabuf_ops = {
	.attach = mock_dmabuf_attach,
	.map_dma_buf = mock_dmabuf_map,
	.unmap_dma_buf = mock_dmabuf_unmap,
	.release = mock_dmabuf_release,
};

/**
 * iommufd_test_dma_buf_iommufd_map() - Where is a mock dma-buf's memory?
 * @attachment: iommufd's attachment
 * @phys: gets the physical range
 *
 * The answer is good until the importer's invalidate_mappings op is called.
 *
 * Context: the dma_resv of the dma-buf is held.
 * Return: 0; -EOPNOTSUPP where somebody else exported it; -ENODEV while it is
 * revoked.
 */
int iommufd_test_dma_buf_iommufd_map(struct dma_buf_attachment *attachment,
				     struct phys_vec *phys)
{
	struct dma_buf *dmabuf = attachment->dmabuf;
	struct mock_dmabuf *mock = dmabuf->priv;

	dma_resv_assert_held(dmabuf->resv);

	if (dmabuf->ops != &mock_dmabuf_ops)
		return -EOPNOTSUPP;
	if (mock->revoked)
		return -ENODEV;
	if (iommufd_should_fail())
		return -ENOMEM;

	phys->paddr = virt_to_phys(mock->memory);
	phys->len = mock->length;
	return 0;
}

/**
 * selftest_dmabuf_get() - IOMMU_TEST_OP_DMABUF_GET
 * @ucmd: the call
 *
 * Return: a file descriptor; -EINVAL for a length of no, or of broken, pages, or
 * for other flags than O_CLOEXEC and the access mode; -E2BIG for more than
 * SELFTEST_MAX_BYTES; -ENOMEM, also where memory is too fragmented; -EMFILE.
 */
int selftest_dmabuf_get(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	size_t length = cmd->dmabuf_get.length;
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct mock_dmabuf *mock;
	struct dma_buf *dmabuf;
	int rc;

	if (cmd->dmabuf_get.open_flags & ~(O_CLOEXEC | O_ACCMODE))
		return -EINVAL;
	if (!length || !PAGE_ALIGNED(length))
		return -EINVAL;
	if (length > SELFTEST_MAX_BYTES)
		return -E2BIG;

	mock = kzalloc_obj(*mock, GFP_KERNEL_ACCOUNT);
	if (!mock)
		return -ENOMEM;
	mock->length = length;
	mock->memory = alloc_pages_exact(length, GFP_KERNEL_ACCOUNT |
						 __GFP_ZERO | __GFP_NOWARN);
	if (!mock->memory) {
		rc = -ENOMEM;
		goto err_mock;
	}

	info.ops = &mock_dmabuf_ops;
	info.size = length;
	info.flags = cmd->dmabuf_get.open_flags;
	info.priv = mock;
	dmabuf = dma_buf_export(&info);
	if (IS_ERR(dmabuf)) {
		rc = PTR_ERR(dmabuf);
		goto err_memory;
	}

	/* From here, the last reference on the dma-buf frees it all */
	rc = dma_buf_fd(dmabuf, cmd->dmabuf_get.open_flags);
	if (rc < 0)
		dma_buf_put(dmabuf);
	return rc;

err_memory:
	free_pages_exact(mock->memory, length);
err_mock:
	kfree(mock);
	return rc;
}

/**
 * selftest_dmabuf_revoke() - IOMMU_TEST_OP_DMABUF_REVOKE
 * @ucmd: the call
 *
 * Return: 0; -EBADF, -EINVAL where it is no dma-buf of the mock's.
 */
int selftest_dmabuf_revoke(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->cmd;
	bool revoke = cmd->dmabuf_revoke.revoked;
	struct mock_dmabuf *mock;
	struct dma_buf *dmabuf;
	int rc = 0;

	dmabuf = dma_buf_get(cmd->dmabuf_revoke.dmabuf_fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	if (dmabuf->ops != &mock_dmabuf_ops) {
		rc = -EINVAL;
		goto out_put;
	}
	mock = dmabuf->priv;

	dma_resv_lock(dmabuf->resv, NULL);
	if (mock->revoked != revoke) {
		mock->revoked = revoke;
		if (revoke)
			dma_buf_invalidate_mappings(dmabuf);
	}
	dma_resv_unlock(dmabuf->resv);
out_put:
	dma_buf_put(dmabuf);
	return rc;
}

MODULE_IMPORT_NS("DMA_BUF");
