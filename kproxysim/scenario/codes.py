"""What the codes of this room mean: mistakes in scenario files, and from KPS690 on notes about them."""

from __future__ import annotations

from kproxysim.codes import Explanation

__all__ = ["EXPLANATIONS"]

EXPLANATIONS: tuple[Explanation, ...] = (
    Explanation(
        "KPS601",
        "the version of the scenario format is not known",
        "`scenario:` says which version of the format a file is written in. This program reads version 1. "
        "A file of another version is not read at all, since its fields may mean something else.",
        "kind: Scenario\nscenario: 1",
    ),
    Explanation(
        "KPS602",
        "a scenario names something that is not there",
        "A packet, a node, or whoever is to receive a packet is named, and nothing of that name is in the "
        "scenario or its manifests. The names that there are stand beside the message. Pods go by "
        "NAMESPACE/NAME: those of EndpointSlices, and those under `pods:`.",
        "packets:\n  browser: {from: internet/203.0.113.7, to: '198.51.100.12:80'}\n"
        "expect:\n- packet: browsr          # there is no packet 'browsr' here; did you mean browser?\n"
        "  reaches: default/echo-1",
    ),
    Explanation(
        "KPS603",
        "nobody has this address",
        "A packet is dialled to an address that no node, pod, Service, client or route of the edge has: "
        "most often a slip of the pen. Where it is meant, expect it: `disposition: unreachable`. The two "
        "addresses of a `oneToOne` entry must be of the same family.",
        "nodes:\n  node-a: {internal: 10.128.0.12, external: 198.51.100.12}\n"
        "packets:\n  browser: {from: internet/203.0.113.7, to: '198.51.100.99:80'}   # nobody has .99",
    ),
    Explanation(
        "KPS604",
        "shares that can't be, or don't add up",
        "Where chance decides, an expectation says who gets which share: a bare name all of it, a list "
        "equal shares, a mapping exact fractions. Fractions are written as 1/3, not as 0.333, and add up to "
        "exactly 1; under `reaches`, what arrives nowhere is the share of `nobody`. The fields "
        "`disposition`, `reason`, `client` and `advice` take words from a list only.",
        "reaches: {default/echo-1: 1/3, default/echo-2: 1/3, nobody: 1/3}",
    ),
    Explanation(
        "KPS605",
        "an opening of the firewall that is none",
        "An opening is a protocol, perhaps a port or a range of ports, and perhaps whom it is for.",
        "cloud:\n  firewall: [tcp/80, tcp/30000-32767, udp, tcp/22 from 203.0.113.0/24]",
    ),
    Explanation(
        "KPS606",
        "a pod is not called NAMESPACE/NAME",
        "Pods of two namespaces may have the same name, so both are written, in `pods:` as everywhere else.",
        "pods:\n  default/shell: {node: node-b, ip: 10.44.1.9}",
    ),
    Explanation(
        "KPS607",
        "a station that no packet can pass",
        "`through` and `avoids` name stations: hosts, what the edge does, chains, targets, and fields that "
        "made a rule. Chains of a Service go by their role and the Service, not by the hash in their name, "
        "so that an expectation can be read. docs/scenario-format.md lists all forms.",
        "through: [gce-nat, node/node-a, 'KUBE-EXT default/echo:http', DNAT]",
    ),
    Explanation(
        "KPS608",
        "an expectation that expects nothing",
        "An entry under `expect:` names a packet, and must say at least one thing that is to become of it.",
        "expect:\n- packet: browser\n  reaches: default/echo-1",
    ),
    Explanation(
        "KPS609",
        "there is no scenario in this folder",
        "Of a folder, those *.yaml and *.yml files are replayed that begin with `kind: Scenario`; others are "
        "taken for manifests. A run over nothing would pass whatever happened, so it is an error.",
        "kproxysim run scenarios/",
    ),
    Explanation(
        "KPS610",
        "a node is described twice",
        "A node is either a Node object in a manifest, or written in short form under `nodes:`, with its "
        "addresses. Beside a Node object, `nodes:` may only add what the API does not know: sockets, "
        "settings, routes.",
        "manifests: [nodes.yaml]           # has node-a, with its addresses\n"
        "nodes:\n  node-a: {listening: [tcp/22]}",
    ),
    Explanation(
        "KPS611",
        "this file is no scenario",
        "It may hold manifests, which a scenario names under `manifests:`. A scenario says what it is.",
        "kind: Scenario\nscenario: 1\nabout: what it shows, in one line",
    ),
    Explanation(
        "KPS612",
        "there are two scenarios in one file",
        "A scenario goes by the name of its file, so each has a file of its own. Manifests may follow in the "
        "same file, after a line `---`.",
    ),
    Explanation(
        "KPS613",
        "an edge that does not translate is told to",
        "`oneToOne` says how the edge translates public addresses; an edge of kind `routed` sends them on as "
        "they are.",
        "cloud:\n  kind: nat\n  oneToOne: {198.51.100.12: 10.128.0.12}",
    ),
    Explanation(
        "KPS614",
        "via names a node where there is nothing to choose",
        "`via` says at which node the edge lets a packet in, and only where several could take it: those "
        "behind a load balancer's address. Under externalTrafficPolicy Local these are the nodes with a "
        "ready pod. Every other address leads to one node, and `via` would change nothing.",
        "packets:\n  by-node-b: {from: internet/203.0.113.7, to: '198.51.100.200:80', via: node-b}",
    ),
    Explanation(
        "KPS615",
        "a step that can't be carried out as it stands",
        "A step does one thing: it opens, uses or closes a connection, traces a packet, changes an object, "
        "does something to kube-proxies, connections or rules, or waits. A field that belongs to another "
        "verb has no effect, so it is a mistake; and so is an expectation of something that the step does "
        "not have, such as a packet where time passes. Names of steps are words, each used once; numbers "
        "they have anyway.",
        "steps:\n- open: browser\n  name: before\n- wait: 30s\n- send: browser\n  expect: {connection: open}",
    ),
    Explanation(
        "KPS616",
        "a pattern that no entry of connection tracking can fit",
        "A pattern is some words of a line of `conntrack -L` in their order: protocol, state, `src=`, "
        "`dst=`, `sport=`, `dport=` of both directions, `[UNREPLIED]`, `[ASSURED]`. A `*` stands for "
        "anything in a word. A word that never stands there is a slip, and would let an expectation of no "
        "entry hold forever.",
        "expect:\n  conntrack:\n    node-a: ['udp dst=10.48.0.10 [UNREPLIED]']   # there is one\n"
        "    node-b: {tcp ESTABLISHED dport=80: 2}        # there are two\n    node-c: 0",
    ),
    Explanation(
        "KPS617",
        "a connection that is not there, or there already",
        "`open` gives a connection the name of its packet, or the one under `as`. What uses it comes later, "
        "and before it is closed; a second one needs a name of its own. What opens a connection is an "
        "ordinary packet: without `flags`, `icmp` and `src`. With `clients` it comes from the internet.",
        "steps:\n- open: browser\n- open: browser\n  as: second\n- send: second",
    ),
    Explanation(
        "KPS618",
        "too many ways side by side",
        "Where chance decides and a step neither picks nor draws, all ways go on, each in a world of its "
        "own, and every later choice multiplies them: eight connections over two endpoints make 256, "
        "and more are not followed.",
        "- open: browser\n  pick: default/echo-1     # or seed: 1",
    ),
    Explanation(
        "KPS619",
        "a pod's address is that of another pod",
        "Pods have addresses of their own, unless they are on their node's network. Pods behind a Service "
        "are known from its EndpointSlices, with their addresses; `pods:` needs those that no slice names.",
        "pods:\n  default/shell: {node: node-b, ip: 10.44.1.9}",
    ),
    Explanation(
        "KPS690",
        "nothing is expected of a packet",
        "The packet can be traced, but `kproxysim run` has nothing to hold against it.",
        "expect:\n- packet: browser\n  reaches: default/echo-1",
    ),
)
