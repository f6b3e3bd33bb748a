"""What addresses tell, whoever wrote them: whether they stay on this machine, and who asks."""

from __future__ import annotations

import re


def without_user(text: str) -> str:
    """An address, or a text with addresses in it, without the users and passwords that stand before their hosts."""
    return re.sub(r"//[^/\s]*@", "//", text)


def is_loopback(host: str) -> bool:
    """Whether a host, a name or the digits of an address without brackets, is this machine and no other."""
    if host == "localhost":
        return True
    from ipaddress import ip_address  # noqa: PLC0415 - who reads the mirror needs none

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
