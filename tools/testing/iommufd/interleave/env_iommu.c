// SPDX-License-Identifier: GPL-2.0-only
/*
 * The IOMMU core and a driver: domains of a few pages with an IOTLB that keeps
 * what it has until it is flushed, groups, PASIDs, page requests by the core's
 * own io-pgfault.c, vIOMMUs with vDEVICEs, hardware queues and MMIO.
 */
#include "env.h"

#define DOMAINS		10
#define PASIDS		4
#define VDEVICES	4

/**
 * struct env_dom - a domain
 * @domain: what others see
 * @live: it is one
 * @users: groups and PASIDs that are attached to it
 * @pte: PFN + 1 by IOVA, 0 for none
 * @tlb: what an IOTLB may have
 * @call: which iommu_map() made it
 * @calls: how many there were
 * @unflushed: unmapped, but not flushed
 */
struct env_dom {
	struct iommu_domain domain;
	bool live;
	int users;
	unsigned int pte[ENV_IOVAS];
	unsigned int tlb[ENV_IOVAS];
	unsigned int call[ENV_IOVAS];
	unsigned int calls;
	bool unflushed[ENV_IOVAS];
};

/**
 * struct iommu_group - the core's group
 * @mutex: under which it changes
 * @id: its number
 * @domain: attached, by PASID
 * @handle: of the attachment, by PASID
 * @msi: a device has asked for an MSI
 * @owner: who has its DMA
 * @owners: how often
 */
struct iommu_group {
	struct mutex mutex;	/* all of it */
	int id;
	struct iommu_domain *domain[PASIDS];
	struct iommu_attach_handle *handle[PASIDS];
	bool msi;
	void *owner;
	unsigned int owners;
};

struct device env_devices[ENV_DEVICES];
struct env_iommu env_iommu;
u64 env_dirty;
unsigned int env_answers[16];
unsigned int env_requests[16];
struct env_mmio env_mmio;

static struct env_dom doms[DOMAINS];
static struct iommu_group groups[ENV_DEVICES];
static struct dev_iommu dev_iommus[ENV_DEVICES];
static struct iommu_device iommu_device;
static struct iopf_queue *iopf_queue;
static bool iopf_on[ENV_DEVICES];
/* Handlers that the driver is in, by device */
static unsigned int reporting[ENV_DEVICES];

/* What the driver knows of vDEVICEs */
static struct iommufd_vdevice *vdevices[VDEVICES];
static u64 virt_ids[VDEVICES];
static const struct iommufd_device *devices_of[VDEVICES];

static const struct iommu_ops env_ops;
static const struct iommu_domain_ops env_domain_ops;
static const struct iommu_dirty_ops env_dirty_ops;

static struct env_dom *to_env(struct iommu_domain *domain)
{
	return container_of(domain, struct env_dom, domain);
}

void env_iommu_reset(void)
{
	unsigned int i;

	env_dirty = 0;
	memset(doms, 0, sizeof(doms));
	memset(groups, 0, sizeof(groups));
	memset(dev_iommus, 0, sizeof(dev_iommus));
	memset(vdevices, 0, sizeof(vdevices));
	memset(env_answers, 0, sizeof(env_answers));
	memset(env_requests, 0, sizeof(env_requests));
	memset(iopf_on, 0, sizeof(iopf_on));
	memset(reporting, 0, sizeof(reporting));
	env_iommu = (struct env_iommu){ };
	env_mmio = (struct env_mmio){ };
	iommu_device = (struct iommu_device){ .ops = &env_ops };
	iopf_queue = NULL;
	for (i = 0; i != ENV_DEVICES; i++) {
		groups[i].id = i;
		dev_iommus[i].iommu_dev = &iommu_device;
		env_devices[i] = (struct device){
			.name = "device",
			.iommu = &dev_iommus[i],
			.iommu_group = &groups[i],
		};
	}
}

