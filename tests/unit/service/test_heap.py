"""What a process keeps is left alone by the garbage collector; what it makes later is not. In a process of its own."""

import subprocess
import sys

PROGRAM = """
import gc, weakref
from shared.service.heap import keep_what_is_loaded

class Ring:
    def __init__(self):
        self.itself = self

kept = [Ring() for _ in range(1000)]
lost = weakref.ref(Ring())
keep_what_is_loaded()
assert lost() is None, "garbage would be kept for ever"
assert gc.get_freeze_count() > 1000
assert not any(isinstance(one, Ring) for one in gc.get_objects())
later = weakref.ref(Ring())
gc.collect()
assert later() is None
"""


def test_only_what_was_loaded_is_kept_from_the_collector() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
