// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: Device memory through dma-bufs
 *
 * The MMIO of another device, handed over as a dma-buf by VFIO's PCI driver (or
 * the mock): one physically contiguous range, that its exporter may revoke at any
 * time. It is not pinned, nor charged. Every place where it is mapped is
 * remembered, so that a revocation, which comes with nothing but the dma_resv
 * held, can take it out of all domains before it returns. A range that was
 * revoked stays so; userspace maps the dma-buf anew.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/module.h>
#include <linux/rbtree.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/vfio_pci_core.h>

#include "pages.h"
#include "test_hooks.h"

/**
 * struct pages_dmabuf - the attachment behind a PAGES_DMABUF range
 * @attach: the attachment
 * @pfn: page frame of the range's first page
 * @revoked: by the exporter; under iommufd_pages::lock
 * @fills: struct dmabuf_fill, by domain, then by IOVA; under iommufd_pages::lock
 */
struct pages_dmabuf {
	struct dma_buf_attachment *attach;
	unsigned long pfn;
	bool revoked;
	struct rb_root fills;
};

/*
 * The core allocates the attachment without charging it, and so it is charged with
 * ours: as many as userspace makes, they take no more than its cgroup may have.
 */
#define DMABUF_CHARGED_SIZE                                                    \
	(sizeof(struct pages_dmabuf) +                                         \
	 kmalloc_size_roundup(sizeof(struct dma_buf_attachment)))

/**
 * struct dmabuf_fill - a place where the range is mapped
 * @node: in pages_dmabuf::fills
 * @domain: in this domain
 * @iova: first IOVA
 * @length: bytes
 * @stuck: the range was revoked, and the IOMMU driver did not unmap all of it
 */
struct dmabuf_fill {
	struct rb_node node;
	struct iommu_domain *domain;
	unsigned long iova;
	unsigned long length;
	bool stuck;
};

static struct dmabuf_fill *fill_of(struct rb_node *node)
{
	return rb_entry_safe(node, struct dmabuf_fill, node);
}

static int fill_cmp(const void *key, const struct rb_node *node)
{
	const struct dmabuf_fill *want = key;
	const struct dmabuf_fill *fill =
		rb_entry(node, struct dmabuf_fill, node);

	return cmp_int((uintptr_t)want->domain, (uintptr_t)fill->domain) ?:
	       cmp_int(want->iova, fill->iova);
}

static bool fill_less(struct rb_node *node, const struct rb_node *other)
{
	return fill_cmp(fill_of(node), other) < 0;
}

static struct dmabuf_fill *fill_find(struct iommufd_pages *pages,
				     const struct pages_mapping *map,
				     struct iommu_domain *domain)
{
	const struct dmabuf_fill want = { .domain = domain, .iova = map->iova };

	lockdep_assert_held(&pages->lock);
	return fill_of(rb_find(&want, &pages->dmabuf->fills, fill_cmp));
}

/* Nothing can be refused here; what a driver leaves mapped is known to be so */
static void fill_revoke(struct iommufd_pages *pages, struct dmabuf_fill *fill,
			struct iommu_iotlb_gather *gather)
{
	struct pages_mapping map = {
		.iova = fill->iova,
		.length = fill->length,
	};

	if (likely(domain_unmap(fill->domain, fill->iova, fill->length,
				gather)))
		return;
	fill->stuck = true;
	pages_warn_stuck(&map);
}

static void pages_dmabuf_revoke(struct dma_buf_attachment *attach)
{
	struct iommufd_pages *pages = attach->importer_priv;
	struct iommu_iotlb_gather gather;
	struct dmabuf_fill *fill, *next;

	dma_resv_assert_held(attach->dmabuf->resv);
	guard(mutex)(&pages->lock);
	if (pages->dmabuf->revoked)
		return;
	pages->dmabuf->revoked = true;
	iommu_iotlb_gather_init(&gather);
	for (fill = fill_of(rb_first(&pages->dmabuf->fills)); fill;
	     fill = next) {
		next = fill_of(rb_next(&fill->node));
		fill_revoke(pages, fill, &gather);
		/* One flush a domain: all of its fills are side by side */
		if (next && next->domain == fill->domain)
			continue;
		iommu_iotlb_sync(fill->domain, &gather);
		iommu_iotlb_gather_init(&gather);
	}
}