void env_iommu_check(void)
{
	unsigned int i, j;

	for (i = 0; i != DOMAINS; i++)
		IL_ASSERT(!doms[i].live, "domain %u is left", i);
	for (i = 0; i != ENV_DEVICES; i++) {
		IL_ASSERT(!groups[i].owners, "group %u is owned", i);
		for (j = 0; j != PASIDS; j++)
			IL_ASSERT(!groups[i].domain[j],
				  "group %u is attached", i);
	}
	for (i = 0; i != VDEVICES; i++)
		IL_ASSERT(!vdevices[i], "a vDEVICE is left");
	for (i = 0; i != ARRAY_SIZE(env_answers); i++)
		IL_ASSERT(env_answers[i] == env_requests[i],
			  "page request %u has %u answers", i, env_answers[i]);
	if (iopf_queue) {
		for (i = 0; i != ENV_DEVICES; i++)
			if (env_devices[i].iommu->fault_param)
				iopf_queue_remove_device(iopf_queue,
							 &env_devices[i]);
		iopf_queue_free(iopf_queue);
	}
}

/* Page tables */

void env_assert_unreachable(unsigned long pfn, const char *why)
{
	unsigned int i, j;

	for (i = 0; i != DOMAINS; i++) {
		for (j = 0; doms[i].live && j != ENV_IOVAS; j++) {
			IL_ASSERT(doms[i].pte[j] != pfn + 1,
				  "page %lu is %s, and mapped at %u", pfn, why,
				  j);
			IL_ASSERT(doms[i].tlb[j] != pfn + 1,
				  "page %lu is %s, and in an IOTLB at %u", pfn,
				  why, j);
		}
	}
	for (i = 0; i != ARRAY_SIZE(env_iommu.in_use); i++)
		IL_ASSERT(env_iommu.in_use[i] != pfn + 1,
			  "page %lu is %s, and the hardware works on it", pfn,
			  why);
}

void env_assert_not_mapped(unsigned long first, unsigned long npages)
{
	unsigned long i, j;

	for (i = 0; i != DOMAINS; i++)
		for (j = first; doms[i].live && j != first + npages; j++)
			IL_ASSERT(!doms[i].pte[j] && !doms[i].tlb[j],
				  "a device reaches IOVA %lu", j);
}

bool env_is_mapped(struct iommu_domain *domain, unsigned long index)
{
	return container_of(domain, struct env_dom, domain)->pte[index];
}

struct iommu_domain *env_domain(unsigned int device)
{
	return env_devices[device].iommu_group->domain[0];
}

bool env_maps(unsigned int device, unsigned long iova_page)
{
	struct iommu_domain *domain = env_domain(device);

	return domain && to_env(domain)->pte[iova_page];
}

int iommu_map_nosync(struct iommu_domain *domain, unsigned long iova,
		     phys_addr_t phys, size_t size, int prot, gfp_t gfp)
{
	struct env_dom *dom = to_env(domain);
	unsigned long i, pfn = PHYS_PFN(phys);

	might_sleep();
	shim_point("iommu_map", domain);
	if (shim_fail("iommu_map"))
		return -ENOMEM;
	dom->calls++;
	for (i = PHYS_PFN(iova); size; i++, pfn++, size -= PAGE_SIZE) {
		IL_ASSERT(dom->live, "mapping in a freed domain");
		IL_ASSERT(domain->geometry.aperture_end,
			  "mapping before the format is settled");
		IL_ASSERT(i < ENV_IOVAS, "mapping beyond the aperture");
		IL_ASSERT(!dom->pte[i], "IOVA %lu is mapped already", i);
		IL_ASSERT(!dom->tlb[i], "IOVA %lu is mapped, not flushed", i);
		IL_ASSERT(env_may_map(pfn), "page %lu is mapped, not pinned",
			  pfn);
		dom->pte[i] = pfn + 1;
		dom->tlb[i] = pfn + 1;
		dom->call[i] = dom->calls;
	}
	return 0;
}

