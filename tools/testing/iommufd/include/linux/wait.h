/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _SHIM_WAIT_H
#define _SHIM_WAIT_H

#include <linux/kernel.h>

typedef struct wait_queue_head { struct shim_waitq queue; } wait_queue_head_t;

#define DECLARE_WAIT_QUEUE_HEAD(name) wait_queue_head_t name

static inline void init_waitqueue_head(wait_queue_head_t *wq)
{
	*wq = (wait_queue_head_t){ };
}

/*
 * Prepare, look, sleep: a wakeup that comes after the first step ends the
 * last one.
 */
#define __shim_wait_event(wq, cond, killable)				\
({									\
	int __ret = 0;							\
									\
	shim_might_sleep("wait_event(" #cond ")");			\
	for (;;) {							\
		unsigned int __seen = shim_wait_prepare(&(wq).queue);	\
									\
		if (cond)						\
			break;						\
		if ((killable) && shim_killed()) {			\
			__ret = -ERESTARTSYS;				\
			break;						\
		}							\
		shim_wait(&(wq).queue, __seen, killable);		\
	}								\
	__ret;								\
})
#define wait_event(wq, cond)		((void)__shim_wait_event(wq, cond, false))
#define wait_event_killable(wq, cond)	__shim_wait_event(wq, cond, true)
#define wait_event_interruptible(wq, cond) __shim_wait_event(wq, cond, true)
/* No test depends on time: it is up only where nothing else can happen. */
#define __shim_wait_event_timeout(wq, cond, killable)			\
({									\
	bool __up = false;						\
	int __rc;							\
									\
	__rc = __shim_wait_event(wq,					\
				 (cond) || (__up = shim_time_is_up()),	\
				 killable);				\
	__rc ?: !__up;							\
})
#define wait_event_timeout(wq, cond, t) \
	__shim_wait_event_timeout(wq, cond, false)
#define wait_event_killable_timeout(wq, cond, t) \
	__shim_wait_event_timeout(wq, cond, true)

#define TASK_KILLABLE 1

/* For whoever looks with locks that sleep: from the begin, or the last wait, on */
struct wait_queue_entry { wait_queue_head_t *wq; unsigned int seen; };

#define DEFINE_WAIT_FUNC(name, function) \
	struct wait_queue_entry name = { }

static inline void add_wait_queue(wait_queue_head_t *wq,
				  struct wait_queue_entry *wait)
{
	*wait = (struct wait_queue_entry){ wq, shim_wait_prepare(&wq->queue) };
}

static inline void remove_wait_queue(wait_queue_head_t *wq,
				     struct wait_queue_entry *wait)
{
	wait->wq = NULL;
}

/* All that may wait here is killable */
static inline long wait_woken(struct wait_queue_entry *wait, unsigned int mode,
			      long timeout)
{
	if (shim_time_is_up())
		return 0;
	shim_might_sleep("wait_woken()");
	shim_wait(&wait->wq->queue, wait->seen, mode == TASK_KILLABLE);
	wait->seen = shim_wait_prepare(&wait->wq->queue);
	return timeout;
}

/* Nobody is missed */
#define wq_has_sleeper(wq)		true
#define wake_up(wq)			shim_wake(&(wq)->queue)
#define wake_up_all(wq)			shim_wake(&(wq)->queue)
#define wake_up_interruptible(wq)	shim_wake(&(wq)->queue)
#define wake_up_interruptible_poll(wq, m) shim_wake(&(wq)->queue)
#define wake_up_poll(wq, m)		shim_wake(&(wq)->queue)

struct completion { wait_queue_head_t wait; unsigned int done; };

static inline void init_completion(struct completion *c)
{
	*c = (struct completion){ };
}

static inline void reinit_completion(struct completion *c)
{
	c->done = 0;
}

#define __shim_done(c)	__atomic_load_n(&(c)->done, __ATOMIC_ACQUIRE)
#define wait_for_completion(c)		wait_event((c)->wait, __shim_done(c))
#define wait_for_completion_killable(c)	wait_event_killable((c)->wait, __shim_done(c))

static inline void complete_all(struct completion *c)
{
	__atomic_store_n(&c->done, 1, __ATOMIC_RELEASE);
	wake_up_all(&c->wait);
}

/* Each waits for one thing */
#define complete(c) complete_all(c)

#endif
