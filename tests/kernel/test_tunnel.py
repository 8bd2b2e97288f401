"""What a real VXLAN tunnel does with the mark: the scenario of kubernetes#88986 says it in two packets, the kernel does it in one."""

from pathlib import Path

from kproxysim.scenario import Scenario
from tests.kernel.lab import Lab

FILE = (
    Path(__file__).parent.parent.parent / "scenarios" / "threads" / "k8s-88986-mark-outlives-masquerade.yaml"
)
CLIENT = "internet/203.0.113.9"
POD = "10.244.3.5"
MAC = "02:00:00:01:00:0{number}"


def tunnel(lab: Lab, number: int, node: str, address: str) -> None:
    """From a node to n3, whose pods are reached through it from now on."""
    ends = ((node, address, "192.0.2.13", 1), ("n3", "192.0.2.13", address, 2))
    for name, local, remote, end in ends:
        device = f"vxlan{number}"
        lines = [
            f"link add {device} address {MAC.format(number=end)} type vxlan id {number} local {local} remote {remote} dstport 4789",
            f"link set {device} up",
        ]
        if name == node:
            lines += [
                f"neighbour replace {POD} lladdr {MAC.format(number=2)} dev {device} nud permanent",
                f"route replace 10.244.3.0/24 dev {device}",
            ]
        lab.ask({"ip": {"host": f"node/{name}", "lines": lines}})
    lab.settle()


def counted(lab: Lab, node: str, public: str) -> dict[str, int]:
    """Of the rules of KUBE-POSTROUTING on a node: how often each matched for one connection through it."""
    packet = lab.packet(CLIENT, f"{public}:30080")
    seen = lab.send(packet, CLIENT, 0.9)
    assert seen.client == "answered"
    chain = "nat/KUBE-POSTROUTING/"
    return {
        at.removeprefix(chain): number
        for (host, at), number in sorted(seen.counters.items())
        if host == f"node/{node}" and at.startswith(chain)
    }


def test_the_outer_packet_is_masqueraded_only_where_the_mark_is_left_on() -> None:
    scenario = Scenario.load(FILE)
    with Lab(scenario.world()) as lab:
        assert counted(lab, "n1", "198.51.100.11") == {"2": 1, "3": 1}  # the mark taken off, MASQUERADE
        assert counted(lab, "n2", "198.51.100.12") == {"1": 1}  # MASQUERADE
        tunnel(lab, 1, "n1", "192.0.2.11")
        tunnel(lab, 2, "n2", "192.0.2.12")
        assert counted(lab, "n1", "198.51.100.11") == {"1": 1, "2": 1, "3": 1}  # RETURN, of the outer one
        assert counted(lab, "n2", "198.51.100.12") == {"1": 2}
