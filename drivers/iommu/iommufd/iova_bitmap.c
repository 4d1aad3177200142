// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recording dirty IOVA ranges in a bitmap that lives in user memory
 */
#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/bits.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/iova_bitmap.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/xarray.h>

#include "test_hooks.h"
#include "thresholds.h"

/**
 * DOC: Dirty bitmap
 *
 * Userspace hands in an array of u64 words and an IOVA range. Bit n of the
 * array stands for the n-th unit of page_size bytes counted from the start of
 * the range, and bits are only ever set, never cleared. The walker of an IO
 * page table, or of a device's own log, reports the dirty ranges that it finds
 * with iova_bitmap_set().
 *
 * A callback runs under locks of the walker's, which other tenants may need, so
 * that user memory, which a user can hold back for ever, is not touched in it.
 * Nothing is pinned either. Between the walker and user memory stand two
 * accumulators, each as cheap as it can be for what usually comes next:
 *
 * - the run, a range of IOVA bytes. A report that begins where the last one
 *   ended only moves the end of the run;
 * - the word, one u64 of bits. A run that touches a single word is ORed into
 *   it.
 *
 * When a bit of another word comes up, the word goes to a buffer: pages of bits,
 * as many as there are with dirty ones, and long runs by their ends. Behind the
 * callback, all of it goes to user memory, long runs without being read. So
 * memory costs nothing where nothing is dirty: clean parts of the bitmap are not
 * even faulted in. As every bit of the range can be kept at any time, reports
 * may come in any order and reach out of the part that is being walked: a huge
 * entry is recorded in full, also behind and ahead of it. What lies out of the
 * range of the bitmap is clipped.
 *
 * Before the first callback the user range is checked against the VMAs of the
 * process, so that a bad pointer fails while no dirty state is lost. What a
 * process does to its mappings after that shows up as -EFAULT at the end of the
 * chunk in which it hit.
 *
 * Context: all of it runs in the task that owns the user memory, and may sleep,
 * as storing to user memory may fault, and keeping bits in a callback allocates.
 * A bitmap is used by one task, so that there is no lock; the stores are not
 * atomic against other writers of the same word.
 *
 * This layer knows of bits and bytes, not of domains, devices or objects.
 */

#define WORD_BITS BITS_PER_TYPE(u64)

/*
 * What a callback is asked to walk at once: large, as a device may need a
 * firmware command for each, yet some tenths of a second at the most for an IO
 * page table full of 4 KiB entries.
 */
#define CHUNK_BYTES \
	iommufd_threshold(iova_window, BIT(BITS_PER_LONG == 64 ? 36 : 30))

/* Words in a page of the buffer */
#define PAGE_WORDS (PAGE_SIZE / sizeof(u64))

/* Fewer whole words than this are kept in a page of the buffer */
#define FILL_MIN_WORDS 8

/* Words that are stored without a look at the signals of the task */
#define FILL_WORDS iommufd_threshold(iova_fill_words, 512UL)

/**
 * struct bitmap_fill - words to be filled with ones
 * @index: the first word
 * @nwords: how many
 */
struct bitmap_fill {
	unsigned long index;
	unsigned long nwords;
};

/**
 * struct iova_bitmap - a user bitmap and what is still to be stored there
 * @run_start: first IOVA of the pending run
 * @run_end: end, exclusive, of the pending run; equal to @run_start if none.
 *           An empty run is at 0, where a report can begin it like any other
 * @word_bits: pending bits of the word @word_index
 * @word_index: which word @word_bits belongs to
 * @iova: the first IOVA of the range, which bit 0 stands for
 * @last_iova: the last IOVA of the range
 * @words: the user's array, at any alignment
 * @whole_words: this many words are full of bits of the range
 * @in_place_words: this many words can be accessed as a u64 in place, either
 *                  @whole_words or 0
 * @tail_bytes: bytes that hold bits in the word after the whole ones, or 0
 * @done_first: first bit of the run over several words that was stored last
 * @done_last: last bit of it; as long as there was none, both are 0
 * @page_shift: log2 of the bytes of IOVA that a bit stands for
 * @error: what went wrong in storing; nothing is stored after that
 * @in_callback: user memory must not be touched
 * @pages: what was recorded meanwhile: PAGE_WORDS words each, by their number
 * @page: the one that was used last, or NULL
 * @page_nr: its number
 * @fills: long runs that were, too
 * @nr_fills: how many
 * @max_fills: how many there is room for
 * @no_memory: some words could not be kept
 * @lost_first: the first of those
 * @lost_last: the last one: all in between are taken for dirty
 */
