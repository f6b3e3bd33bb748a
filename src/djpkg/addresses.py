"""What addresses mean, whoever wrote them: whether they stay on this machine."""

from __future__ import annotations


def is_loopback(host: str) -> bool:
    """Whether a host, a name or the digits of an address without brackets, is this machine and no other."""
    if host == "localhost":
        return True
    from ipaddress import ip_address  # noqa: PLC0415 - who reads the mirror needs none

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
