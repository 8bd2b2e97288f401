"""What does not depend on any Service: chains that are always there, their rules, and the jumps from the base
chains.

Source: `syncProxyRules` and `iptablesJumpChains` in pkg/proxy/iptables/proxier.go, 1.25 to 1.36.
"""

from __future__ import annotations

from collections.abc import Iterable

from kproxysim.kubeproxy.settings import INVALID_COUNTER, Settings
from kproxysim.kubeproxy.versions import Behaviour
from kproxysim.netfilter.rule import Origin, Rule
from kproxysim.netfilter.ruleset import Ruleset
from kproxysim.values import dataclass

__all__ = [
    "EXTERNAL_SERVICES",
    "FILTER_CHAINS",
    "FIREWALL",
    "FORWARD",
    "KUBE_PROXY",
    "MARK_MASQ",
    "NAT_CHAINS",
    "NODE_PORTS",
    "POSTROUTING",
    "PROXY_FIREWALL",
    "SERVICES",
    "EnsureChain",
    "EnsureRule",
    "ensure",
    "firewall_rules",
    "forward_rules",
    "jumps",
    "masquerade_rules",
    "node_port_dispatch",
]

SERVICES = "KUBE-SERVICES"
EXTERNAL_SERVICES = "KUBE-EXTERNAL-SERVICES"
NODE_PORTS = "KUBE-NODEPORTS"
FORWARD = "KUBE-FORWARD"
PROXY_FIREWALL = "KUBE-PROXY-FIREWALL"
FIREWALL = "KUBE-FIREWALL"
POSTROUTING = "KUBE-POSTROUTING"
MARK_MASQ = "KUBE-MARK-MASQ"

FILTER_CHAINS = (SERVICES, EXTERNAL_SERVICES, FORWARD, NODE_PORTS, PROXY_FIREWALL)
NAT_CHAINS = (SERVICES, NODE_PORTS, POSTROUTING, MARK_MASQ)

KUBE_PROXY = Origin("kube-proxy")
_MARK = Origin("kube-proxy", "KubeProxyConfiguration iptables.masqueradeBit")
_LIBERAL = Origin("kube-proxy", "KubeProxyConfiguration conntrack.tcpBeLiberal")
_LOCALHOST = Origin("kube-proxy", "KubeProxyConfiguration iptables.localhostNodePorts")
_NODE_PORT_ADDRESSES = Origin("kube-proxy", "KubeProxyConfiguration nodePortAddresses")


@dataclass(frozen=True, slots=True)
class EnsureChain:
    """`iptables -t TABLE -N CHAIN`, unless it exists."""

    table: str
    chain: str

    def __str__(self) -> str:
        return f"-t {self.table} -N {self.chain}"


@dataclass(frozen=True, slots=True)
class EnsureRule:
    """`iptables -t TABLE -C` the rule; put it in front (or at the end) of its chain if it is not there."""

    table: str
    rule: Rule
    at_end: bool = False

    def __str__(self) -> str:
        return f"-t {self.table} {'-A' if self.at_end else '-I'} {self.rule.chain} {self.rule.text}"


def ensure(ruleset: Ruleset, wanted: Iterable[EnsureChain | EnsureRule]) -> None:
    """Carry out one call after the other."""
    for one in wanted:
        if isinstance(one, EnsureChain):
            ruleset.ensure_chain(one.table, one.chain)
        else:
            ruleset.ensure_rule(one.table, one.rule, at_end=one.at_end)


_NEW = "-m conntrack --ctstate NEW "

