"""What a process loads when it starts, it keeps until it ends: the garbage collector need not look at it again.

That is more than 100,000 objects (modules, models, routes, statements). A full collection looks at every one of them,
which takes 90 ms in which nobody is answered; they were a quarter of the processor time of a busy consumer.
"""

import gc

ALLOCATIONS = 10_000  # by default 700: a batch of events is then looked at several times before it is done with


def keep_what_is_loaded() -> None:
    """Call once, when everything is loaded and before the work begins."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(ALLOCATIONS, *gc.get_threshold()[1:])
