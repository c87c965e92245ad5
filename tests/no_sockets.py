"""No network, for good: a filter in the kernel that refuses sockets of the internet to this process and its children.

Linux only. A program of the Berkeley Packet Filter is handed to seccomp (linux/seccomp.h, linux/filter.h,
linux/audit.h); it looks at the number of every system call and at the first argument of socket().
"""

import ctypes
import errno
import os
import platform
import socket
import struct

_SET_NO_NEW_PRIVS, _SET_SECCOMP, _MODE_FILTER = 38, 22, 2
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM
_LOAD, _IF_EQUAL, _RETURN = 0x20, 0x15, 0x06  # BPF_LD|BPF_W|BPF_ABS, BPF_JMP|BPF_JEQ|BPF_K, BPF_RET|BPF_K
_ARCHITECTURES = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}  # its mark, its number of socket()
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data, little endian


def possible() -> bool:
    return platform.system() == "Linux" and platform.machine() in _ARCHITECTURES


def refuse() -> None:
    """From here on socket() fails with EPERM for AF_INET and AF_INET6; sockets of the machine itself still open."""
    mark, call = _ARCHITECTURES[platform.machine()]
    program = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_IF_EQUAL, 1, 0, mark),
        (_RETURN, 0, 0, _REFUSE),  # a call in another architecture's numbers
        (_LOAD, 0, 0, _NUMBER),
        (_IF_EQUAL, 0, 4, call),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_IF_EQUAL, 1, 0, socket.AF_INET),
        (_IF_EQUAL, 0, 1, socket.AF_INET6),
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in program))
    filter_ = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
    for option, arguments in ((_SET_NO_NEW_PRIVS, (1, 0)), (_SET_SECCOMP, (_MODE_FILTER, ctypes.addressof(filter_)))):
        if libc.prctl(option, *arguments, 0, 0):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def prove() -> None:
    """Raises AssertionError where a socket can still be opened, from Python, from C, or in a child."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.socket(family).close()
        except PermissionError:
            continue
        raise AssertionError(f"a socket of {family!r} could be opened")
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.socket(int(socket.AF_INET), int(socket.SOCK_STREAM), 0) == -1
    assert ctypes.get_errno() == errno.EPERM
    child = os.fork()
    if child == 0:
        os._exit(0 if libc.socket(int(socket.AF_INET), int(socket.SOCK_DGRAM), 0) == -1 else 1)
    assert os.waitpid(child, 0)[1] == 0
    socket.socketpair()[0].close()  # what stays within the machine still works
