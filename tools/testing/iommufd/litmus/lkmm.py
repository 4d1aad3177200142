# SPDX-License-Identifier: GPL-2.0-only
"""The core of the kernel's memory model (tools/memory-model), for small tests.

A test is a few threads of a few accesses to shared variables. Every execution
that the model allows is enumerated: which write each read reads from, and in
which order the writes to each variable take effect. The axioms are those of
linux-kernel.cat: coherence, atomicity, happens-before (dependencies, acquire and
release, fences, cumulativity, rmw sequences, lock to lock) and propagation.

Left out, as no test here needs it: data dependencies, RCU, SRCU, and what plain
accesses may do beyond that (data races; KCSAN looks for those).
"""
import itertools


class Write:
    """WRITE_ONCE(var, val); with release=True smp_store_release()"""

    def __init__(self, var, val, release=False):
        self.var, self.val, self.release = var, val, release


class Read:
    """reg = READ_ONCE(var); with acquire=True smp_load_acquire()"""

    def __init__(self, reg, var, acquire=False):
        self.reg, self.var, self.acquire = reg, var, acquire


class Rmw:
    """An atomic operation that makes fn(old) of old, and returns old in reg"""

    def __init__(self, reg, var, fn, acquire=False, release=False):
        self.reg, self.var, self.fn = reg, var, fn
        self.acquire, self.release = acquire, release


class Fence:
    """smp_mb(), smp_rmb() or smp_wmb(), by kind "mb", "rmb", "wmb" """

    def __init__(self, kind):
        self.kind = kind


class If:
    """Only executions where test(reg) holds; what follows depends on reg"""

    def __init__(self, reg, test):
        self.reg, self.test = reg, test


class Follow:
    """The next operation is on what reg points to: an address dependency"""

    def __init__(self, reg):
        self.reg = reg


class Lock:
    """spin_lock(var), and Unlock its spin_unlock()"""

    def __init__(self, var):
        self.var = var


class Unlock:
    def __init__(self, var):
        self.var = var


class _Event:
    """One access; kind is R, W or F"""

    def __init__(self, number, thread, kind, var=None):
        self.id, self.thread, self.kind, self.var = number, thread, kind, var
        self.acquire = self.release = self.is_lock = self.is_unlock = False
        self.reg = self.val = self.fn = self.read = self.fence = None


def _compose(left, right):
    after = {}
    for a, b in right:
        after.setdefault(a, []).append(b)
    return {(a, c) for a, b in left for c in after.get(b, ())}


def _closure(relation, size):
    """Rows of bits: who is reached from whom, in one step or more"""
    rows = [0] * size
    for a, b in relation:
        rows[a] |= 1 << b
    changed = True
    while changed:
        changed = False
        for i in range(size):
            row = rows[i]
            for j in range(size):
                if rows[i] >> j & 1:
                    row |= rows[j]
            if row != rows[i]:
                rows[i] = row
                changed = True
    return rows


