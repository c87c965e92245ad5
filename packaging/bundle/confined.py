"""Starts a program in another root folder, as an ordinary user, with sockets of the internet refused by the kernel.

`python -m bundle.confined ROOT COMMAND ...`, from the project's root, by root. The filter is put in place out here and
outlives the exec, so that nothing but the program itself is needed in there. Sockets of the machine itself, such as
the X server's, still open.
"""

import os
import sys

from tests import no_sockets

USER = 1000


def main() -> None:
    root, *command = sys.argv[1:]
    os.chroot(root)
    os.chdir("/home/user")
    os.setgroups([])
    os.setgid(USER)
    os.setuid(USER)
    no_sockets.refuse()
    os.execvpe(
        command[0],
        command,
        {name: os.environ[name] for name in ("DISPLAY", "PATH") if name in os.environ}
        | {
            "HOME": "/home/user",
            "USER": "user",
            "LANG": "C.UTF-8",
        },
    )


if __name__ == "__main__":
    main()
