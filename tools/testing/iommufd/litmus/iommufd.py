#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Where iommufd relies on the order of memory accesses, and no lock gives it.

Each place has its test, in which the bad outcome must never appear, and the same
test without the barrier, in which it must: so each barrier is enough, and needed.
A test that allows no execution at all proves nothing, and fails.
"""
import sys

from lkmm import Fence, Follow, If, Lock, Read, Rmw, Test, Unlock, Write


def put(val):
    """One reference less"""
    return val - 1


def commit(val):
    """refcount_dec_if_one()"""
    return 0 if val == 1 else val


def is_zero(val):
    return val == 0


def any_value(val):
    """What follows depends on it, whichever it was"""
    return True


TESTS = []


def variants(name, without, init, bad):
    """The same test with its barrier and without it"""
    def add(threads):
        TESTS.append((name, init, threads(True), bad, True))
        TESTS.append((name + ", without " + without, init, threads(False), bad,
                      False))
        return threads
    return add


# The checker itself: the textbook's message passing and store buffering

@variants("message passing", "release", {"data": 0, "flag": 0},
          lambda r, last: r[1, "flag"] == 1 and r[1, "data"] == 0)
def message_passing(strong):
    return [[Write("data", 1), Write("flag", 1, release=strong)],
            [Read("flag", "flag", acquire=True), Read("data", "data")]]


@variants("store buffering", "smp_mb()", {"x": 0, "y": 0},
          lambda r, last: r[0, "y"] == 0 and r[1, "x"] == 0)
def store_buffering(strong):
    fence = [Fence("mb")] if strong else []
    return [[Write("x", 1)] + fence + [Read("y", "y")],
            [Write("y", 1)] + fence + [Read("x", "x")]]


# io_pagetable::leaving (io_pagetable.c): an unmap empties the domains and gives the
# IOVAs back by clear_bit_unlock(), without a lock. Whoever takes them next has
# seen the bit clear by smp_load_acquire(), and must find the IO page table empty.

@variants("leaving IOVAs: clear_bit_unlock()", "release",
          {"pte": 1, "leaving": 1}, lambda r, last: r[1, "pte"] == 1)
def leaving(strong):
    return [[Write("pte", 0),
             Rmw("old", "leaving", lambda val: 0, release=strong)],
            [Read("leaving", "leaving", acquire=True), If("leaving", is_zero),
             Read("pte", "pte")]]


@variants("leaving IOVAs: smp_load_acquire()", "acquire",
          {"pte": 1, "leaving": 1}, lambda r, last: r[1, "pte"] == 1)
def leaving_acquire(strong):
    return [[Write("pte", 0),
             Rmw("old", "leaving", lambda val: 0, release=True)],
            [Read("leaving", "leaving", acquire=strong), If("leaving", is_zero),
             Read("pte", "pte")]]


# The slot is used again, by a relaxed set_bit() under iova_lock: whoever looks then
# sees other IOVAs in it, and takes the first ones.
@variants("leaving IOVAs: a slot that is used again", "release",
          {"pte": 1, "leaving": 1, "range": 1, "iova_lock": 0},
          lambda r, last: r[2, "range"] == 2 and r[2, "pte"] == 1)
def leaving_again(strong):
    return [[Write("pte", 0),
             Rmw("old", "leaving", lambda val: 0, release=strong)],
            [Lock("iova_lock"),
             Read("leaving", "leaving"), If("leaving", is_zero),
             Write("range", 2), Rmw("old", "leaving", lambda val: 1),
             Unlock("iova_lock")],
            [Lock("iova_lock"), Read("leaving", "leaving", acquire=True),
             Read("range", "range"), Read("pte", "pte"), Unlock("iova_lock")]]


# area_set_live() and area_is_live() (area.h): an area is filled under domains_lock,
# read under iova_lock. Whoever finds it live finds its pages claimed and mapped.

@variants("area_set_live()", "release", {"pte": 0, "claims": 0, "state": 0},
          lambda r, last: r[1, "pte"] == 0 or r[1, "claims"] == 0)
def area_live(strong):
    return [[Write("claims", 1), Write("pte", 1),
             Write("state", 1, release=strong)],
            [Read("state", "state", acquire=True),
             If("state", lambda val: val == 1),
             Read("pte", "pte"), Read("claims", "claims")]]


@variants("area_is_live()", "acquire", {"pte": 0, "state": 0},
          lambda r, last: r[1, "pte"] == 0)
def area_is_live(strong):
    return [[Write("pte", 1), Write("state", 1, release=True)],
            [Read("state", "state", acquire=strong),
             If("state", lambda val: val == 1), Read("pte", "pte")]]


# iommufd_object_put() and object_finish() (object.c): a destroyer drops the ID's own
# short reference and waits until the last is gone. What a holder did with the
# object has happened before ->destroy.

def finish(*then, fence=True):
    """refcount_dec_and_test(), then the count read in wait_event()"""
    after = [Fence("rmb")] if fence else []
    return [Rmw("old", "wait_cnt", put, release=True), If("old", any_value),
            Read("count", "wait_cnt"), If("count", is_zero)] + after + \
        list(then)


@variants("put and finish: what a holder wrote",
          "smp_acquire__after_ctrl_dep()", {"x": 0, "wait_cnt": 2},
          lambda r, last: r[1, "x"] == 0)
def put_then_read(strong):
    return [[Write("x", 1), Rmw("old", "wait_cnt", put, release=True)],
            finish(Read("x", "x"), fence=strong)]


@variants("put and finish: what a holder read", "release",
          {"x": 0, "wait_cnt": 2}, lambda r, last: r[0, "x"] == 9)
def put_then_write(strong):
    return [[Read("x", "x"), Rmw("old", "wait_cnt", put, release=strong)],
            finish(Write("x", 9))]


@variants("put and finish: two holders", "release",
          {"x": 0, "y": 0, "wait_cnt": 3},
          lambda r, last: r[2, "x"] == 0 or r[2, "y"] == 0)
def two_holders(strong):
    return [[Write("x", 1), Rmw("old", "wait_cnt", put, release=strong)],
            [Write("y", 1), Rmw("old", "wait_cnt", put, release=strong)],
            finish(Read("x", "x"), Read("y", "y"))]


# iommufd_object_unhold() and object_commit() (object.c): the same for long
# references, of which the ID's own is the last.

@variants("unhold and commit", "release", {"x": 0, "users": 2, "xa_lock": 0},
          lambda r, last: r[1, "x"] == 0)
def unhold(strong):
    return [[Write("x", 1), Rmw("old", "users", put, release=strong)],
            [Lock("xa_lock"), Rmw("users", "users", commit, release=True),
             If("users", lambda val: val == 1), Fence("rmb"), Read("x", "x"),
             Unlock("xa_lock")]]


# A killed IOMMU_DESTROY's object comes back under the xa_lock in one step: in two,
# another may commit in between, and its tombstone is overwritten.

def comeback(one_step):
    lock, unlock = Lock("xa_lock"), Unlock("xa_lock")
    return [[lock, Write("users", 1), Write("slot", 1), unlock] if one_step else
            [Write("users", 1), lock, Write("slot", 1), unlock],
            [lock, Rmw("users", "users", commit, release=True),
             If("users", lambda val: val == 1), Write("slot", 2), unlock]]


variants("object_uncommit()", "the users under the xa_lock",
         {"users": 0, "slot": 0, "xa_lock": 0},
         lambda r, last: last["slot"] == 1 and last["users"] == 0)(comeback)


# wait_event() and wake_up_all(): a destroyer queues itself under the queue's lock,
# then looks at the count; whoever makes it 0 looks at the queue under that lock.
# One of the two sees the other: the lock alone sees to it.

@variants("wait and wake", "the queue's lock in wake_up_all()",
          {"wait_cnt": 1, "queued": 0, "queue": 0},
          lambda r, last: r[0, "queued"] == 0 and r[1, "count"] == 1)
def wake(strong):
    look = [Read("queued", "queued")]
    if strong:
        look = [Lock("queue")] + look + [Unlock("queue")]
    return [[Rmw("old", "wait_cnt", put, release=True)] + look,
            [Lock("queue"), Write("queued", 1), Unlock("queue"), Fence("mb"),
             Read("count", "wait_cnt")]]


@variants("wait and wake: the waiter", "being queued before the look",
          {"wait_cnt": 1, "queued": 0, "queue": 0},
          lambda r, last: r[0, "queued"] == 0 and r[1, "count"] == 1)
def wait(strong):
    queue = [Lock("queue"), Write("queued", 1), Unlock("queue")]
    look = [Read("count", "wait_cnt")]
    return [[Rmw("old", "wait_cnt", put, release=True), Lock("queue"),
             Read("queued", "queued"), Unlock("queue")],
            queue + look if strong else look + queue]


# poll() of the fault queue (fault.c) looks at the list without its lock, after
# poll_wait() has queued the caller; who adds to the list wakes up after that.

@variants("poll of the fault queue", "poll_wait() first",
          {"list": 0, "queued": 0, "lock": 0, "queue": 0},
          lambda r, last: r[0, "queued"] == 0 and r[1, "list"] == 0)
def poll(strong):
    queue = [Lock("queue"), Write("queued", 1), Unlock("queue")]
    look = [Read("list", "list")]
    return [[Lock("lock"), Write("list", 1), Unlock("lock"),
             Lock("queue"), Read("queued", "queued"), Unlock("queue")],
            queue + look if strong else look + queue]


# A lookup (iommufd_object_get()) follows the pointer that the table has: what the
# object was before it was published is seen.

@variants("publish and lookup", "release",
          {"users": 0, "slot": 0, "xa_lock": 0},
          lambda r, last: r[1, "users"] == 0)
def publish(strong):
    return [[Write("users", 1), Lock("xa_lock"),
             Write("slot", 1, release=strong), Unlock("xa_lock")],
            [Read("slot", "slot"), If("slot", lambda val: val == 1),
             Follow("slot"), Read("users", "users")]]


# iommufd_fault_begin() and the handler of page requests (fault.c): a report has the
# attachment's handle without a lock, and follows it to the queue.

@variants("handle of a fault queue", "release",
          {"ready": 0, "fault": 0, "lock": 0},
          lambda r, last: r[1, "ready"] == 0)
def fault_handle(strong):
    return [[Write("ready", 1), Write("fault", 1, release=strong)],
            [Read("fault", "fault"), If("fault", lambda val: val == 1),
             Follow("fault"), Lock("lock"), Read("ready", "ready"),
             Unlock("lock")]]


def main():
    good = True

    print("TAP version 13")
    print("1..%d" % len(TESTS))
    for number, (name, init, threads, bad, forbidden) in enumerate(TESTS, 1):
        allowed, seen = Test(init, threads).run(bad)
        passed = allowed and bool(seen) != forbidden
        good = good and passed
        print("%s %d litmus.%s # %d executions, %d of them bad" %
              ("ok" if passed else "not ok", number,
               name.replace(" ", "_"), allowed, seen))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