struct iova_bitmap {
	unsigned long run_start;
	unsigned long run_end;
	u64 word_bits;
	unsigned long word_index;
	unsigned long iova;
	unsigned long last_iova;
	u64 __user *words;
	unsigned long whole_words;
	unsigned long in_place_words;
	unsigned int tail_bytes;
	unsigned int page_shift;
	unsigned long done_first;
	unsigned long done_last;
	int error;
	bool in_callback;
	struct xarray pages;
	u64 *page;
	unsigned long page_nr;
	struct bitmap_fill *fills;
	unsigned int nr_fills;
	unsigned int max_fills;
	bool no_memory;
	unsigned long lost_first;
	unsigned long lost_last;
};

/* Can a u64 be read and written at any address that @words leads to? */
VISIBLE_IF_KUNIT bool iova_bitmap_words_in_place(const u64 __user *words)
{
	KUNIT_STATIC_STUB_REDIRECT(iova_bitmap_words_in_place, words);
	if (!IS_ENABLED(CONFIG_64BIT))
		return false;
	return IS_ENABLED(CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS) ||
	       IS_ALIGNED((unsigned long)words, sizeof(*words));
}
EXPORT_SYMBOL_IF_KUNIT(iova_bitmap_words_in_place);

/* How far into a word its first @nbits bits reach in memory */
static unsigned int bytes_holding(unsigned int nbits)
{
#ifdef __BIG_ENDIAN
	return nbits ? sizeof(u64) : 0;
#else
	return DIV_ROUND_UP(nbits, BITS_PER_BYTE);
#endif
}

static int or_in_place(u64 __user *word, u64 bits)
{
	u64 old;

	scoped_user_rw_access(word, efault) {
		unsafe_get_user(old, word, efault);
		unsafe_put_user(old | bits, word, efault);
	}
	return 0;
efault:
	return -EFAULT;
}

/* The same for the first @nbytes of a word: no byte after them is touched */
static int or_by_copy(u64 __user *word, u64 bits, unsigned int nbytes)
{
	u64 val = 0;

	if (copy_from_user(&val, word, nbytes))
		return -EFAULT;
	val |= bits;
	if (copy_to_user(word, &val, nbytes))
		return -EFAULT;
	return 0;
}

static int fill_in_place(u64 __user *words, unsigned long nwords)
{
	scoped_user_write_access_size(words, nwords * sizeof(*words), efault) {
		u64 __user *word = words;

		for (; nwords >= 8; nwords -= 8, word += 8) {
			unsafe_put_user(U64_MAX, word, efault);
			unsafe_put_user(U64_MAX, word + 1, efault);
			unsafe_put_user(U64_MAX, word + 2, efault);
			unsafe_put_user(U64_MAX, word + 3, efault);
			unsafe_put_user(U64_MAX, word + 4, efault);
			unsafe_put_user(U64_MAX, word + 5, efault);
			unsafe_put_user(U64_MAX, word + 6, efault);
			unsafe_put_user(U64_MAX, word + 7, efault);
		}
		for (; nwords; nwords--, word++)
			unsafe_put_user(U64_MAX, word, efault);
	}
	return 0;
efault:
	return -EFAULT;
}

static int fill_by_copy(u64 __user *words, unsigned long nwords)
{
	static const u64 ones = U64_MAX;

	for (; nwords; nwords--, words++)
		if (copy_to_user(words, &ones, sizeof(ones)))
			return -EFAULT;
	return 0;
}

static void store_user_word(struct iova_bitmap *bitmap, unsigned long index,
			    u64 bits)
{
	u64 __user *word = bitmap->words + index;

	might_fault();
	if (likely(index < bitmap->in_place_words))
		bitmap->error = or_in_place(word, bits);
	else if (index < bitmap->whole_words)
		bitmap->error = or_by_copy(word, bits, sizeof(bits));
	else
		bitmap->error = or_by_copy(word, bits, bitmap->tail_bytes);
}

