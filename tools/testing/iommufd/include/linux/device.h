/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _SHIM_DEVICE_H
#define _SHIM_DEVICE_H

#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

struct attribute_group;
struct bus_type;
struct fwnode_handle;
struct iommu_group;
struct notifier_block;
struct of_phandle_args;
struct scatterlist;

struct sg_table {
	struct scatterlist *sgl;
	unsigned int nents;
	unsigned int orig_nents;
};

struct device {
	const char *name;
	struct iommu_group *iommu_group;
	struct dev_iommu *iommu;
	void *driver_data;
};

#define dev_get_drvdata(dev)		((dev)->driver_data)
#define dev_name(dev)			((dev)->name)
#define dev_err(dev, fmt...)		((void)(dev), shim_log(fmt))
#define dev_warn(dev, fmt...)		((void)(dev), shim_log(fmt))
#define dev_warn_once(dev, fmt...)	((void)(dev), shim_log(fmt))
#define dev_warn_ratelimited(dev, fmt...) ((void)(dev), shim_log(fmt))
#define dev_info(dev, fmt...)		((void)(dev), shim_log(fmt))
#define dev_dbg(dev, fmt...)		((void)(dev))
#define dev_err_ratelimited		dev_err

struct pci_dev { struct device dev; bool is_virtfn; };
#define dev_is_pci(dev)			((void)(dev), false)
#define to_pci_dev(d)			container_of(d, struct pci_dev, dev)
#define pci_pasid_status(p)		((void)(p), -EINVAL)
#define pci_pri_supported(p)		((void)(p), false)
#define pci_physfn(p)			(p)
#define PCI_PASID_CTRL_ENABLE		1
#define PCI_PASID_CTRL_EXEC		2
#define PCI_PASID_CTRL_PRIV		4

struct msi_desc {
	struct device *dev;
	u64 iommu_msi_iova;
	unsigned int iommu_msi_shift;
};

#define msi_desc_to_dev(desc)		((desc)->dev)

static inline void msi_desc_set_iommu_msi_iova(struct msi_desc *desc, u64 iova,
					       unsigned int shift)
{
	desc->iommu_msi_iova = iova >> shift;
	desc->iommu_msi_shift = shift;
}

#endif
