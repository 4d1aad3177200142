// SPDX-License-Identifier: GPL-2.0-only
/*
 * A mediated device, samples/vfio-mdev/mtty: two serial ports that the kernel
 * emulates. It has no IOMMU and is no DEVICE object: VFIO gives it an in-kernel
 * access, which is attached to an IOAS. By its own file, and by VFIO's containers.
 *
 * It takes the first mtty there is; to make one,
 *
 *   echo UUID >/sys/class/mtty/mtty/mdev_supported_types/mtty-2/create
 */
#include <sys/eventfd.h>
#include <linux/serial_reg.h>

#include "iommufd_vfio.h"

#define TEST_IOVA 0x10000000ULL
#define TEST_PAGES 8
#define PORTS 2
/* The FIFO is a ring of 16; mtty takes a full one for empty */
#define FIFO_FILL 15

static int file_new_eventfd(void)
{
	return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

/* How many events came since it was asked last */
static __u64 events(int file)
{
	__u64 count;

	return read(file, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

static int reg_write(int file, unsigned int port, unsigned int reg, __u8 value)
{
	__u64 size, base = vfio_region(file, port, &size);

	if (reg >= size)
		return -ENXIO;
	return pwrite(file, &value, 1, base + reg) == 1 ? 0 : -errno;
}

/* The value, or -errno */
static int reg_read(int file, unsigned int port, unsigned int reg)
{
	__u64 size, base = vfio_region(file, port, &size);
	__u8 value;

	if (reg >= size)
		return -ENXIO;
	return pread(file, &value, 1, base + reg) == 1 ? value : -errno;
}

/* @event: what to signal; NULL: nothing any more, or as @flags say */
static int irq_set(int file, __u32 index, __u32 flags, const int *event)
{
	char buf[sizeof(struct vfio_irq_set) + sizeof(*event)]
		__attribute__((aligned(8))) = {};
	struct vfio_irq_set *set = (void *)buf;

	set->argsz = event ? sizeof(buf) : sizeof(*set);
	set->flags = flags | (event ? VFIO_IRQ_SET_DATA_EVENTFD :
				      VFIO_IRQ_SET_DATA_NONE);
	set->index = index;
	set->count = event || flags != VFIO_IRQ_SET_ACTION_TRIGGER;
	if (event)
		memcpy(set->data, event, sizeof(*event));
	return iommu_call(file, VFIO_DEVICE_SET_IRQS, set);
}

/* An mtty that is attached to an IOAS, one way or the other */
FIXTURE(mtty)
{
	struct vfio_dev dev;
	int fd;		/* the iommufd, or container */
	int group;
	int file;	/* the device */
	__u32 ioas;
	char *mem;
	unsigned long charged;
};

FIXTURE_VARIANT(mtty)
{
	const char *path;
	unsigned long type;	/* of the container; 0: there is none */
};

FIXTURE_VARIANT_ADD(mtty, cdev)
{
	.path = "/dev/iommu",
};

FIXTURE_VARIANT_ADD(mtty, type1)
{
	.path = "/dev/vfio/vfio",
	.type = VFIO_TYPE1_IOMMU,
};

FIXTURE_VARIANT_ADD(mtty, type1v2)
{
	.path = "/dev/vfio/vfio",
	.type = VFIO_TYPE1v2_IOMMU,
};

/* /dev/iommu does for a container, too */
FIXTURE_VARIANT_ADD(mtty, iommufd_container)
{
	.path = "/dev/iommu",
	.type = VFIO_TYPE1v2_IOMMU,
};

FIXTURE_SETUP(mtty)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };

	if (!vfio_find_of(MTTY_DRIVER, &self->dev, 1, false))
		SKIP(return, "there is no mtty");
	self->fd = open(variant->path, O_RDWR | O_CLOEXEC);
	if (self->fd < 0)
		SKIP(return, "there is no %s", variant->path);
	self->mem = memory_new(TEST_PAGES);
	ASSERT_NE(NULL, self->mem);
	self->charged = proc_status("VmLck");
	self->group = -1;
	if (variant->type) {
		self->file = container_enter(&self->dev, self->fd,
					     variant->type, &self->group);
		ASSERT_LE(0, self->file);
	} else {
		CALL(vfio_open(&self->dev));
		CALL(vfio_bind(&self->dev, self->fd));
		CALL(ioas_alloc(self->fd, &self->ioas));
		CALL(vfio_attach(&self->dev, self->ioas, NULL));
		self->file = self->dev.file;
	}
	/* mtty takes no interrupts before it was asked how many it has */
	CALL(iommu_call(self->file, VFIO_DEVICE_GET_INFO, &info));
}

FIXTURE_TEARDOWN(mtty)
{
	EXPECT_EQ(0, close(self->file));
	if (self->ioas && self->fd >= 0)
		EXPECT_EQ(0, object_destroy(self->fd, self->ioas));
	if (self->group >= 0)
		EXPECT_EQ(0, close(self->group));
	EXPECT_EQ(0, proc_status("VmPin"));
	EXPECT_EQ(self->charged, proc_status("VmLck"));
	if (self->fd >= 0)
		EXPECT_EQ(0, close(self->fd));
	munmap(self->mem, TEST_PAGES * page);
}

/* An empty FIFO, 8 bits per character, no interrupts */
static int port_init(int file, unsigned int port)
{
	return reg_write(file, port, UART_LCR, UART_LCR_WLEN8) ?:
	       reg_write(file, port, UART_IER, 0) ?:
	       reg_write(file, port, UART_MCR, 0) ?:
	       reg_write(file, port, UART_FCR, UART_FCR_ENABLE_FIFO |
			 UART_FCR_CLEAR_RCVR | UART_FCR_CLEAR_XMIT);
}

/* What is sent on a port comes back on it, and not on the other */
static int ports_loop_back(int file, __u8 seed)
{
	unsigned int port, i;
	int rc;

	for (port = 0; port != PORTS; port++) {
		rc = port_init(file, port);
		if (rc)
			return rc;
		rc = reg_read(file, port, UART_LSR);
		if (rc != (UART_LSR_THRE | UART_LSR_TEMT))
			return rc < 0 ? rc : -EBUSY;
	}
	for (i = 0; i != FIFO_FILL; i++) {
		for (port = 0; port != PORTS; port++) {
			rc = reg_write(file, port, UART_TX,
				       seed + 7 * i + 128 * port);
			if (rc)
				return rc;
		}
	}
	for (port = 0; port != PORTS; port++) {
		for (i = 0; i != FIFO_FILL; i++) {
			if (reg_read(file, port, UART_LSR) != UART_LSR_DR)
				return -ENODATA;
			if (reg_read(file, port, UART_RX) !=
			    (__u8)(seed + 7 * i + 128 * port))
				return -EBADMSG;
		}
		if (reg_read(file, port, UART_LSR) & UART_LSR_DR)
			return -EOVERFLOW;
	}
	return 0;
}

TEST_F(mtty, identity)
{
	const __u8 class[] = { 0x10, 0x02, 0x00, 0x07 };
	__u64 size, config;
	__u8 header[64];

	config = vfio_region(self->file, VFIO_PCI_CONFIG_REGION_INDEX, &size);
	ASSERT_LE(sizeof(header), size);
	ASSERT_EQ(sizeof(header),
		  pread(self->file, header, sizeof(header), config));
	EXPECT_EQ(0, memcmp(header, "HCS2", 4));
	/* Revision and class: a 16550 */
	EXPECT_EQ(0, memcmp(header + 8, class, sizeof(class)));

	vfio_region(self->file, VFIO_PCI_BAR1_REGION_INDEX, &size);
	EXPECT_EQ(8, size);
	vfio_region(self->file, VFIO_PCI_BAR2_REGION_INDEX, &size);
	EXPECT_EQ(0, size);
}

TEST_F(mtty, registers)
{
	unsigned int port;
	int file = self->file;

	for (port = 0; port != PORTS; port++) {
		CALL(port_init(file, port));
		EXPECT_EQ(0, reg_write(file, port, UART_SCR, 0xa5 + port));
		EXPECT_EQ(0, reg_write(file, port, UART_LCR, UART_LCR_DLAB |
				       UART_LCR_WLEN8));
		EXPECT_EQ(0, reg_write(file, port, UART_DLL, 0x0c + port));
		EXPECT_EQ(0, reg_write(file, port, UART_DLM, 0x01));
	}
	for (port = 0; port != PORTS; port++) {
		EXPECT_EQ(0x0c + port, reg_read(file, port, UART_DLL));
		EXPECT_EQ(0x01, reg_read(file, port, UART_DLM));
		EXPECT_EQ(0, reg_write(file, port, UART_LCR, UART_LCR_WLEN8));
		EXPECT_EQ(0, reg_read(file, port, UART_IER));
		EXPECT_EQ(0xa5 + port, reg_read(file, port, UART_SCR));
	}
}

TEST_F(mtty, loopback)
{
	int file = self->file;

	EXPECT_EQ(0, ports_loop_back(file, 0x11));

	/* Without a FIFO the second character has nowhere to go */
	CALL(port_init(file, 0));
	EXPECT_EQ(0, reg_write(file, 0, UART_FCR, UART_FCR_CLEAR_RCVR |
			       UART_FCR_CLEAR_XMIT));
	EXPECT_EQ(0, reg_write(file, 0, UART_TX, 'a'));
	EXPECT_EQ(UART_LSR_DR, reg_read(file, 0, UART_LSR));
	EXPECT_EQ(0, reg_write(file, 0, UART_TX, 'b'));
	EXPECT_EQ(UART_LSR_DR | UART_LSR_OE, reg_read(file, 0, UART_LSR));
	EXPECT_EQ('a', reg_read(file, 0, UART_RX));
	EXPECT_EQ(0, reg_write(file, 0, UART_TX, 'c'));
	EXPECT_EQ('c', reg_read(file, 0, UART_RX));
}

TEST_F(mtty, intx)
{
	const __u32 trigger = VFIO_IRQ_SET_ACTION_TRIGGER;
	int file = self->file, event = file_new_eventfd();

	ASSERT_LE(0, event);
	CALL(port_init(file, 0));
	EXPECT_EQ(-EINVAL, irq_set(file, VFIO_PCI_NUM_IRQS, trigger, &event));
	CALL(irq_set(file, VFIO_PCI_INTX_IRQ_INDEX, trigger, &event));
	EXPECT_EQ(0, reg_write(file, 0, UART_TX, 'x'));
	EXPECT_EQ(0, events(event));
	EXPECT_EQ('x', reg_read(file, 0, UART_RX));

	/* A character is there */
	EXPECT_EQ(0, reg_write(file, 0, UART_IER, UART_IER_RDI));
	EXPECT_EQ(0, reg_write(file, 0, UART_TX, 'y'));
	EXPECT_EQ(1, events(event));
	EXPECT_EQ(UART_IIR_RDI, reg_read(file, 0, UART_IIR) & UART_IIR_ID);
	EXPECT_EQ('y', reg_read(file, 0, UART_RX));

	/* Masked by that, until it is told otherwise */
	EXPECT_EQ(0, reg_write(file, 0, UART_TX, 'z'));
	EXPECT_EQ(0, events(event));
	EXPECT_EQ('z', reg_read(file, 0, UART_RX));
	CALL(irq_set(file, VFIO_PCI_INTX_IRQ_INDEX, VFIO_IRQ_SET_ACTION_UNMASK,
		     NULL));
	EXPECT_EQ(0, reg_write(file, 0, UART_TX, '!'));
	EXPECT_EQ(1, events(event));
	EXPECT_EQ('!', reg_read(file, 0, UART_RX));

	/* One kind at a time; and then none */
	EXPECT_EQ(-EINVAL, irq_set(file, VFIO_PCI_MSI_IRQ_INDEX, trigger,
				   &event));
	CALL(irq_set(file, VFIO_PCI_INTX_IRQ_INDEX, trigger, NULL));
	EXPECT_EQ(0, reg_write(file, 0, UART_TX, '?'));
	EXPECT_EQ(0, events(event));
	EXPECT_EQ(0, close(event));
}

TEST_F(mtty, msi)
{
	const __u32 trigger = VFIO_IRQ_SET_ACTION_TRIGGER;
	int file = self->file, event = file_new_eventfd();
	unsigned int port, i;

	ASSERT_LE(0, event);
	CALL(irq_set(file, VFIO_PCI_MSI_IRQ_INDEX, trigger, &event));
	for (port = 0; port != PORTS; port++) {
		CALL(port_init(file, port));
		EXPECT_EQ(0, reg_write(file, port, UART_IER, UART_IER_RDI));
	}
	for (i = 0; i != 3; i++) {
		for (port = 0; port != PORTS; port++)
			EXPECT_EQ(0, reg_write(file, port, UART_TX, 'a' + i));
		EXPECT_EQ(PORTS, events(event));
		for (port = 0; port != PORTS; port++)
			EXPECT_EQ('a' + i, reg_read(file, port, UART_RX));
	}

	/* All read, where that is asked for */
	EXPECT_EQ(0, reg_write(file, 0, UART_TX, 'm'));
	EXPECT_EQ(1, events(event));
	EXPECT_EQ(0, reg_write(file, 0, UART_IER, UART_IER_THRI));
	EXPECT_EQ('m', reg_read(file, 0, UART_RX));
	EXPECT_EQ(1, events(event));
	EXPECT_EQ(UART_IIR_THRI, reg_read(file, 0, UART_IIR) & UART_IIR_ID);
	CALL(irq_set(file, VFIO_PCI_MSI_IRQ_INDEX, trigger, NULL));
	EXPECT_EQ(0, close(event));
}

/* Whichever way the mtty was attached */
static int space_map(struct _test_data_mtty *self, unsigned int first,
		     unsigned int npages, __u64 iova)
{
	const char *va = self->mem + first * page;

	if (self->group >= 0)
		return container_map(self->fd, va, npages * page, iova);
	return ioas_map_at(self->fd, self->ioas, va, npages * page, iova);
}

static long space_unmap(struct _test_data_mtty *self, __u64 iova,
			unsigned int npages)
{
	__u64 unmapped;
	int rc;

	if (self->group >= 0)
		return container_unmap(self->fd, iova, npages * page, 0);
	rc = ioas_unmap_count(self->fd, self->ioas, iova, npages * page,
			      &unmapped);
	return rc ? rc : (long)unmapped;
}

TEST_F(mtty, map_unmap)
{
	/* To VFIO, there is no error in unmapping nothing */
	const int nothing = variant->type ? 0 : -ENOENT;

	CALL(space_map(self, 0, 4, TEST_IOVA));
	CALL(space_map(self, 4, 2, TEST_IOVA + 4 * page));
	/* Nobody reaches the memory: it is not pinned, and costs nothing */
	EXPECT_EQ(0, proc_status("VmPin"));
	EXPECT_EQ(self->charged, proc_status("VmLck"));
	EXPECT_EQ(0, ports_loop_back(self->file, 0x33));

	EXPECT_EQ(-EEXIST, space_map(self, 0, 1, TEST_IOVA + 3 * page));
	EXPECT_EQ(-EEXIST, space_map(self, 0, 2, TEST_IOVA - page));
	EXPECT_EQ(-EINVAL, space_map(self, 0, 0, TEST_IOVA + 8 * page));
	/* It might pin pages: so it wants whole ones */
	EXPECT_EQ(-EINVAL, space_map(self, 0, 1, TEST_IOVA + 8 * page + 1));
	EXPECT_EQ(-EOVERFLOW, space_map(self, 0, 2, -page));
	EXPECT_EQ(nothing, space_unmap(self, TEST_IOVA + 6 * page, 1));
	EXPECT_EQ(nothing, space_unmap(self, TEST_IOVA - page, 1));

	/* Two areas at once */
	EXPECT_EQ(6 * page, space_unmap(self, TEST_IOVA, 6));
	EXPECT_EQ(nothing, space_unmap(self, TEST_IOVA, 6));
	CALL(space_map(self, 0, TEST_PAGES, TEST_IOVA));
	EXPECT_EQ(TEST_PAGES * page, space_unmap(self, TEST_IOVA, TEST_PAGES));
	EXPECT_EQ(0, ports_loop_back(self->file, 0x44));
}

/* Only version 1 of the container cuts a mapping */
TEST_F(mtty, unmap_part)
{
	CALL(space_map(self, 0, 4, TEST_IOVA));
	if (variant->type == VFIO_TYPE1_IOMMU) {
		EXPECT_EQ(2 * page, space_unmap(self, TEST_IOVA + page, 2));
		EXPECT_EQ(-EEXIST, space_map(self, 0, 1, TEST_IOVA));
		EXPECT_EQ(-EEXIST, space_map(self, 0, 1, TEST_IOVA + 3 * page));
		EXPECT_EQ(0, space_map(self, 0, 2, TEST_IOVA + page));
	} else {
		EXPECT_EQ(-ENOENT, space_unmap(self, TEST_IOVA + page, 2));
		EXPECT_EQ(-ENOENT, space_unmap(self, TEST_IOVA, 2));
	}
	EXPECT_EQ(4 * page, space_unmap(self, TEST_IOVA, 4));
	EXPECT_EQ(0, ports_loop_back(self->file, 0x55));
}

/* What is still mapped is no concern of the device that leaves */
TEST_F(mtty, leaves_mappings)
{
	CALL(space_map(self, 0, 4, TEST_IOVA));
	EXPECT_EQ(0, ports_loop_back(self->file, 0x66));
}

/* The file of the container, or iommufd, may be closed first */
TEST_F(mtty, outlives_file)
{
	CALL(space_map(self, 0, 4, TEST_IOVA));
	EXPECT_EQ(0, close(self->fd));
	self->fd = -1;
	EXPECT_EQ(0, ports_loop_back(self->file, 0x77));
}

/* The container's IOAS by its ID: the container has /dev/iommu's ioctls, too */
TEST_F(mtty, container_ioas)
{
	__u32 ioas = 0, none = 0, other = 0;

	if (!variant->type) {
		/* Not before there is one */
		EXPECT_EQ(-ENODEV, vfio_ioas(self->fd, IOMMU_VFIO_IOAS_GET,
					     &ioas));
		EXPECT_EQ(-ENODEV, container_map(self->fd, self->mem, page,
						 TEST_IOVA));
		EXPECT_EQ(-ENODEV, container_unmap(self->fd, TEST_IOVA, page,
						   0));
		return;
	}
	CALL(vfio_ioas(self->fd, IOMMU_VFIO_IOAS_GET, &ioas));
	EXPECT_EQ(-EBUSY, object_destroy(self->fd, ioas));
	CALL(ioas_map_at(self->fd, ioas, self->mem, 2 * page, TEST_IOVA));
	EXPECT_EQ(-EEXIST, space_map(self, 0, 1, TEST_IOVA));
	EXPECT_EQ(2 * page, space_unmap(self, TEST_IOVA, 2));
	CALL(space_map(self, 0, 2, TEST_IOVA));
	EXPECT_EQ(0, ioas_unmap(self->fd, ioas, TEST_IOVA, 2 * page));

	/* Without one there is nothing to map to; the device keeps its own */
	EXPECT_EQ(0, vfio_ioas(self->fd, IOMMU_VFIO_IOAS_CLEAR, &none));
	EXPECT_EQ(-ENODEV, space_map(self, 0, 2, TEST_IOVA));
	EXPECT_EQ(-ENODEV, vfio_ioas(self->fd, IOMMU_VFIO_IOAS_GET, &other));
	EXPECT_EQ(-EBUSY, object_destroy(self->fd, ioas));
	EXPECT_EQ(0, ports_loop_back(self->file, 0x88));
	EXPECT_EQ(0, vfio_ioas(self->fd, IOMMU_VFIO_IOAS_SET, &ioas));
	EXPECT_EQ(0, space_map(self, 0, 2, TEST_IOVA));
	EXPECT_EQ(2 * page, space_unmap(self, TEST_IOVA, 2));

	/* The last device gone, it can be destroyed, and the container has none */
	EXPECT_EQ(0, close(self->file));
	EXPECT_EQ(0, object_destroy(self->fd, ioas));
	EXPECT_EQ(-ENODEV, vfio_ioas(self->fd, IOMMU_VFIO_IOAS_GET, &other));
	/* For the teardown, which closes it */
	self->file = dup(self->fd);
}

/* What the type1 calls say where no IOMMU limits anything */
TEST_F(mtty, container_info)
{
	struct vfio_iommu_type1_info info = { .argsz = sizeof(info) };

	if (!variant->type) {
		EXPECT_EQ(-ENODEV, iommu_call(self->fd, VFIO_IOMMU_GET_INFO,
					      &info));
		EXPECT_EQ(-ENODEV, iommu_call(self->fd, VFIO_SET_IOMMU,
					      (void *)VFIO_TYPE1v2_IOMMU));
		EXPECT_EQ(0, iommu_call(self->fd, VFIO_CHECK_EXTENSION,
					(void *)VFIO_DMA_CC_IOMMU));
		EXPECT_EQ(1, iommu_call(self->fd, VFIO_CHECK_EXTENSION,
					(void *)VFIO_NOIOMMU_IOMMU));
		return;
	}
	EXPECT_EQ(1, iommu_call(self->fd, VFIO_CHECK_EXTENSION,
				(void *)VFIO_TYPE1v2_IOMMU));
	EXPECT_EQ(1, iommu_call(self->fd, VFIO_CHECK_EXTENSION,
				(void *)VFIO_DMA_CC_IOMMU));
	EXPECT_EQ(0, iommu_call(self->fd, VFIO_CHECK_EXTENSION,
				(void *)VFIO_NOIOMMU_IOMMU));
	CALL(iommu_call(self->fd, VFIO_IOMMU_GET_INFO, &info));
	EXPECT_EQ(VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS, info.flags);
	EXPECT_EQ(page, info.iova_pgsizes & page);
	EXPECT_LT(sizeof(info), info.argsz);
	EXPECT_EQ(-ENODEV, iommu_call(self->fd, VFIO_SET_IOMMU,
				      (void *)VFIO_NOIOMMU_IOMMU));
	EXPECT_EQ(-EINVAL, iommu_call(self->fd, VFIO_SET_IOMMU,
				      (void *)VFIO_SPAPR_TCE_IOMMU));
	/* The container tracks no dirty pages, and says so */
	EXPECT_EQ(-ENOTTY, iommu_call(self->fd, VFIO_IOMMU_DIRTY_PAGES, &info));
}

/* What the type1 calls refuse, with an IOAS and without */
TEST_F(mtty, container_bad)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ,
		.vaddr = to_u64(self->mem),
		.iova = TEST_IOVA,
		.size = page,
	};
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = TEST_IOVA,
		.size = page,
	};
	struct vfio_iommu_type1_info info = {};
	int fd = self->fd;

	EXPECT_EQ(-EFAULT, iommu_call(fd, VFIO_IOMMU_MAP_DMA, NULL));
	EXPECT_EQ(-EFAULT, iommu_call(fd, VFIO_IOMMU_UNMAP_DMA, NULL));
	EXPECT_EQ(-EFAULT, iommu_call(fd, VFIO_IOMMU_GET_INFO, NULL));
	EXPECT_EQ(-EINVAL, iommu_call(fd, VFIO_IOMMU_GET_INFO, &info));

	map.argsz--;
	EXPECT_EQ(-EINVAL, iommu_call(fd, VFIO_IOMMU_MAP_DMA, &map));
	map.argsz++;
	map.flags |= VFIO_DMA_MAP_FLAG_VADDR;
	EXPECT_EQ(-EINVAL, iommu_call(fd, VFIO_IOMMU_MAP_DMA, &map));
	map.flags = 0;
	EXPECT_EQ(-EINVAL, iommu_call(fd, VFIO_IOMMU_MAP_DMA, &map));

	unmap.argsz--;
	EXPECT_EQ(-EINVAL, iommu_call(fd, VFIO_IOMMU_UNMAP_DMA, &unmap));
	unmap.argsz++;
	unmap.flags = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP;
	EXPECT_EQ(-EINVAL, iommu_call(fd, VFIO_IOMMU_UNMAP_DMA, &unmap));
	unmap.flags = VFIO_DMA_UNMAP_FLAG_VADDR;
	EXPECT_EQ(-EINVAL, iommu_call(fd, VFIO_IOMMU_UNMAP_DMA, &unmap));
	if (!variant->type)
		return;

	unmap.flags = 0;
	unmap.iova = -page;
	unmap.size = 2 * page;
	EXPECT_EQ(-EOVERFLOW, iommu_call(fd, VFIO_IOMMU_UNMAP_DMA, &unmap));
	map.flags = VFIO_DMA_MAP_FLAG_READ;
	map.vaddr = -page;
	map.size = 2 * page;
	EXPECT_EQ(-EOVERFLOW, iommu_call(fd, VFIO_IOMMU_MAP_DMA, &map));
	EXPECT_EQ(0, space_unmap(self, TEST_IOVA, 1));
}