_OWN_JUMPS = (
    ("filter", "INPUT", _NEW, "kubernetes externally-visible service portals", EXTERNAL_SERVICES),
    ("filter", "FORWARD", _NEW, "kubernetes externally-visible service portals", EXTERNAL_SERVICES),
    ("filter", "INPUT", "", "kubernetes health check service ports", NODE_PORTS),
    ("filter", "FORWARD", _NEW, "kubernetes service portals", SERVICES),
    ("filter", "OUTPUT", _NEW, "kubernetes service portals", SERVICES),
    ("filter", "FORWARD", "", "kubernetes forwarding rules", FORWARD),
    ("filter", "INPUT", _NEW, "kubernetes load balancer firewall", PROXY_FIREWALL),
    ("filter", "OUTPUT", _NEW, "kubernetes load balancer firewall", PROXY_FIREWALL),
    ("filter", "FORWARD", _NEW, "kubernetes load balancer firewall", PROXY_FIREWALL),
    ("nat", "OUTPUT", "", "kubernetes service portals", SERVICES),
    ("nat", "PREROUTING", "", "kubernetes service portals", SERVICES),
    ("nat", "POSTROUTING", "", "kubernetes postrouting rules", POSTROUTING),
)
"""Table, base chain, match, comment and target, in the order in which they are ensured: the last one stands
first.
"""

_FIREWALL_JUMPS = (("filter", "INPUT", "", "", FIREWALL), ("filter", "OUTPUT", "", "", FIREWALL))


def jumps(behaviour: Behaviour) -> tuple[EnsureChain | EnsureRule, ...]:
    """The calls that a full sync begins with."""
    rows = list(_OWN_JUMPS)
    if behaviour.firewall_jumps == "before-postrouting":
        rows[-1:-1] = _FIREWALL_JUMPS
    elif behaviour.firewall_jumps == "last":
        rows += _FIREWALL_JUMPS
    calls: list[EnsureChain | EnsureRule] = []
    for table, base, match, comment, target in rows:
        explained = f'-m comment --comment "{comment}" ' if comment else ""
        calls.append(EnsureChain(table, target))
        calls.append(EnsureRule(table, Rule(base, f"{match}{explained}-j {target}", KUBE_PROXY)))
    return tuple(calls)


def masquerade_rules(settings: Settings) -> list[Rule]:
    """First in nat: what the mark does, and how it is set."""
    mark = settings.mark
    fully = " --random-fully" if settings.random_fully else ""
    snat = '-m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE'
    return [
        Rule(POSTROUTING, f"-m mark ! --mark {mark}/{mark} -j RETURN", _MARK),
        # Unmarked packets have just left the chain, so that this clears the mark.
        Rule(POSTROUTING, f"-j MARK --xor-mark {mark}", _MARK),
        Rule(POSTROUTING, snat + fully, _MARK),
        Rule(MARK_MASQ, f"-j MARK --or-mark {mark}", _MARK),
    ]


def firewall_rules() -> list[Rule]:
    """First in filter: with route_localnet set, nobody outside may reach 127.0.0.0/8."""
    text = (
        '-m comment --comment "block incoming localnet connections" -d 127.0.0.0/8 ! -s 127.0.0.0/8 '
        "-m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP"
    )
    return [Rule(FIREWALL, text, _LOCALHOST)]


def forward_rules(settings: Settings) -> list[Rule]:
    """Last in filter."""
    rules = []
    if settings.drops_invalid:
        counted = (
            f" -m nfacct --nfacct-name {INVALID_COUNTER}" if INVALID_COUNTER in settings.counters else ""
        )
        rules.append(Rule(FORWARD, f"-m conntrack --ctstate INVALID{counted} -j DROP", _LIBERAL))
    marked = f"-m mark --mark {settings.mark}/{settings.mark} -j ACCEPT"
    related = "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"
    rules += [
        Rule(FORWARD, f'-m comment --comment "kubernetes forwarding rules" {marked}', _MARK),
        Rule(FORWARD, f'-m comment --comment "kubernetes forwarding conntrack rule" {related}', KUBE_PROXY),
    ]
    return rules


def node_port_dispatch(settings: Settings) -> list[Rule]:
    """Last in nat: what is addressed to the node itself goes on to the node ports."""
    comment = '"kubernetes service nodeports; NOTE: this must be the last rule in this chain"'
    return [
        Rule(SERVICES, f"-m comment --comment {comment} {match} -j {NODE_PORTS}", _NODE_PORT_ADDRESSES)
        for match in settings.node_ports.dispatch
    ]
