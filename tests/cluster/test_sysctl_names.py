"""Names of sysctls that nothing is read from. Real names: ip-sysctl.rst and nf_conntrack-sysctl.rst of the kernel's documentation."""

import pytest

from kproxysim.cluster.sysctl_names import check_sysctl_names
from kproxysim.network.settings import sysctls_like

READ = [
    "net.ipv4.ip_forward",
    "net/ipv4/ip_forward",
    "net.ipv4.conf.all.rp_filter",
    "net.ipv4.conf.eth0.route_localnet",
    "net/ipv4/conf/eth0.100/rp_filter",
    "net.bridge.bridge-nf-call-ip6tables",
    "net.netfilter.nf_conntrack_udp_timeout_stream",
    "net.netfilter.nf_conntrack_sctp_timeout_heartbeat_sent",
    "net.ipv4.conf.all.accept_local",
    "net.ipv4.conf.all.forwarding",
    "net/ipv6/conf/eth0.100/force_forwarding",
    "vm.swappiness",
]
MISSPELLED = [
    ("net.ipv4.ip_foward", "net.ipv4.ip_forward"),
    ("net.ipv4.ip_forwarding", "net.ipv4.ip_forward"),
    ("ip_forward", "net.ipv4.ip_forward"),
    ("net.ipv4.conf.all.rpfilter", "net.ipv4.conf.all.rp_filter"),
    ("net.ipv4.conf.eth0.route_local_net", "net.ipv4.conf.eth0.route_localnet"),
    ("net.bridge.bridge_nf_call_iptables", "net.bridge.bridge-nf-call-iptables"),
    (
        "net.netfilter.nf_conntrack_tcp_timeout_establishd",
        "net.netfilter.nf_conntrack_tcp_timeout_established",
    ),
]
OTHERS = [
    "net.ipv4.conf.all.arp_filter",
    "net.ipv6.conf.eth0.forwarding",
    "net.ipv6.conf.all.mc_forwarding",
    "net.ipv4.conf.all.src_valid_mark",
    "net.ipv4.tcp_max_orphans",
    "net.ipv4.route.gc_timeout",
    "net.bridge.bridge-nf-call-arptables",
    "net.netfilter.nf_conntrack_max",
    "net.netfilter.nf_conntrack_buckets",
    "net.netfilter.nf_conntrack_timestamp",
    "net.netfilter.nf_conntrack_tcp_ignore_invalid_rst",
    "net.netfilter.nf_conntrack_dccp_timeout_closereq",
    "net.netfilter.nf_conntrack_frag6_timeout",
    "net.netfilter.nf_flowtable_udp_timeout",
]


@pytest.mark.parametrize("name", READ)
def test_nothing_is_said_of_what_is_read_or_of_no_network(name: str) -> None:
    assert list(check_sysctl_names([name], sysctls_like)) == []


@pytest.mark.parametrize("name, meant", MISSPELLED)
def test_what_is_nearly_read_is_a_warning(name: str, meant: str) -> None:
    (found,) = check_sysctl_names([name], sysctls_like)
    assert (found.code, found.path, found.help) == ("KPS234", (name,), f"did you mean {meant}?")


@pytest.mark.parametrize("name", OTHERS)
def test_other_settings_of_the_network_are_notes(name: str) -> None:
    (found,) = check_sysctl_names([name], sysctls_like)
    assert (found.code, found.path, found.help) == ("KPS312", (name,), "")