static noinline u64 *find_page(struct iova_bitmap *bitmap, unsigned long nr)
{
	u64 *page = xa_load(&bitmap->pages, nr);

	if (!page) {
		page = kzalloc(PAGE_SIZE, GFP_KERNEL_ACCOUNT);
		if (!page)
			return NULL;
		if (xa_err(xa_store(&bitmap->pages, nr, page,
				    GFP_KERNEL_ACCOUNT))) {
			kfree(page);
			return NULL;
		}
	}
	bitmap->page = page;
	bitmap->page_nr = nr;
	return page;
}

/* Without memory to keep words in. They may be dirty no more, so as to say so. */
static void lose_words(struct iova_bitmap *bitmap, unsigned long index,
		       unsigned long nwords)
{
	unsigned long last = index + nwords - 1;

	if (bitmap->no_memory) {
		index = min(index, bitmap->lost_first);
		last = max(last, bitmap->lost_last);
	}
	bitmap->no_memory = true;
	bitmap->lost_first = index;
	bitmap->lost_last = last;
}

/* Where the buffer has a word, or NULL without memory */
static u64 *kept_word(struct iova_bitmap *bitmap, unsigned long index)
{
	unsigned long nr = index / PAGE_WORDS;
	u64 *page = bitmap->page;

	if (!page || nr != bitmap->page_nr) {
		page = find_page(bitmap, nr);
		if (!page)
			return NULL;
	}
	return page + index % PAGE_WORDS;
}

/* Store or keep the pending word, leaving none */
static void store_word(struct iova_bitmap *bitmap)
{
	u64 bits = bitmap->word_bits;
	u64 *word;

	if (!bits)
		return;
	bitmap->word_bits = 0;
	if (bitmap->error)
		return;
	if (!bitmap->in_callback) {
		store_user_word(bitmap, bitmap->word_index, bits);
		return;
	}
	word = kept_word(bitmap, bitmap->word_index);
	if (word)
		*word |= bits;
	else
		lose_words(bitmap, bitmap->word_index, 1);
}

static __always_inline void mark_in_word(struct iova_bitmap *bitmap,
					 unsigned long index, u64 bits)
{
	if (index != bitmap->word_index) {
		store_word(bitmap);
		bitmap->word_index = index;
	}
	bitmap->word_bits |= bits;
}

static void fill_user_words(struct iova_bitmap *bitmap, unsigned long index,
			    unsigned long nwords)
{
	might_fault();
	while (nwords && !bitmap->error) {
		unsigned long n = min(nwords, FILL_WORDS);
		u64 __user *words = bitmap->words + index;

		if (likely(index < bitmap->in_place_words))
			bitmap->error = fill_in_place(words, n);
		else
			bitmap->error = fill_by_copy(words, n);
		index += n;
		nwords -= n;
		if (!nwords)
			return;
		if (fatal_signal_pending(current))
			bitmap->error = -EINTR;
		cond_resched();
	}
}

static void keep_fill(struct iova_bitmap *bitmap, unsigned long index,
		      unsigned long nwords)
{
	if (bitmap->nr_fills == bitmap->max_fills) {
		unsigned int max = max(2 * bitmap->max_fills, 8U);
		struct bitmap_fill *fills;

		fills = kvrealloc(bitmap->fills, array_size(max, sizeof(*fills)),
				  GFP_KERNEL_ACCOUNT);
		if (!fills) {
			lose_words(bitmap, index, nwords);
			return;
		}
		bitmap->fills = fills;
		bitmap->max_fills = max;
	}
	bitmap->fills[bitmap->nr_fills++] = (struct bitmap_fill){
		.index = index,
		.nwords = nwords,
	};
}

/* Set all bits of words that lie whole within the range of the bitmap */
static void mark_whole_words(struct iova_bitmap *bitmap, unsigned long index,
			     unsigned long nwords)
{
	u64 *word;

	if (!bitmap->in_callback) {
		fill_user_words(bitmap, index, nwords);
	} else if (nwords >= FILL_MIN_WORDS) {
		keep_fill(bitmap, index, nwords);
	} else {
		for (; nwords; nwords--, index++) {
			word = kept_word(bitmap, index);
			if (word)
				*word = U64_MAX;
			else
				lose_words(bitmap, index, 1);
		}
	}
}