int iommu_map(struct iommu_domain *domain, unsigned long iova,
	      phys_addr_t phys, size_t size, int prot, gfp_t gfp)
{
	return iommu_map_nosync(domain, iova, phys, size, prot, gfp);
}

int iommu_sync_map(struct iommu_domain *domain, unsigned long iova, size_t size)
{
	return 0;
}

/* What drivers rely on: an unmap begins and ends where an iommu_map() did */
size_t iommu_unmap_fast(struct iommu_domain *domain, unsigned long iova,
			size_t size, struct iommu_iotlb_gather *gather)
{
	struct env_dom *dom = to_env(domain);
	unsigned long first = PHYS_PFN(iova), end = PHYS_PFN(iova + size), i;

	shim_point("iommu_unmap", domain);
	IL_ASSERT(dom->live, "unmapping in a freed domain");
	IL_ASSERT(!first || !dom->pte[first - 1] ||
		  dom->call[first - 1] != dom->call[first],
		  "an unmap begins inside what was mapped at once");
	IL_ASSERT(end == ENV_IOVAS || !dom->pte[end] ||
		  dom->call[end] != dom->call[end - 1],
		  "an unmap ends inside what was mapped at once");
	for (i = first; i != end; i++) {
		IL_ASSERT(dom->pte[i], "IOVA %lu is unmapped twice", i);
		dom->pte[i] = 0;
		dom->unflushed[i] = true;
	}
	gather->start = min(gather->start, iova);
	gather->end = max(gather->end, iova + size - 1);
	return size;
}

static void env_iotlb_sync(struct iommu_domain *domain,
			   struct iommu_iotlb_gather *gather)
{
	struct env_dom *dom = to_env(domain);
	unsigned long i;

	shim_point("iotlb_sync", domain);
	for (i = PHYS_PFN(gather->start);
	     i <= min(PHYS_PFN(gather->end), ENV_IOVAS - 1); i++) {
		if (dom->unflushed[i]) {
			dom->unflushed[i] = false;
			dom->tlb[i] = dom->pte[i];
		}
	}
}

size_t iommu_unmap(struct iommu_domain *domain, unsigned long iova, size_t size)
{
	struct iommu_iotlb_gather gather;

	iommu_iotlb_gather_init(&gather);
	size = iommu_unmap_fast(domain, iova, size, &gather);
	iommu_iotlb_sync(domain, &gather);
	return size;
}

static int env_read_dirty(struct iommu_domain *domain, unsigned long iova,
			  size_t size, unsigned long flags,
			  struct iommu_dirty_bitmap *dirty)
{
	unsigned long i;

	shim_point("read_and_clear_dirty", domain);
	for (i = PHYS_PFN(iova); i <= PHYS_PFN(iova + size - 1); i++) {
		IL_ASSERT(to_env(domain)->pte[i],
			  "dirty bits of IOVA %lu, which is not mapped", i);
		if (!(env_dirty & BIT_ULL(i)))
			continue;
		iommu_dirty_bitmap_record(dirty, P(i), PAGE_SIZE);
		if (!(flags & IOMMU_DIRTY_NO_CLEAR))
			env_dirty &= ~BIT_ULL(i);
	}
	return 0;
}

static int env_set_dirty_tracking(struct iommu_domain *domain, bool enable)
{
	shim_point("set_dirty_tracking", domain);
	return 0;
}

static const struct iommu_dirty_ops env_dirty_ops = {
	.set_dirty_tracking = env_set_dirty_tracking,
	.read_and_clear_dirty = env_read_dirty,
};

/* Domains */

struct iommu_domain *env_domain_new(void)
{
	struct env_dom *dom = doms;

	while (dom->live)
		IL_ASSERT(++dom != doms + DOMAINS, "too many domains");
	*dom = (struct env_dom){ .live = true };
	dom->domain = (struct iommu_domain){
		.type = IOMMU_DOMAIN_UNMANAGED,
		.ops = &env_domain_ops,
		.dirty_ops = &env_dirty_ops,
		.owner = &env_ops,
		.pgsize_bitmap = PAGE_SIZE,
		.is_iommupt = env_iommu.frees_table,
		.geometry = {
			.aperture_end = env_iommu.settles_late ?
				0 : P(ENV_IOVAS) - 1,
			.force_aperture = true,
		},
	};
	return &dom->domain;
}