/* VFIO's dirty page log, by which variant drivers report to an iova_bitmap */
static int log_call(int file, __u32 flags, const void *arg, size_t size)
{
	char buf[sizeof(struct vfio_device_feature) + 64]
		__attribute__((aligned(8))) = {};
	struct vfio_device_feature *feature = (void *)buf;

	feature->argsz = sizeof(*feature) + size;
	feature->flags = flags;
	memcpy(feature->data, arg, size);
	return iommu_call(file, VFIO_DEVICE_FEATURE, feature);
}

static int log_report(int file, __u64 iova, __u64 length, __u64 page_size,
		      void *bitmap)
{
	struct vfio_device_feature_dma_logging_report report = {
		.iova = iova,
		.length = length,
		.page_size = page_size,
		.bitmap = to_u64(bitmap),
	};

	return log_call(file, VFIO_DEVICE_FEATURE_GET |
			VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT, &report,
			sizeof(report));
}

TEST_F(mtty, dirty_log)
{
	struct vfio_device_feature_dma_logging_range range = {
		.iova = TEST_IOVA,
		.length = 4ULL << 30,
	};
	struct vfio_device_feature_dma_logging_control start = {
		.page_size = page,
		.num_ranges = 1,
		.ranges = to_u64(&range),
	};
	size_t i, size = range.length / page / 8;
	struct guarded tail = guarded_new();
	__u8 *bitmap = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, bitmap);
	memset(bitmap, 0x5a, size);
	CALL(log_call(self->file, VFIO_DEVICE_FEATURE_SET |
		      VFIO_DEVICE_FEATURE_DMA_LOGGING_START, &start,
		      sizeof(start)));
	/* It writes nowhere: no bit is set, and none is ever cleared */
	EXPECT_EQ(0, log_report(self->file, range.iova, range.length, page,
				bitmap));
	for (i = 0; i != size; i++)
		if (bitmap[i] != 0x5a)
			break;
	EXPECT_EQ(size, i);
	EXPECT_EQ(0, log_report(self->file, range.iova, 64 * page, page,
				guarded_tail(&tail, 8)));
	/* Not a word of it can be written */
	EXPECT_EQ(-EFAULT, log_report(self->file, range.iova, range.length,
				      page, tail.base + page));
	EXPECT_EQ(-EINVAL, log_report(self->file, range.iova, 64 * page,
				      page / 2, bitmap));
	EXPECT_EQ(-EOVERFLOW, log_report(self->file, -page, 2 * page, page,
					 bitmap));
	CALL(log_call(self->file, VFIO_DEVICE_FEATURE_SET |
		      VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP, "", 0));
	EXPECT_EQ(0, proc_status("VmPin"));
	munmap(bitmap, size);
	guarded_free(&tail);
}