class Test:
    """Threads, made into events and the relations that all executions share"""

    def __init__(self, init, threads):
        self.events, self.threads, self.assumed = [], [], []
        self.control, self.address = set(), set()
        for var, val in init.items():
            self._event(-1, "W", var).val = val
        for number, thread in enumerate(threads):
            self._add_thread(number, thread)
        self.size = len(self.events)
        self.reads = [e for e in self.events if e.kind == "R"]
        self.writes = [e for e in self.events if e.kind == "W"]
        self.po = {(a.id, b.id) for thread in self.threads
                   for i, a in enumerate(thread) for b in thread[i + 1:]}
        self.rmw = {(e.read, e.id) for e in self.writes
                    if e.read is not None}
        self._add_fences()

    def _event(self, thread, kind, var=None):
        event = _Event(len(self.events), thread, kind, var)
        self.events.append(event)
        return event

    def _add_thread(self, number, thread):
        mine, controls, regs, followed = [], [], {}, set()

        def read(reg, var, acquire):
            event = self._event(number, "R", var)
            event.reg, event.acquire = reg, acquire
            self.address.update((f, event.id) for f in followed)
            regs[reg] = event.id
            mine.append(event)
            return event

        def write(var, release):
            event = self._event(number, "W", var)
            event.release = release
            self.control.update((c, event.id) for c in controls)
            self.address.update((f, event.id) for f in followed)
            mine.append(event)
            return event

        for op in thread:
            if isinstance(op, Follow):
                followed.add(regs[op.reg])
                continue
            if isinstance(op, Write):
                write(op.var, op.release).val = op.val
            elif isinstance(op, Read):
                read(op.reg, op.var, op.acquire)
            elif isinstance(op, Rmw):
                source = read(op.reg, op.var, op.acquire)
                event = write(op.var, op.release)
                event.fn, event.read = op.fn, source.id
            elif isinstance(op, Fence):
                event = self._event(number, "F")
                event.fence = op.kind
                mine.append(event)
            elif isinstance(op, If):
                controls.append(regs[op.reg])
                self.assumed.append((regs[op.reg], op.test))
            elif isinstance(op, Lock):
                source = read("lock %d" % len(self.events), op.var, True)
                source.is_lock = True
                self.assumed.append((source.id, lambda val: val == 0))
                event = write(op.var, False)
                event.fn, event.read = (lambda val: 1), source.id
            elif isinstance(op, Unlock):
                event = write(op.var, True)
                event.val, event.is_unlock = 0, True
            followed.clear()
        self.threads.append(mine)

    def _add_fences(self):
        kinds = {"rmb": ("R", "R"), "wmb": ("W", "W")}
        self.strong, self.wmb, weak = set(), set(), set()
        for thread in self.threads:
            for i, fence in enumerate(thread):
                if fence.kind != "F":
                    continue
                pairs = {(a.id, b.id) for a in thread[:i]
                         for b in thread[i + 1:]
                         if "F" not in (a.kind, b.kind) and
                         (fence.fence == "mb" or
                          kinds[fence.fence] == (a.kind, b.kind))}
                if fence.fence == "mb":
                    self.strong |= pairs
                elif fence.fence == "wmb":
                    self.wmb |= pairs
                else:
                    weak |= pairs
        accesses = {(a, b) for a, b in self.po
                    if "F" not in (self.events[a].kind, self.events[b].kind)}
        acquires = {(a, b) for a, b in accesses if self.events[a].acquire}
        self.releases = {(a, b) for a, b in accesses if self.events[b].release}
        self.accesses = accesses
        self.ordered = (self.control | self.address | self.strong | self.wmb | weak |
                        acquires | self.releases)

    def _external(self, relation):
        return {(a, b) for a, b in relation
                if self.events[a].thread != self.events[b].thread}

    def _acyclic(self, relation):
        rows = _closure(relation, self.size)
        return not any(rows[i] >> i & 1 for i in range(self.size))

    def _orders(self):
        """The orders of writes to each variable, the first value first"""
        by_var = {}
        for write in self.writes:
            by_var.setdefault(write.var, []).append(write)
        choices = []
        for writes in by_var.values():
            first = [w.id for w in writes if w.thread == -1]
            rest = [w.id for w in writes if w.thread != -1]
            choices.append([
                first + list(order)
                for order in itertools.permutations(rest)
                if not any((order[j], order[i]) in self.po
                           for i in range(len(order))
                           for j in range(i + 1, len(order)))])
        return list(by_var), choices

    def _values(self, source):
        """What each read reads; None where values would depend on themselves"""
        def written(write, depth):
            if depth > self.size:
                raise RecursionError
            event = self.events[write]
            if event.fn is None:
                return event.val
            return event.fn(written(source[event.read], depth + 1))

        try:
            values = {read: written(write, 0)
                      for read, write in source.items()}
        except RecursionError:
            return None, None
        return values, lambda write: written(write, 0)

    def _allowed(self, source, orders):
        co = {(order[i], order[j]) for order in orders
              for i in range(len(order)) for j in range(i + 1, len(order))}
        rf = {(write, read) for read, write in source.items()}
        fr = {(read, later) for read, write in source.items()
              for earlier, later in co if earlier == write}
        same_var = {(a, b) for a, b in self.po
                    if self.events[a].var is not None and
                    self.events[a].var == self.events[b].var}
        if not self._acyclic(same_var | rf | co | fr):
            return False
        rfe = self._external(rf)
        if self.rmw & _compose(self._external(fr), self._external(co)):
            return False

        # Whoever unlocks, before whoever takes the lock next
        handed = {(w, r) for w, r in rf
                  if self.events[w].is_unlock and self.events[r].is_lock}
        lock_order = {(a, d) for w, r in handed
                      for a, b in self.accesses if b == w
                      for c, d in self.accesses if c == r}
        ppo = self.ordered | (lock_order - self._external(lock_order))

        step = _compose(rf, self.rmw)
        rmw_sequence, more = set(), step
        while more - rmw_sequence:
            rmw_sequence |= more
            more = _compose(rmw_sequence, step)
        cumulative = self.strong | self.releases
        cumulative = (cumulative | _compose(rfe, cumulative) | self.wmb |
                      lock_order | rmw_sequence)
        fences = set(cumulative)
        while True:
            longer = fences | _compose(fences, cumulative)
            if longer == fences:
                break
            fences = longer

        same = {(i, i) for i in range(self.size)}
        overwritten = self._external(co | fr)
        prop = _compose(_compose(overwritten | same, fences | same), rfe | same)
        hb = ppo | rfe | {(a, b) for a, b in prop - self._external(prop)
                          if a != b}
        if not self._acyclic(hb):
            return False
        if self.strong:
            rows = _closure(hb, self.size)
            after = same | {(i, j) for i in range(self.size)
                            for j in range(self.size) if rows[i] >> j & 1}
            if not self._acyclic(_compose(_compose(prop, self.strong), after)):
                return False
        return True

    def run(self, outcome):
        """How many executions are allowed, and how many have the outcome

        outcome is asked with the registers of all threads, by (thread, name),
        and with the last value of each variable.
        """
        sources = [[w.id for w in self.writes
                    if w.var == r.var and (r.id, w.id) not in self.po]
                   for r in self.reads]
        names, choices = self._orders()
        allowed = seen = 0
        for chosen in itertools.product(*sources):
            source = dict(zip((r.id for r in self.reads), chosen))
            values, written = self._values(source)
            if values is None:
                continue
            if not all(test(values[read]) for read, test in self.assumed):
                continue
            regs = {(r.thread, r.reg): values[r.id] for r in self.reads}
            for orders in itertools.product(*choices):
                if not self._allowed(source, orders):
                    continue
                allowed += 1
                last = {name: written(order[-1])
                        for name, order in zip(names, orders)}
                seen += bool(outcome(regs, last))
        return allowed, seen
