"""A process that ends before its child does: the child writes the file named as the last argument, then ends."""

import subprocess
import sys
import time

if __name__ == "__main__":
    write_late = "import pathlib, sys, time; time.sleep(2); pathlib.Path(sys.argv[1]).touch()"
    subprocess.Popen([sys.executable, "-c", write_late, sys.argv[-1]])
    time.sleep(1)
