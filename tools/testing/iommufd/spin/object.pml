// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life and death of one object (object.c), for spin: destroyers, which may be
 * killed while they wait, holders that may be the last, and lookups, each any
 * number of steps apart. Exhaustive, where the explorer bounds preemptions.
 *
 *   DESTROYERS, HOLDERS, LOOKUPS	how many of each there are
 *   KILL		destroyers may be killed while they wait
 *   TWO_STEPS		a killed one gives its object's users and ID back one
 *			after the other, not under the lock: this breaks
 */
#ifndef DESTROYERS
#define DESTROYERS 2
#endif
#ifndef HOLDERS
#define HOLDERS 1
#endif
#ifndef LOOKUPS
#define LOOKUPS 1
#endif

#define FREE		0
#define PUBLISHED	1
#define RESERVED	2

byte slot = PUBLISHED;	/* what the table has for the ID */
byte users = 1;		/* iommufd_object::users */
byte wait_cnt = 1;	/* iommufd_object::wait_cnt */
byte readers = 0;	/* RCU sections that may know the object */
bool xa_lock = false;
bool destroyed = false;	/* ->destroy was called */
bool freed = false;	/* ... and the memory given back */
bool killed = false;

inline lock() { atomic { !xa_lock -> xa_lock = true } }
inline unlock() { xa_lock = false }

/* iommufd_object_get() */
inline get(ok)
{
	readers++;
	if
	:: slot == PUBLISHED ->
		atomic {
			assert(!freed);
			if
			:: wait_cnt > 0 -> wait_cnt++; ok = true
			:: else -> ok = false
			fi
		}
	:: else -> ok = false
	fi;
	readers--
}

/* iommufd_object_put() */
inline put() { atomic { assert(!freed && wait_cnt > 0); wait_cnt-- } }

inline destroy_and_free()
{
	atomic { assert(!destroyed && !freed); destroyed = true }
	atomic { readers == 0 -> freed = true }
}

/* iommufd_object_destroy_id() */
proctype destroyer()
{
	bool ok, last = false;

	get(ok);
	if :: !ok -> goto out :: else fi;
	if
	:: users == 1 ->
		lock();
		atomic {
			assert(!freed);
			if
			:: users == 1 ->
				users = 0; slot = RESERVED; last = true
			:: else
			fi
		}
		unlock()
	:: else
	fi;
	put();
	if :: !last -> goto out :: else fi;

	atomic { assert(!freed); wait_cnt-- }
	if
	:: wait_cnt == 0
#ifdef KILL
	:: killed && wait_cnt > 0 ->
		atomic {
			assert(!freed);
			if
			:: wait_cnt > 0 -> wait_cnt++; ok = true
			:: else -> ok = false
			fi
		}
		if
		:: ok ->
#ifdef TWO_STEPS
			users = 1;
			lock(); assert(!freed); slot = PUBLISHED; unlock();
#else
			lock(); assert(!freed); users = 1; slot = PUBLISHED;
			unlock();
#endif
			goto out
		:: else
		fi
#endif
	fi;
	lock(); slot = FREE; unlock();
	destroy_and_free();
out:	skip
}

/* iommufd_object_hold(), iommufd_object_unhold_last() */
proctype holder()
{
	bool ok, held = false, last = false;

	get(ok);
	if :: !ok -> goto out :: else fi;
	atomic {
		assert(!freed);
		if :: users > 0 -> users++; held = true :: else fi
	}
	put();
	if :: !held -> goto out :: else fi;

	assert(!freed && !destroyed);
	lock();
	atomic {
		assert(!freed && users > 1);
		users--;
		if
		:: users == 1 -> users = 0; slot = FREE; last = true
		:: else
		fi
	}
	unlock();
	if
	:: last ->
		atomic { assert(!freed); wait_cnt-- }
		wait_cnt == 0;
		destroy_and_free()
	:: else
	fi;
out:	skip
}

proctype lookup()
{
	bool ok;

	get(ok);
	if
	:: ok -> assert(!freed && !destroyed); put()
	:: else
	fi
}

init
{
	byte i;

	atomic {
		for (i : 1 .. DESTROYERS) { run destroyer() }
		for (i : 1 .. HOLDERS) { run holder() }
		for (i : 1 .. LOOKUPS) { run lookup() }
	}
#ifdef KILL
	killed = true;
#endif
	_nr_pr == 1;
	assert(!(destroyed && slot == PUBLISHED));
	assert(destroyed ||
	       (users == 1 && wait_cnt == 1 && slot == PUBLISHED))
}