/* Its own file, and what is between binding and attaching */
FIXTURE(access)
{
	struct vfio_dev dev;
	int fd;
	__u32 ioas[2];
	char *mem;
};

FIXTURE_SETUP(access)
{
	int i;

	if (!vfio_find_of(MTTY_DRIVER, &self->dev, 1, false))
		SKIP(return, "there is no mtty");
	self->fd = iommu_open();
	ASSERT_LE(0, self->fd);
	self->mem = memory_new(TEST_PAGES);
	ASSERT_NE(NULL, self->mem);
	CALL(vfio_open(&self->dev));
	CALL(vfio_bind(&self->dev, self->fd));
	for (i = 0; i != 2; i++)
		CALL(ioas_alloc(self->fd, &self->ioas[i]));
}

FIXTURE_TEARDOWN(access)
{
	int i;

	EXPECT_EQ(0, vfio_close(&self->dev));
	EXPECT_EQ(-ENOENT, object_destroy(self->fd, self->dev.id));
	for (i = 0; i != 2; i++)
		EXPECT_EQ(0, object_destroy(self->fd, self->ioas[i]));
	EXPECT_EQ(0, proc_status("VmPin"));
	EXPECT_EQ(0, close(self->fd));
	munmap(self->mem, TEST_PAGES * page);
}