static struct iommu_domain *
env_domain_alloc(struct device *dev, u32 flags,
		 const struct iommu_user_data *user_data)
{
	might_sleep();
	shim_point("domain_alloc", dev);
	if (shim_fail("domain_alloc"))
		return ERR_PTR(-ENOMEM);
	return env_domain_new();
}

struct iommu_domain *iommu_paging_domain_alloc_flags(struct device *dev,
						     unsigned int flags)
{
	return env_domain_alloc(dev, flags, NULL);
}

void env_domain_free(struct iommu_domain *domain)
{
	struct env_dom *dom = to_env(domain);
	unsigned int i;

	IL_ASSERT(dom->live, "a domain is freed twice");
	IL_ASSERT(!dom->users, "a domain is freed that is attached");
	for (i = 0; i != ENV_IOVAS; i++)
		IL_ASSERT(!dom->pte[i] || domain->is_iommupt,
			  "a domain is freed that maps %u", i);
	dom->live = false;
}

void iommu_domain_free(struct iommu_domain *domain)
{
	shim_point("domain_free", domain);
	env_domain_free(domain);
}

/* Page requests */

static unsigned int device_index(const struct device *dev)
{
	return dev - env_devices;
}

static void env_page_response(struct device *dev, struct iopf_fault *fault,
			      struct iommu_page_response *response)
{
	shim_point("page_response", dev);
	IL_ASSERT(dev->iommu_group->owners,
		  "page request %u is answered after its device was unbound",
		  response->grpid);
	env_answers[response->grpid]++;
	il_log("page request %u: answered %u", response->grpid, response->code);
	IL_ASSERT(env_answers[response->grpid] <= env_requests[response->grpid],
		  "page request %u is answered twice", response->grpid);
}

static bool wants_page_requests(struct device *dev)
{
	unsigned int i;

	for (i = 0; i != PASIDS; i++)
		if (dev->iommu_group->domain[i] &&
		    dev->iommu_group->domain[i]->iopf_handler)
			return true;
	return false;
}

static bool no_handler(void *arg)
{
	return !reporting[device_index(arg)];
}

/*
 * As VT-d's and SMMUv3's: a device is in the queue while something wants its
 * page requests. What iommufd asks of drivers (fault.c): before they are turned
 * off, and before a detach returns, those on their way have ended.
 */
static void update_page_requests(struct iommu_group *group)
{
	unsigned int i;

	for (i = 0; i != ENV_DEVICES; i++) {
		struct device *dev = &env_devices[i];
		bool want = wants_page_requests(dev);

		if (dev->iommu_group != group || want == iopf_on[i])
			continue;
		if (want) {
			if (!iopf_queue)
				iopf_queue = iopf_queue_alloc("iopf");
			IL_ASSERT(iopf_queue, "iopf_queue_alloc");
			if (!dev->iommu->fault_param)
				IL_ASSERT(!iopf_queue_add_device(iopf_queue,
								 dev),
					  "iopf_queue_add_device");
			iopf_on[i] = true;
		} else {
			iopf_on[i] = false;
			il_block(no_handler, dev, "drain");
			if (!env_iommu.keeps_queue)
				iopf_queue_remove_device(iopf_queue, dev);
		}
	}
}

static void drain_page_requests(struct iommu_group *group)
{
	unsigned int i;

	for (i = 0; i != ENV_DEVICES; i++)
		if (env_devices[i].iommu_group == group)
			il_block(no_handler, &env_devices[i], "drain");
}