static void mark_words(struct iova_bitmap *bitmap, unsigned long first_bit,
		       unsigned long last_bit)
{
	unsigned long first = first_bit / WORD_BITS;
	unsigned long last = last_bit / WORD_BITS;

	/*
	 * An entry larger than a chunk comes up again in each chunk if its
	 * dirty state is not being cleared. Store it once.
	 */
	if (first_bit >= bitmap->done_first && last_bit <= bitmap->done_last)
		return;
	bitmap->done_first = first_bit;
	bitmap->done_last = last_bit;

	/* first < last: neither end can pass the other by more than one */
	if (first_bit % WORD_BITS) {
		mark_in_word(bitmap, first, U64_MAX << (first_bit % WORD_BITS));
		first++;
	}
	if (last_bit % WORD_BITS != WORD_BITS - 1) {
		mark_in_word(bitmap, last,
			     U64_MAX >> (WORD_BITS - 1 - last_bit % WORD_BITS));
		last--;
	}
	if (first <= last)
		mark_whole_words(bitmap, first, last - first + 1);
}

/* Mark an IOVA range of which any part may lie out of the bitmap's range */
static __always_inline void mark_range(struct iova_bitmap *bitmap,
				       unsigned long first_iova,
				       unsigned long last_iova)
{
	unsigned long first_bit, last_bit;

	if (unlikely(last_iova < bitmap->iova ||
		     first_iova > bitmap->last_iova || bitmap->error))
		return;
	first_iova = max(first_iova, bitmap->iova);
	last_iova = min(last_iova, bitmap->last_iova);
	first_bit = (first_iova - bitmap->iova) >> bitmap->page_shift;
	last_bit = (last_iova - bitmap->iova) >> bitmap->page_shift;

	if (likely(first_bit / WORD_BITS == last_bit / WORD_BITS))
		mark_in_word(bitmap, first_bit / WORD_BITS,
			     GENMASK_U64(last_bit % WORD_BITS,
					 first_bit % WORD_BITS));
	else
		mark_words(bitmap, first_bit, last_bit);
}

static __always_inline void mark_run(struct iova_bitmap *bitmap)
{
	if (bitmap->run_start != bitmap->run_end)
		mark_range(bitmap, bitmap->run_start, bitmap->run_end - 1);
}

static void store_page(struct iova_bitmap *bitmap, unsigned long nr,
		       const u64 *page)
{
	for (unsigned int i = 0; i != PAGE_WORDS && !bitmap->error; i++)
		if (page[i])
			store_user_word(bitmap, nr * PAGE_WORDS + i, page[i]);
}

/* Bring what was kept to user memory; it is forgotten even where that fails */
static void store_kept(struct iova_bitmap *bitmap)
{
	unsigned long nr;
	u64 *page;

	for (unsigned int i = 0; i != bitmap->nr_fills; i++)
		fill_user_words(bitmap, bitmap->fills[i].index,
				bitmap->fills[i].nwords);
	bitmap->nr_fills = 0;
	if (!bitmap->page)
		return;

	xa_for_each(&bitmap->pages, nr, page) {
		if (!bitmap->error && fatal_signal_pending(current))
			bitmap->error = -EINTR;
		store_page(bitmap, nr, page);
		kfree(page);
		cond_resched();
	}
	xa_destroy(&bitmap->pages);
	bitmap->page = NULL;
}

/* More than was dirty, rather than less: nobody can find out any more */
static void store_lost(struct iova_bitmap *bitmap)
{
	unsigned long first = bitmap->lost_first, last = bitmap->lost_last;
	unsigned long last_bit = (bitmap->last_iova - bitmap->iova) >>
				 bitmap->page_shift;

	if (likely(!bitmap->no_memory))
		return;
	bitmap->no_memory = false;
	if (last == bitmap->whole_words && !bitmap->error)
		store_user_word(bitmap, last,
				GENMASK_U64(last_bit % WORD_BITS, 0));
	if (first < bitmap->whole_words)
		fill_user_words(bitmap, first,
				min(last + 1, bitmap->whole_words) - first);
	if (!bitmap->error)
		bitmap->error = -ENOMEM;
}