TEST_F(access, bind_once)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int other = iommu_open();
	__u32 id = next_id(other);

	ASSERT_LE(0, null);
	ASSERT_LE(0, other);
	EXPECT_EQ(-EINVAL, vfio_bind(&self->dev, self->fd));
	EXPECT_EQ(-EINVAL, vfio_bind(&self->dev, other));
	EXPECT_EQ(id, next_id(other));

	EXPECT_EQ(0, vfio_close(&self->dev));
	CALL(vfio_open(&self->dev));
	EXPECT_EQ(-EINVAL, vfio_attach(&self->dev, self->ioas[0], NULL));
	EXPECT_EQ(-EBADFD, vfio_bind(&self->dev, null));
	EXPECT_EQ(0, close(null));
	EXPECT_EQ(-EBADF, vfio_bind(&self->dev, null));
	EXPECT_EQ(0, vfio_bind(&self->dev, self->fd));
	EXPECT_EQ(0, close(other));
}

/* It has an ID, but is no device of an IOMMU, and not userspace's to destroy */
TEST_F(access, not_a_device)
{
	struct iommu_hw_info info = {
		.size = sizeof(info),
		.dev_id = self->dev.id,
	};
	__u32 id;

	EXPECT_EQ(-EBUSY, object_destroy(self->fd, self->dev.id));
	EXPECT_EQ(-ENOENT, iommu_call(self->fd, IOMMU_GET_HW_INFO, &info));
	EXPECT_EQ(-ENOENT, hwpt_alloc(self->fd, self->dev.id, self->ioas[0], 0,
				      &id));
	CALL(vfio_attach(&self->dev, self->ioas[0], &id));
	EXPECT_EQ(self->ioas[0], id);
	EXPECT_EQ(-EBUSY, object_destroy(self->fd, self->dev.id));
}