bool env_page_request(unsigned int device, unsigned int group)
{
	struct iopf_fault fault = {
		.fault = {
			.type = IOMMU_FAULT_PAGE_REQ,
			.prm = {
				.flags = IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE,
				.grpid = group,
				.perm = IOMMU_FAULT_PERM_READ,
				.addr = P(group),
			},
		},
	};

	shim_point("page request", NULL);
	if (!iopf_on[device])
		return false;
	env_requests[group]++;
	reporting[device]++;
	il_log("device %u: page request %u", device, group);
	iommu_report_device_fault(&env_devices[device], &fault);
	reporting[device]--;
	return true;
}

/* Groups */

struct iommu_group *iommu_group_get(struct device *dev)
{
	if (env_iommu.one_group)
		dev->iommu_group = &groups[0];
	return dev->iommu_group;
}

void iommu_group_put(struct iommu_group *group)
{
}

int iommu_group_id(struct iommu_group *group)
{
	return group->id;
}

bool iommu_group_has_isolated_msi(struct iommu_group *group)
{
	return true;
}

bool device_iommu_capable(struct device *dev, enum iommu_cap cap)
{
	dev->iommu->max_pasids = env_iommu.pasids;
	return cap == IOMMU_CAP_CACHE_COHERENCY ||
	       cap == IOMMU_CAP_DIRTY_TRACKING;
}

int iommu_device_claim_dma_owner(struct device *dev, void *owner)
{
	struct iommu_group *group = iommu_group_get(dev);
	int rc = 0;

	mutex_lock(&group->mutex);
	if (group->owners && group->owner != owner) {
		rc = -EPERM;
	} else {
		group->owner = owner;
		group->owners++;
	}
	mutex_unlock(&group->mutex);
	return rc;
}

void iommu_device_release_dma_owner(struct device *dev)
{
	struct iommu_group *group = dev->iommu_group;

	mutex_lock(&group->mutex);
	IL_ASSERT(group->owners, "a device's DMA is given back twice");
	IL_ASSERT(!group->domain[0] || group->owners > 1,
		  "a device's DMA is given back while it is attached");
	group->owners--;
	mutex_unlock(&group->mutex);
}

/* A device raises interrupts at any time, wherever it is attached */
static void assert_doorbell(struct iommu_group *group,
			    struct iommu_domain *domain)
{
	if (group->msi && domain)
		IL_ASSERT(to_env(domain)->pte[ENV_MSI_WINDOW] ==
			  ENV_DOORBELL + 1, "the MSI doorbell is not mapped");
}

static void set_domain(struct iommu_group *group, unsigned int pasid,
		       struct iommu_domain *domain)
{
	if (domain) {
		IL_ASSERT(to_env(domain)->live, "attaching a freed domain");
		to_env(domain)->users++;
		domain->geometry.aperture_end = P(ENV_IOVAS) - 1;
	}
	if (group->domain[pasid])
		to_env(group->domain[pasid])->users--;
	group->domain[pasid] = domain;
	if (!pasid)
		assert_doorbell(group, domain);
}

static int attach(struct iommu_group *group, unsigned int pasid,
		  struct iommu_domain *domain,
		  struct iommu_attach_handle *handle, bool replace)
{
	int rc = 0;

	mutex_lock(&group->mutex);
	if (!!group->handle[pasid] != replace) {
		rc = -EBUSY;
	} else if (shim_fail("attach_dev")) {
		rc = -EINVAL;
	} else {
		shim_point("attach_dev", domain);
		handle->domain = domain;
		/* As the core does: the handle first where it is a new one */
		if (!replace)
			group->handle[pasid] = handle;
		set_domain(group, pasid, domain);
		update_page_requests(group);
		shim_point("attached", domain);
		group->handle[pasid] = handle;
	}
	mutex_unlock(&group->mutex);
	return rc;
}

static void detach(struct iommu_group *group, unsigned int pasid,
		   struct iommu_domain *domain)
{
	mutex_lock(&group->mutex);
	IL_ASSERT(group->domain[pasid] == domain, "detach from another domain");
	set_domain(group, pasid, NULL);
	update_page_requests(group);
	drain_page_requests(group);
	shim_point("detached", domain);
	group->handle[pasid] = NULL;
	mutex_unlock(&group->mutex);
}