static const struct dma_buf_attach_ops pages_dmabuf_attach_ops = {
	.allow_peer2peer = true,
	.invalidate_mappings = pages_dmabuf_revoke,
};

/* Ask whoever may have exported it; VFIO may be a module that is not loaded */
static int dmabuf_get_phys(struct dma_buf_attachment *attach,
			   struct phys_vec *phys)
{
	int rc = iommufd_test_dma_buf_iommufd_map(attach, phys);

	if (rc != -EOPNOTSUPP)
		return rc;
#if IS_ENABLED(CONFIG_VFIO_PCI_DMABUF)
	int (*get_phys)(struct dma_buf_attachment *attach,
			struct phys_vec *phys);

	get_phys = symbol_get(vfio_pci_dma_buf_iommufd_map);
	if (get_phys) {
		rc = get_phys(attach, phys);
		symbol_put(vfio_pci_dma_buf_iommufd_map);
	}
#endif
	return rc;
}

/*
 * The lock of such a range is taken with a dma_resv held, which is taken with an
 * mmap_lock held; other ranges take the mmap_lock inside of theirs.
 */
static struct lock_class_key pages_dmabuf_lock_class;

static int pages_dmabuf_attach(struct iommufd_pages *pages,
			       struct dma_buf *dmabuf, struct device *dev,
			       unsigned long start, unsigned long length)
{
	unsigned long last = offset_in_page(start) + length - 1;
	struct dma_buf_attachment *attach;
	struct phys_vec phys;
	int rc;

	/* Until there is an attachment, no revocation can come */
	attach = dma_buf_dynamic_attach(dmabuf, dev, &pages_dmabuf_attach_ops,
					pages);
	if (IS_ERR(attach))
		return PTR_ERR(attach);
	pages->dmabuf->attach = attach;

	dma_resv_lock(dmabuf->resv, NULL);
	rc = dmabuf_get_phys(attach, &phys);
	/* What was revoked and given back since it was attached is not revoked */
	if (!rc)
		pages->dmabuf->revoked = false;
	dma_resv_unlock(dmabuf->resv);
	if (!rc && (!PAGE_ALIGNED(phys.paddr) || start > phys.len ||
		    length > phys.len - start))
		rc = -EINVAL;
	if (!rc && !pfn_run_fits(PHYS_PFN(phys.paddr + start),
				 (last >> PAGE_SHIFT) + 1))
		rc = -EOVERFLOW;
	if (rc) {
		dma_buf_detach(dmabuf, attach);
		return rc;
	}
	pages->dmabuf->pfn = PHYS_PFN(phys.paddr + start);
	return 0;
}

/**
 * pages_new_dmabuf() - A range of a device's MMIO
 * @dmabuf: exported by VFIO's PCI driver, as a single range; referenced
 * @dev: the device to attach as
 * @start: first byte
 * @length: bytes
 * @writable: devices may write to it
 * @budget: as for other ranges, though nothing is charged
 *
 * Context: may sleep; takes the dma_resv.
 * Return: the range; ERR_PTR() of -EINVAL where the dma-buf is shorter, or
 * length is 0; -EOPNOTSUPP for other exporters, and for several ranges; -ENODEV
 * where it is revoked now; -EOVERFLOW; -ENOMEM.
 */
struct iommufd_pages *pages_new_dmabuf(struct dma_buf *dmabuf,
				       struct device *dev, unsigned long start,
				       unsigned long length, bool writable,
				       struct pin_budget *budget)
{
	struct iommufd_pages *pages;
	int rc = -ENOMEM;

	if (start > dmabuf->size || length > dmabuf->size - start)
		return ERR_PTR(-EINVAL);
	pages = pages_new(PAGES_DMABUF, start, length, writable, budget);
	if (IS_ERR(pages))
		return pages;