TEST_F(access, attach_to_ioas_only)
{
	struct mock_dev mock;
	__u32 id = next_id(self->fd);

	EXPECT_EQ(-ENOENT, vfio_attach(&self->dev, id, NULL));
	EXPECT_EQ(-ENOENT, vfio_attach(&self->dev, 0, NULL));
	EXPECT_EQ(-ENOENT, vfio_attach(&self->dev, self->dev.id, NULL));
	EXPECT_EQ(0, vfio_detach(&self->dev));
	EXPECT_EQ(id, next_id(self->fd));
	if (mock_attach(self->fd, self->ioas[0], &mock))
		SKIP(return, "there is no mock IOMMU");
	EXPECT_EQ(-ENOENT, vfio_attach(&self->dev, mock.hwpt, NULL));
	EXPECT_EQ(-ENOENT, vfio_attach(&self->dev, mock.idev, NULL));
	EXPECT_EQ(0, object_destroy(self->fd, mock.id));
}

TEST_F(access, holds_ioas)
{
	CALL(vfio_attach(&self->dev, self->ioas[0], NULL));
	EXPECT_EQ(-EBUSY, object_destroy(self->fd, self->ioas[0]));
	/* Attaching again replaces */
	CALL(vfio_attach(&self->dev, self->ioas[0], NULL));
	EXPECT_EQ(-EBUSY, object_destroy(self->fd, self->ioas[0]));
	CALL(vfio_attach(&self->dev, self->ioas[1], NULL));
	EXPECT_EQ(0, object_destroy(self->fd, self->ioas[0]));
	EXPECT_EQ(-EBUSY, object_destroy(self->fd, self->ioas[1]));
	EXPECT_EQ(-ENOENT, vfio_attach(&self->dev, self->ioas[0], NULL));
	EXPECT_EQ(-EBUSY, object_destroy(self->fd, self->ioas[1]));
	EXPECT_EQ(0, ports_loop_back(self->dev.file, 0x99));

	EXPECT_EQ(0, vfio_detach(&self->dev));
	EXPECT_EQ(0, vfio_detach(&self->dev));
	EXPECT_EQ(0, object_destroy(self->fd, self->ioas[1]));
	EXPECT_EQ(0, ports_loop_back(self->dev.file, 0xaa));

	/* Closing the device detaches it, too */
	CALL(ioas_alloc(self->fd, &self->ioas[0]));
	CALL(vfio_attach(&self->dev, self->ioas[0], NULL));
	EXPECT_EQ(0, vfio_close(&self->dev));
	EXPECT_EQ(0, object_destroy(self->fd, self->ioas[0]));
	CALL(vfio_open(&self->dev));
	CALL(vfio_bind(&self->dev, self->fd));
	CALL(ioas_alloc(self->fd, &self->ioas[0]));
	CALL(ioas_alloc(self->fd, &self->ioas[1]));
}

