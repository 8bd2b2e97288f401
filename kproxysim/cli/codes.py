"""What the codes of this room mean: a command that can't be carried out as it stands."""

from __future__ import annotations

from kproxysim.codes import Explanation

__all__ = ["EXPLANATIONS"]

EXPLANATIONS: tuple[Explanation, ...] = (
    Explanation(
        "KPS801",
        "nothing was checked",
        "A run in which no scenario expects anything would pass whatever happened, so it is a mistake. Give "
        "each scenario something under `expect`.",
        "expect:\n- packet: browser\n  reaches: default/echo-1",
    ),
    Explanation(
        "KPS802",
        "which packet?",
        "A command needs one packet and the arguments name none, one that is not there, or one that several "
        "scenarios have. Name a packet of a scenario with --packet, with the scenario in front where that is "
        "needed; or say who sends what with --from and --to.",
        "kproxysim trace scenarios/ --packet nodeport-on-gke:browser\n"
        "kproxysim trace cluster.yaml --from internet/203.0.113.7 --to 198.51.100.12:80",
    ),
    Explanation(
        "KPS803",
        "the sources do not go together, or are of the wrong kind",
        "A scenario brings its own cluster: it can't be mixed with manifests or with another scenario on the "
        "command line. A packet that goes by a name needs a scenario.",
        "kproxysim trace scenario.yaml --packet browser          # the scenario names its manifests itself",
    ),
    Explanation(
        "KPS804",
        "a dump of rules fits no node",
        "What iptables-save printed belongs to one node and one address family. Say which node it is with "
        "--node, and give at most one dump for each family.",
        "kproxysim trace cluster.yaml --node-facts node-a.rules --node node-a "
        "--from pod/default/echo-1 --to 10.48.3.7:80",
    ),
    Explanation(
        "KPS805",
        "a code that nobody uses",
        "`kproxysim explain` without a code lists all codes with a line each.",
    ),
    Explanation(
        "KPS806",
        "a file can't be read or written",
        "The operating system refused it; its own words are in the message.",
    ),
    Explanation(
        "KPS807",
        "something to know about what was asked",
        "The answer holds, and may not be to the question that was meant: the manifests have no Node or no "
        "EndpointSlice at all, the packet is dialled to an address that nobody has, or --via names a node "
        "that the edge had no cause to choose.",
        "kubectl get services -A -o yaml > cluster.yaml       # add nodes,endpointslices",
    ),
)
