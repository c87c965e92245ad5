"""`python -m desktop.training`."""

import sys

from desktop.training import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
