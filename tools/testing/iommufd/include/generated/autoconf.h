/* SPDX-License-Identifier: GPL-2.0-only */
/* The configuration that iommufd is compiled with. */
#define CONFIG_64BIT 1
#define CONFIG_MMU 1
#define CONFIG_SMP 1
#define CONFIG_INTERVAL_TREE_SPAN_ITER 1
#define CONFIG_IOMMU_API 1
#define CONFIG_IOMMU_IOPF 1
#define CONFIG_IOMMU_PT 1
#define CONFIG_IOMMUFD 1
#define CONFIG_IOMMUFD_DRIVER 1
#define CONFIG_IOMMUFD_DRIVER_CORE 1
#define CONFIG_IOMMUFD_VFIO_CONTAINER 1
#define CONFIG_IRQ_MSI_IOMMU 1
