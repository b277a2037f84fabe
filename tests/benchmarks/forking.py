"""A process of 300 MB that always has a child of the same memory, each gone after a moment."""

import os
import time

if __name__ == "__main__":
    held = bytearray(os.urandom(1)) * (300 << 20)
    until = time.monotonic() + 3
    while time.monotonic() < until:
        child = os.fork()
        if child == 0:
            time.sleep(0.1)
            os._exit(0)
        os.waitpid(child, 0)