/* It might pin pages, so it takes mappings of whole pages only */
TEST_F(access, alignment)
{
	struct iommu_iova_range ranges[8];
	__u32 num = ARRAY_SIZE(ranges);
	__u64 alignment;

	CALL(ioas_ranges(self->fd, self->ioas[0], ranges, &num, &alignment));
	EXPECT_EQ(1, alignment);
	CALL(ioas_map_at(self->fd, self->ioas[0], self->mem + 1, page,
			 TEST_IOVA + 1));
	EXPECT_EQ(-EADDRINUSE, vfio_attach(&self->dev, self->ioas[0], NULL));
	CALL(vfio_attach(&self->dev, self->ioas[1], NULL));
	/* Refused, it stays where it is */
	EXPECT_EQ(-EADDRINUSE, vfio_attach(&self->dev, self->ioas[0], NULL));
	EXPECT_EQ(-EBUSY, object_destroy(self->fd, self->ioas[1]));
	num = ARRAY_SIZE(ranges);
	CALL(ioas_ranges(self->fd, self->ioas[1], ranges, &num, &alignment));
	EXPECT_EQ(page, alignment);
	EXPECT_EQ(-EINVAL, ioas_map_at(self->fd, self->ioas[1], self->mem,
				       page, TEST_IOVA + 1));

	EXPECT_EQ(0, ioas_unmap(self->fd, self->ioas[0], TEST_IOVA + 1, page));
	CALL(vfio_attach(&self->dev, self->ioas[0], NULL));
	EXPECT_EQ(-EINVAL, ioas_map_at(self->fd, self->ioas[0], self->mem,
				       page, TEST_IOVA + 1));
	EXPECT_EQ(0, vfio_detach(&self->dev));
	num = ARRAY_SIZE(ranges);
	CALL(ioas_ranges(self->fd, self->ioas[0], ranges, &num, &alignment));
	EXPECT_EQ(1, alignment);
}