int iommu_attach_group_handle(struct iommu_domain *domain,
			      struct iommu_group *group,
			      struct iommu_attach_handle *handle)
{
	return attach(group, 0, domain, handle, false);
}

int iommu_replace_group_handle(struct iommu_group *group,
			       struct iommu_domain *domain,
			       struct iommu_attach_handle *handle)
{
	return attach(group, 0, domain, handle, true);
}

void iommu_detach_group_handle(struct iommu_domain *domain,
			       struct iommu_group *group)
{
	detach(group, 0, domain);
}

int iommu_attach_device_pasid(struct iommu_domain *domain, struct device *dev,
			      ioasid_t pasid,
			      struct iommu_attach_handle *handle)
{
	IL_ASSERT(pasid != IOMMU_NO_PASID, "a PASID that is none");
	return attach(dev->iommu_group, pasid, domain, handle, false);
}

int iommu_replace_device_pasid(struct iommu_domain *domain, struct device *dev,
			       ioasid_t pasid,
			       struct iommu_attach_handle *handle)
{
	IL_ASSERT(pasid != IOMMU_NO_PASID, "a PASID that is none");
	return attach(dev->iommu_group, pasid, domain, handle, true);
}

void iommu_detach_device_pasid(struct iommu_domain *domain, struct device *dev,
			       ioasid_t pasid)
{
	detach(dev->iommu_group, pasid, domain);
}

struct iommu_attach_handle *iommu_attach_handle_get(struct iommu_group *group,
						    ioasid_t pasid,
						    unsigned int type)
{
	struct iommu_attach_handle *handle;

	shim_point("iommu_attach_handle_get", group);
	handle = group->handle[pasid];
	/* Without a reference */
	shim_point("handle", handle);
	return handle ?: ERR_PTR(-ENOENT);
}

void iommu_get_resv_regions(struct device *dev, struct list_head *list)
{
	struct iommu_resv_region *region;

	if (!env_iommu.sw_msi)
		return;
	region = shim_alloc(sizeof(*region), true, false);
	region->start = P(ENV_MSI_WINDOW);
	region->length = P(4);
	region->type = IOMMU_RESV_SW_MSI;
	list_add_tail(&region->list, list);
}

void iommu_put_resv_regions(struct device *dev, struct list_head *list)
{
	struct iommu_resv_region *region, *next;

	list_for_each_entry_safe(region, next, list, list)
		kfree(region);
}

int env_request_msi(unsigned int device)
{
	struct iommu_group *group = env_devices[device].iommu_group;
	struct msi_desc desc = { .dev = &env_devices[device] };
	int rc = -ENODEV;

	mutex_lock(&group->mutex);
	if (group->domain[0]) {
		rc = iommufd_sw_msi(group->domain[0], &desc,
				    PFN_PHYS(ENV_DOORBELL) + 64);
		il_log("sw_msi = %d, %llx", rc, desc.iommu_msi_iova);
		if (!rc && desc.iommu_msi_shift) {
			group->msi = true;
			assert_doorbell(group, group->domain[0]);
		}
	}
	mutex_unlock(&group->mutex);
	return rc;
}

/* vIOMMUs */

bool env_has_vdevice(const struct iommufd_device *idev)
{
	unsigned int i;

	for (i = 0; i != VDEVICES; i++)
		if (vdevices[i] && devices_of[i] == idev)
			return true;
	return false;
}

static void env_vdevice_destroy(struct iommufd_vdevice *vdev)
{
	unsigned int i;

	shim_point("vdevice destroy", vdev);
	for (i = 0; i != VDEVICES; i++)
		if (vdevices[i] == vdev)
			break;
	IL_ASSERT(i != VDEVICES, "the driver destroys a vDEVICE twice");
	IL_ASSERT(vdev->idev, "a vDEVICE outlives its device");
	vdevices[i] = NULL;
}