	lockdep_set_class(&pages->lock, &pages_dmabuf_lock_class);
	pages->dmabuf = kzalloc(DMABUF_CHARGED_SIZE, GFP_KERNEL_ACCOUNT);
	if (!pages->dmabuf)
		goto put;
	pages->dmabuf->fills = RB_ROOT;
	rc = pages_dmabuf_attach(pages, dmabuf, dev, start, length);
	if (rc) {
		kfree(pages->dmabuf);
		pages->dmabuf = NULL;
		goto put;
	}
	get_dma_buf(dmabuf);
	return pages;
put:
	pages_put(pages);
	return ERR_PTR(rc);
}

/**
 * pages_dmabuf_detach() - Undo what pages_new_dmabuf() set up
 * @pages: a PAGES_DMABUF range that is mapped nowhere
 */
void pages_dmabuf_detach(struct iommufd_pages *pages)
{
	struct dma_buf *dmabuf;

	if (!pages->dmabuf)
		return;
	dmabuf = pages->dmabuf->attach->dmabuf;
	dma_buf_detach(dmabuf, pages->dmabuf->attach);
	dma_buf_put(dmabuf);
	kfree(pages->dmabuf);
}

/**
 * pages_dmabuf_remember() - Have a place emptied when the range is revoked
 * @pages: a PAGES_DMABUF range
 * @map: where it is about to be mapped
 * @domain: in which domain
 *
 * Context: under the lock.
 * Return: 0 or -ENOMEM.
 */
int pages_dmabuf_remember(struct iommufd_pages *pages,
			  const struct pages_mapping *map,
			  struct iommu_domain *domain)
{
	struct dmabuf_fill *fill = kzalloc_obj(*fill, GFP_KERNEL_ACCOUNT);

	lockdep_assert_held(&pages->lock);
	if (!fill)
		return -ENOMEM;
	fill->domain = domain;
	fill->iova = map->iova;
	fill->length = map->length;
	rb_add(&fill->node, &pages->dmabuf->fills, fill_less);
	return 0;
}

/**
 * pages_dmabuf_forget() - Undo pages_dmabuf_remember()
 * @pages: a PAGES_DMABUF range
 * @map: as it was remembered
 * @domain: as it was remembered
 *
 * Context: under the lock.
 * Return: whether the range is still mapped there: false where it was revoked, and
 * the IOMMU driver unmapped it then.
 */
bool pages_dmabuf_forget(struct iommufd_pages *pages,
			 const struct pages_mapping *map,
			 struct iommu_domain *domain)
{
	struct dmabuf_fill *fill = fill_find(pages, map, domain);
	bool mapped = !pages->dmabuf->revoked;

	if (WARN_ON_ONCE(!fill))
		return mapped;
	if (unlikely(fill->stuck))
		mapped = true;
	rb_erase(&fill->node, &pages->dmabuf->fills);
	kfree(fill);
	return mapped;
}

/**
 * pages_dmabuf_pfn() - Page frame of a page
 * @pages: a PAGES_DMABUF range
 * @index: index of the page in the range
 *
 * Return: the page frame number.
 */
unsigned long pages_dmabuf_pfn(struct iommufd_pages *pages, unsigned long index)
{
	return pages->dmabuf->pfn + index;
}

/**
 * pages_dmabuf_revoked() - Has the exporter taken it back?
 * @pages: a PAGES_DMABUF range
 *
 * Context: under the lock.
 * Return: true if so.
 */
bool pages_dmabuf_revoked(struct iommufd_pages *pages)
{
	lockdep_assert_held(&pages->lock);
	return pages->dmabuf->revoked;
}

#ifdef CONFIG_IOMMUFD_TEST
/**
 * pages_dmabuf_fills() - In how many places is it remembered to be mapped?
 * @pages: a PAGES_DMABUF range
 *
 * Context: under the lock.
 * Return: their number.
 */
unsigned int pages_dmabuf_fills(struct iommufd_pages *pages)
{
	struct rb_node *node;
	unsigned int nr = 0;

	lockdep_assert_held(&pages->lock);
	for (node = rb_first(&pages->dmabuf->fills); node; node = rb_next(node))
		nr++;
	return nr;
}
#endif
