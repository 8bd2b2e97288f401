"""The sysctls of a node that decide a packet's way: by name and value, as `sysctl` prints them.

Source: ip-sysctl.rst and nf_conntrack-sysctl.rst in the kernel's documentation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from kproxysim.netfilter.host import DeviceSettings, Sysctls
from kproxysim.netfilter.timeouts import Timeouts

__all__ = ["settings_of", "sysctls_like"]

_OF_DEVICES = ("rp_filter", "route_localnet", "accept_local")
"""Of these the larger counts: that of the device, or that of `all`."""

_OF_A_DEVICE = re.compile(
    rf"net\.ipv4\.conf\.(.+)\.(?:{'|'.join(_OF_DEVICES)}|forwarding)|net\.ipv6\.conf\.(.+)\.force_forwarding"
)
_OF_THE_HOST = (
    "net.ipv4.ip_forward",
    "net.ipv6.conf.all.forwarding",
    "net.bridge.bridge-nf-call-iptables",
    "net.bridge.bridge-nf-call-ip6tables",
    "net.netfilter.nf_conntrack_tcp_loose",
    "net.netfilter.nf_conntrack_tcp_be_liberal",
    "net.netfilter.nf_conntrack_tcp_max_retrans",
    *Timeouts.names(),
)


def sysctls_like(name: str) -> tuple[str, ...]:
    """The names, with dots, that a setting may have to decide something here; those of devices for the
    device that `name` names. `name` itself is among them if it does.
    """
    words = name.replace("/", ".").split(".")
    is_of_device = words[0] == "net" and words[2:3] == ["conf"]
    device = (".".join(words[3:-1]) if is_of_device else "") or "all"
    of_devices = [f"net.ipv4.conf.{device}.{key}" for key in (*_OF_DEVICES, "forwarding")]
    return (*_OF_THE_HOST, *of_devices, f"net.ipv6.conf.{device}.force_forwarding")


def settings_of(values: Mapping[str, str]) -> Sysctls:
    """The settings that decide something, out of sysctl names in either spelling (`net.ipv4.ip_forward`,
    `net/ipv4/ip_forward`).

    `net.ipv4.conf.all.forwarding` is the same switch as `net.ipv4.ip_forward`; whoever turns it turns that of
    every device, so a device of which nothing is said has what `default` says, or else the switch. Measured.
    """
    found = {name.replace("/", "."): value for name, value in values.items()}

    def number(name: str, default: int) -> int:
        text = found.get(name, "").strip()
        return int(text) if text.isdigit() else default

    def switch(device: str, family: str, key: str, usual: int) -> bool:
        own = number(f"net.{family}.conf.default.{key}", number(f"net.{family}.conf.all.{key}", usual))
        return bool(number(f"net.{family}.conf.{device}.{key}", own))

    def device(name: str) -> DeviceSettings:
        """The larger of what `all` and the device say; a device begins with what `default` says."""
        usual = (number(f"net.ipv4.conf.default.{key}", 0) for key in _OF_DEVICES)
        own = (
            number(f"net.ipv4.conf.{name}.{key}", was) for key, was in zip(_OF_DEVICES, usual, strict=True)
        )
        every = (number(f"net.ipv4.conf.all.{key}", 0) for key in _OF_DEVICES)
        rp_filter, route_localnet, accept_local = map(max, zip(every, own, strict=True))
        forwarding = switch(name, "ipv4", "forwarding", number("net.ipv4.ip_forward", 1))
        forced = switch(name, "ipv6", "force_forwarding", 0)
        return DeviceSettings(rp_filter, bool(route_localnet), bool(accept_local), forwarding, forced)

    named = (_OF_A_DEVICE.fullmatch(name) for name in found)
    devices = {(match[1] or match[2]): device(match[1] or match[2]) for match in named if match is not None}
    return Sysctls(
        ipv6_forward=bool(number("net.ipv6.conf.all.forwarding", 1)),
        bridge_iptables=bool(number("net.bridge.bridge-nf-call-iptables", 1)),
        bridge_ip6tables=bool(number("net.bridge.bridge-nf-call-ip6tables", 1)),
        any_device=device("default"),
        devices={name: known for name, known in devices.items() if name not in ("all", "default")},
        tcp_loose=bool(number("net.netfilter.nf_conntrack_tcp_loose", 1)),
        tcp_be_liberal=bool(number("net.netfilter.nf_conntrack_tcp_be_liberal", 0)),
        tcp_max_retrans=number("net.netfilter.nf_conntrack_tcp_max_retrans", 3),
        timeouts=Timeouts.of(found),
    )
