"""From a plan to network stacks that are wired together: namespaces, veth pairs, bridges, addresses, routes, rules."""

import os
import subprocess
from pathlib import Path

from tests.kernel.namespaces import Namespaces
from tests.kernel.plan import Plan

PATIENCE = 30
"""Seconds after which a program that should take milliseconds is taken for stuck."""

QUIET = {
    "net/ipv4/conf/{}/send_redirects": "0",
    "net/ipv4/conf/{}/accept_redirects": "0",
    "net/ipv6/conf/{}/accept_dad": "0",
    "net/ipv6/conf/{}/accept_ra": "0",
    "net/ipv6/conf/{}/accept_redirects": "0",
    "net/ipv6/conf/{}/addr_gen_mode": "1",
    "net/ipv6/conf/{}/router_solicitations": "0",
    "net/ipv6/conf/{}/mldv2_unsolicited_report_interval": "1",
}
"""No packets but those of a test: no redirects, no link-local addresses, nobody looks for routers, and groups are told of at once."""

IMPATIENT = {
    "net/ipv4/icmp_ratelimit": "0",
    "net/ipv4/icmp_ratemask": "0",
    "net/ipv6/icmp/ratelimit": "0",
    "net/ipv4/tcp_synack_retries": "0",
}
"""Every ICMP error is sent, and no answer twice."""

NEIGHBOURS = (Path("/proc/sys/net/ipv4/neigh"), Path("/proc/sys/net/ipv6/neigh"))
ANSWER_WITHIN = "10"
"""Milliseconds after which an unanswered question for a neighbour is asked again; three make it unreachable."""


DISCOVERY = (131, 132, 133, 134, 135, 136, 143)
"""ICMPv6 types by which neighbours, routers and groups are found."""

DEAF = "".join(
    f"-I {chain} -p ipv6-icmp -m icmp6 --icmpv6-type {kind} -j DROP\n"
    for chain in ("PREROUTING", "OUTPUT")
    for kind in DISCOVERY
)
"""Such packets end where table raw begins: rules would count them, some of them seconds after a link came up."""


def without_discovery(found: dict[str, int]) -> dict[str, int]:
    """Counters as `counters.read` gives them, where `DEAF` stands in the same tables as the rules of a test."""
    kept = {}
    for at, count in found.items():
        table, chain, number = at.split("/")
        own = int(number)
        if table == "raw" and chain in ("PREROUTING", "OUTPUT") and own:
            own -= len(DISCOVERY)
        if own >= 0 and (own or number == "0"):
            kept[f"{table}/{chain}/{own}"] = count
    return kept


def run(arguments: list[str], text: str = "") -> str:
    """What a program prints. Raises ValueError with what it complains of."""
    done = subprocess.run(
        arguments, input=text, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    if done.returncode != 0:
        raise ValueError(f"{' '.join(arguments)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def program(backend: str, family: str, action: str) -> str:
    return f"{'iptables' if family == 'ipv4' else 'ip6tables'}-{backend}-{action}"


def build(plan: Plan) -> Namespaces:
    namespaces = Namespaces()
    os.environ["XTABLES_LOCKFILE"] = "/run/xtables.lock"
    everywhere = {key.format(name): value for key, value in QUIET.items() for name in ("all", "default")}
    for name, host in plan.hosts.items():
        namespaces.add(name)
        namespaces.sysctls(name, everywhere | IMPATIENT | host.sysctls)
    run(["ip", "-batch", "-"], "\n".join(_links(plan, namespaces)))
    hosts = plan.hosts.items()
    run_together(namespaces, [(name, ["ip", "-batch", "-"], "\n".join(host.ip)) for name, host in hosts])
    for name, host in hosts:
        namespaces.sysctls(name, host.late_sysctls)
        with namespaces.inside(name):
            for device in (device for tree in NEIGHBOURS for device in tree.iterdir()):
                (device / "retrans_time_ms").write_text(ANSWER_WITHIN, encoding="ascii")
    rules = [(name, family, text) for name, host in hosts for family, text in host.rules.items()]
    run_together(
        namespaces, [(name, [program(plan.backend, family, "restore")], text) for name, family, text in rules]
    )
    deaf = [program("legacy", "ipv6", "restore"), "--noflush"]
    run_together(
        namespaces, [(name, deaf, f"*raw\n{DEAF}COMMIT\n") for name, family, _ in rules if family == "ipv6"]
    )
    return namespaces


def run_together(namespaces: Namespaces, commands: list[tuple[str, list[str], str]]) -> None:
    """Programs that have nothing to do with each other: host, arguments, input. Much of their time they wait for the kernel.

    Raises ValueError with what the first that fails complains of.
    """
    running = []
    for number, (name, arguments, text) in enumerate(commands):
        given = os.memfd_create("input")
        os.pwrite(given, text.encode(), 0)
        with namespaces.inside(name):
            one = subprocess.Popen(
                arguments,
                stdin=given,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env={**os.environ, "XTABLES_LOCKFILE": f"/run/xtables.{number}.lock"},
            )
        os.close(given)
        running.append((arguments, one))
    said = [(arguments, one, one.communicate(timeout=PATIENCE)[1].decode()) for arguments, one in running]
    for arguments, one, complaint in said:
        if one.returncode != 0:
            raise ValueError(f"{' '.join(arguments)}: {complaint.strip() or one.returncode}")


def _links(plan: Plan, namespaces: Namespaces) -> list[str]:
    """Lines for `ip`, run in the network that belongs to no host: the bridges that stand for segments, then pairs.

    A host's devices are made in the order in which they usually are: uplinks first. The kernel goes by it where MASQUERADE must borrow an address.
    """
    lines = []
    for number, switch in enumerate(plan.switches):
        lines.append(f"link add s{number} type bridge mcast_snooping 0")
        lines.append(f"link set s{number} up")
        for place, (host, device, mac) in enumerate(switch.ports):
            port = f"s{number}p{place}"
            lines.append(
                f"link add {port} type veth peer name {device} address {mac} netns {namespaces.path(host)}"
            )
            lines.append(f"link set {port} master s{number} up")
    for cable in plan.cables:
        (host, device, mac), (other, far, far_mac) = cable.ends
        lines.append(
            f"link add {device} address {mac} netns {namespaces.path(host)} type veth "
            f"peer name {far} address {far_mac} netns {namespaces.path(other)}"
        )
    return lines