/* Bring everything recorded so far to user memory */
static void store_pending(struct iova_bitmap *bitmap)
{
	store_kept(bitmap);
	mark_run(bitmap);
	bitmap->run_start = 0;
	bitmap->run_end = 0;
	store_word(bitmap);
	store_lost(bitmap);
}

static noinline void start_run(struct iova_bitmap *bitmap, unsigned long iova,
			       size_t length)
{
	unsigned long end;

	if (unlikely(!length))
		return;
	mark_run(bitmap);
	if (unlikely(check_add_overflow(iova, length, &end))) {
		/* It reaches to the end of the address space, or wraps */
		mark_range(bitmap, iova, ULONG_MAX);
		iova = 0;
		end = 0;
	}
	bitmap->run_start = iova;
	bitmap->run_end = end;
}

/**
 * iova_bitmap_set() - Record that an IOVA range is dirty
 * @bitmap: the bitmap
 * @iova: first IOVA of the dirty range
 * @length: its length in bytes
 *
 * Sets the bit of each page_size unit that the range touches. The range may be
 * at any alignment, may reach out of the range that the callback of
 * iova_bitmap_for_each() was given, and out of the range of @bitmap, where it
 * is clipped. A length of 0 records nothing.
 *
 * The bits are in user memory when iova_bitmap_for_each() returns. A failure to
 * store them is returned there, and ends the walk after the current callback.
 *
 * Context: Process context of the task that owns the bitmap, normally in the
 * callback of iova_bitmap_for_each(). May sleep; user memory is only touched out
 * of the callback. One caller at a time.
 */
void iova_bitmap_set(struct iova_bitmap *bitmap, unsigned long iova,
		     size_t length)
{
	unsigned long end = iova + length;

	/* Also false for a length of 0 and for a range that wraps */
	if (iova == bitmap->run_end && end > iova)
		bitmap->run_end = end;
	else
		start_run(bitmap, iova, length);
}
EXPORT_SYMBOL_NS_GPL(iova_bitmap_set, "IOMMUFD");

/**
 * iova_bitmap_alloc() - Prepare a user bitmap for recording
 * @iova: first IOVA of the range, which bit 0 stands for; at any alignment
 * @length: length of the range in bytes
 * @page_size: bytes of IOVA that a bit stands for, a power of two
 * @data: array of u64 words in user memory, at any alignment. It has a bit for
 *        each @page_size of @length, rounded up. On little endian machines no
 *        byte is touched that holds none of them
 *
 * Context: Process context of the task that owns @data. May sleep.
 *
 * Return: the bitmap, to be freed with iova_bitmap_free(), or an ERR_PTR():
 * -EINVAL if @length is 0 or @page_size is no power of two, -EOVERFLOW if the
 * range goes beyond the end of the address space, -EFAULT if @data is no user
 * address, -ENOMEM.
 */
struct iova_bitmap *iova_bitmap_alloc(unsigned long iova, size_t length,
				      unsigned long page_size,
				      u64 __user *data)
{
	unsigned long last_iova, last_bit, words;
	unsigned int tail_bits, tail_bytes;
	struct iova_bitmap *bitmap;

	if (!length || !is_power_of_2(page_size))
		return ERR_PTR(-EINVAL);
	if (check_add_overflow(iova, length - 1, &last_iova))
		return ERR_PTR(-EOVERFLOW);

	last_bit = (length - 1) >> ilog2(page_size);
	words = last_bit / WORD_BITS;
	tail_bits = last_bit % WORD_BITS + 1;
	if (tail_bits == WORD_BITS) {
		words++;
		tail_bits = 0;
	}
	tail_bytes = bytes_holding(tail_bits);
	if (!access_ok(data, words * sizeof(*data) + tail_bytes))
		return ERR_PTR(-EFAULT);

	bitmap = kzalloc_obj(*bitmap, GFP_KERNEL_ACCOUNT);
	if (!bitmap)
		return ERR_PTR(-ENOMEM);
	bitmap->iova = iova;
	bitmap->last_iova = last_iova;
	bitmap->page_shift = ilog2(page_size);
	bitmap->words = data;
	bitmap->whole_words = words;
	bitmap->tail_bytes = tail_bytes;
	bitmap->in_place_words = iova_bitmap_words_in_place(data) ? words : 0;
	xa_init_flags(&bitmap->pages, XA_FLAGS_ACCOUNT);
	return bitmap;
}
EXPORT_SYMBOL_NS_GPL(iova_bitmap_alloc, "IOMMUFD");

