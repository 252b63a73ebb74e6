"""Become an unprivileged user, tie one's life to the parent's, and turn into the server.

A program of its own (`python -I launch.py …`, standard library only): identity is changed in a fresh
process with one thread, never between fork and exec of a threaded one.

Why capabilities: PostgreSQL refuses to run as root, and the user it runs as instead may not be able to
pass the directories above it (a clone below /root or a 0700 temporary directory). Rather than open those
directories to everybody, the server keeps exactly one ambient capability, the one to pass them.
SECBIT_NO_SETUID_FIXUP lets access(2) honour it too (capabilities(7)); PostgreSQL finds itself that way.
"""

import argparse
import ctypes
import os
import signal
import sys
from collections.abc import Sequence

# linux/capability.h, linux/prctl.h, linux/securebits.h
CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
_CAPABILITY_VERSION_3 = 0x20080522
_PR_SET_PDEATHSIG = 1
_PR_SET_SECUREBITS = 28
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_SECBIT_NO_SETUID_FIXUP = 1 << 2

_libc = ctypes.CDLL(None, use_errno=True)


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapabilitySets(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def _checked(result: int) -> None:
    """Raise the OSError of a failed libc call."""
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def _prctl(option: int, *values: int) -> None:
    arguments = [ctypes.c_ulong(value) for value in (*values, 0, 0, 0, 0)[:4]]
    _checked(_libc.prctl(option, *arguments))


def die_with_parent(signal_number: int) -> None:
    """Ask the kernel for `signal_number` when the parent thread dies (lost on a later change of user)."""
    _prctl(_PR_SET_PDEATHSIG, signal_number)


def become(uid: int, gid: int, capability: int | None) -> None:
    """Change this process to `uid`, `gid` for good, keeping only `capability` (none if None)."""
    if capability is not None:
        _prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if capability is not None:
        _keep_only(capability)


def _keep_only(capability: int) -> None:
    """Reduce all capability sets to one, and let it pass an exec."""
    mask = 1 << capability
    header = _CapabilityHeader(_CAPABILITY_VERSION_3, 0)
    sets = (_CapabilitySets * 2)(_CapabilitySets(mask, mask, mask), _CapabilitySets(0, 0, 0))
    _checked(_libc.capset(ctypes.byref(header), ctypes.byref(sets)))
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability)


def main(arguments: Sequence[str]) -> None:
    """Parse `arguments`, change identity, and replace this process by the program named last."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uid", type=int)
    parser.add_argument("--gid", type=int)
    parser.add_argument("--capability", type=int)
    parser.add_argument("--parent", type=int, help="process id of the parent that must still be there")
    parser.add_argument("--parent-signal", type=int, help="signal to get when the parent dies")
    parser.add_argument("program", nargs="+")
    options = parser.parse_args(arguments)
    if options.uid is not None:
        become(options.uid, options.gid, options.capability)
    if options.parent_signal is not None:
        die_with_parent(options.parent_signal)
        if os.getppid() != options.parent:  # it died before we asked
            sys.exit(128 + options.parent_signal)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and exec would pass that on
    os.execv(options.program[0], options.program)  # noqa: S606  (no shell wanted)


if __name__ == "__main__":
    main(sys.argv[1:])
