"""How does a socket come to hear nothing, as behind a network that drops every packet?"""

import ctypes
import socket
import struct
from contextlib import suppress

_ATTACH, _DETACH = 26, 27  # SO_ATTACH_FILTER, SO_DETACH_FILTER of asm-generic/socket.h
_KEEP_NOTHING = ctypes.create_string_buffer(
    struct.pack("HBBI", 0x06, 0, 0, 0), 8
)  # one instruction: BPF_RET of 0 bytes


def deafened(number: int) -> None:
    """Let the kernel drop, and not confirm, all that comes to the socket of this file number."""
    program = struct.pack("HL", 1, ctypes.addressof(_KEEP_NOTHING))
    with socket.socket(fileno=number) as found:
        found.setsockopt(socket.SOL_SOCKET, _ATTACH, program)
        found.detach()


def heard_again(number: int) -> None:
    """Let it hear again, also what is sent once more; nothing happens to one that was not deafened."""
    with socket.socket(fileno=number) as found:
        with suppress(FileNotFoundError):
            found.setsockopt(socket.SOL_SOCKET, _DETACH, 0)
        found.detach()