/**
 * iova_bitmap_free() - Free a bitmap
 * @bitmap: the bitmap, or NULL
 *
 * What was recorded outside of iova_bitmap_for_each() is stored first; an error
 * in that is lost. User memory is not referenced any more after this.
 *
 * Context: Process context of the task that owns the bitmap. May sleep.
 */
void iova_bitmap_free(struct iova_bitmap *bitmap)
{
	if (!bitmap)
		return;
	store_pending(bitmap);
	kvfree(bitmap->fills);
	kfree(bitmap);
}
EXPORT_SYMBOL_NS_GPL(iova_bitmap_free, "IOMMUFD");

/*
 * Refuse memory that cannot be written before a walk clears any dirty state.
 * Looking at the VMAs costs the same for any size, and leaves pages that stay
 * clean alone.
 */
static int check_writable(struct iova_bitmap *bitmap)
{
	unsigned long addr = untagged_addr((unsigned long)bitmap->words);
	unsigned long end = addr + bitmap->whole_words * sizeof(u64) +
			    bitmap->tail_bytes;
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	int ret = 0;

	if (!mm)
		return -EFAULT;
	if (mmap_read_lock_killable(mm))
		return -EINTR;
	for (; addr < end; addr = vma->vm_end) {
		vma = find_vma(mm, addr);
		/* A stack may still grow down to where the bitmap begins */
		if (!vma || !(vma->vm_flags & VM_WRITE) ||
		    (addr < vma->vm_start && !(vma->vm_flags & VM_GROWSDOWN))) {
			ret = -EFAULT;
			break;
		}
	}
	mmap_read_unlock(mm);
	return ret;
}

/**
 * iova_bitmap_for_each() - Walk the range of a bitmap
 * @bitmap: the bitmap
 * @opaque: passed to @fn
 * @fn: called with one chunk of the range after the other, in ascending order
 *      and without gaps, each up to a multiple of its size. It finds what is
 *      dirty there and records that with iova_bitmap_set()
 *
 * Ends at the first error. What was recorded until then is in user memory. If
 * the user memory is not writable then @fn is not called at all, so that no
 * dirty state is lost; as it may become so during the walk, an error can also
 * come later, and then what @fn has cleared and recorded may be lost. The
 * sections of the uAPI are struct iommu_hwpt_get_dirty_bitmap and struct
 * vfio_device_feature_dma_logging_report.
 *
 * Context: Process context of the task that owns the bitmap. May sleep, takes
 * mmap_lock and touches user memory; but not while @fn runs, which may take locks
 * that nobody may wait for user memory with.
 *
 * Return: 0, what @fn returned if that is not 0, -EFAULT if the user memory
 * cannot be written, -ENOMEM if there was no memory to keep bits in, and more of
 * them are set than @fn recorded, or -EINTR if a fatal signal arrived.
 */
int iova_bitmap_for_each(struct iova_bitmap *bitmap, void *opaque,
			 iova_bitmap_fn_t fn)
{
	unsigned long iova = bitmap->iova;
	int ret;

	ret = check_writable(bitmap);
	if (ret)
		return ret;

	while (true) {
		unsigned long last = bitmap->last_iova;

		/* No IO page table entry that is not larger sticks out */
		last = min(last, iova | (CHUNK_BYTES - 1));

		bitmap->in_callback = true;
		ret = fn(bitmap, iova, last - iova + 1, opaque);
		bitmap->in_callback = false;
		store_pending(bitmap);
		if (ret)
			return ret;
		if (bitmap->error)
			return bitmap->error;
		if (last == bitmap->last_iova)
			return 0;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
		iova = last + 1;
	}
}
EXPORT_SYMBOL_NS_GPL(iova_bitmap_for_each, "IOMMUFD");