/* One IOAS for it and for a device that does DMA */
TEST_F(access, beside_a_device)
{
	struct mock_dev mock;

	CALL(vfio_attach(&self->dev, self->ioas[0], NULL));
	CALL(ioas_map_at(self->fd, self->ioas[0], self->mem, 4 * page,
			 TEST_IOVA));
	EXPECT_EQ(0, proc_status("VmPin"));
	if (mock_attach(self->fd, self->ioas[0], &mock))
		SKIP(return, "there is no mock IOMMU");
	EXPECT_EQ(4, proc_status("VmPin"));
	EXPECT_EQ(0, mock_check_map(self->fd, mock.hwpt, TEST_IOVA, self->mem,
				    4 * page));
	EXPECT_EQ(0, vfio_attach(&self->dev, self->ioas[1], NULL));
	EXPECT_EQ(0, vfio_attach(&self->dev, self->ioas[0], NULL));
	EXPECT_EQ(4, proc_status("VmPin"));
	EXPECT_EQ(0, ports_loop_back(self->dev.file, 0xbb));
	EXPECT_EQ(0, ioas_unmap(self->fd, self->ioas[0], TEST_IOVA, 4 * page));
	EXPECT_EQ(0, proc_status("VmPin"));
	EXPECT_EQ(0, object_destroy(self->fd, mock.id));
}

TEST_HARNESS_MAIN
