/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Put before every kselftest (gcc -include). The harness gives a test 30 s,
 * which is meant for a real machine: an emulated one, with every checker of the
 * debug kernel, is up to twenty times slower.
 */
#include "kselftest_harness.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 240