static int env_vdevice_init(struct iommufd_vdevice *vdev)
{
	unsigned int i, slot = VDEVICES;

	shim_point("vdevice init", vdev);
	if (shim_fail("vdevice_init"))
		return -ENOMEM;
	for (i = 0; i != VDEVICES; i++) {
		if (!vdevices[i]) {
			slot = i;
			continue;
		}
		/* It is the driver's key */
		IL_ASSERT(virt_ids[i] != vdev->virt_id,
			  "the driver has that virtual ID still");
	}
	IL_ASSERT(slot != VDEVICES, "too many vDEVICEs");
	vdevices[slot] = vdev;
	virt_ids[slot] = vdev->virt_id;
	devices_of[slot] = vdev->idev;
	vdev->destroy = env_vdevice_destroy;
	return 0;
}

static size_t env_hw_queue_size(struct iommufd_viommu *viommu,
				enum iommu_hw_queue_type type)
{
	return sizeof(struct iommufd_hw_queue);
}

static void env_hw_queue_destroy(struct iommufd_hw_queue *queue)
{
	unsigned int i;

	shim_point("hw queue stops", queue);
	for (i = 0; i != ARRAY_SIZE(env_iommu.in_use); i++)
		env_iommu.in_use[i] = 0;
}

static int env_hw_queue_init(struct iommufd_hw_queue *queue, u32 index,
			     phys_addr_t phys)
{
	unsigned long i, n = PHYS_PFN(queue->length + PAGE_SIZE - 1);

	shim_point("hw queue starts", queue);
	if (shim_fail("hw_queue_init"))
		return -EIO;
	for (i = 0; i != n; i++) {
		IL_ASSERT(env_is_pinned(PHYS_PFN(phys) + i),
			  "a hardware queue's page is not pinned");
		env_iommu.in_use[i] = PHYS_PFN(phys) + i + 1;
	}
	queue->destroy = env_hw_queue_destroy;
	return 0;
}

static void env_viommu_destroy(struct iommufd_viommu *viommu)
{
	if (!env_iommu.mmio)
		return;
	IL_ASSERT(!env_mmio.mapped, "a vIOMMU goes whose MMIO is mapped");
	env_mmio.gone = true;
	iommufd_viommu_destroy_mmap(viommu, env_mmio.offset);
}

static const struct iommufd_viommu_ops env_viommu_ops = {
	.destroy = env_viommu_destroy,
	.vdevice_init = env_vdevice_init,
	.get_hw_queue_size = env_hw_queue_size,
	.hw_queue_init_phys = env_hw_queue_init,
};

static size_t env_viommu_size(struct device *dev, enum iommu_viommu_type type)
{
	return sizeof(struct iommufd_viommu);
}

static int env_viommu_init(struct iommufd_viommu *viommu,
			   struct iommu_domain *parent,
			   const struct iommu_user_data *user_data)
{
	int rc;

	shim_point("viommu init", viommu);
	if (env_iommu.mmio) {
		rc = iommufd_viommu_alloc_mmap(viommu, 0x10000, PAGE_SIZE,
					       &env_mmio.offset);
		if (rc)
			return rc;
		env_mmio.gone = false;
	}
	viommu->ops = &env_viommu_ops;
	return 0;
}

int io_remap_pfn_range(struct vm_area_struct *vma, unsigned long addr,
		       unsigned long pfn, unsigned long size, pgprot_t prot)
{
	shim_point("remap", vma);
	if (shim_fail("io_remap_pfn_range"))
		return -ENOMEM;
	IL_ASSERT(!env_mmio.gone, "MMIO is mapped whose vIOMMU is gone");
	return 0;
}

static const struct iommu_domain_ops env_domain_ops = {
	.iotlb_sync = env_iotlb_sync,
};

static const struct iommu_ops env_ops = {
	.domain_alloc_paging_flags = env_domain_alloc,
	.page_response = env_page_response,
	.get_viommu_size = env_viommu_size,
	.viommu_init = env_viommu_init,
	.default_domain_ops = &env_domain_ops,
};
