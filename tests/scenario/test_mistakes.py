"""Files that are wrong: each mistake has its code, its line and column, and says what to write instead."""

from pathlib import Path

import pytest

from kproxysim.errors import Diagnostic, InputError, Severity
from kproxysim.scenario import Scenario
from tests.scenario.examples import SOUND, load, mistakes, write

# what stands in SOUND, what is written in its place, then code, line, column, message and help
SPOILT = [
    ("scenario: 1", "scenario: 2", "KPS601", 2, 11, "2 is no version of this format that is known", "write scenario: 1"),
    ("scenario: 1", "scenario: '1'", "KPS601", 2, 11, "'1' is no version of this format that is known", "write scenario: 1"),
    ("about: an external IP behind one-to-one NAT", "teaches: nothing", "KPS102", 1, 1, "about is missing", ""),
    ("about: an", "abuot: an", "KPS109", 3, 8, "abuot is no field here", "did you mean about?"),
    ("cloud: {kind: gce", "cloud: {kind: aws", "KPS107", 4, 15, '"aws" is none of the words for kind', "write gce, nat or routed"),
    ("[tcp/80]", "[tcp80]", "KPS605", 4, 31, "this is no opening of a firewall", "write it as tcp/80, tcp/30000-32767 or tcp/22 from 203.0.113.0/24"),
    ("[tcp/80]", "[icmp]", "KPS605", 4, 31, "'icmp' is no protocol with ports", "the protocols are tcp, udp, sctp"),
    ("[tcp/80]", "[tpc/80]", "KPS605", 4, 31, "'tpc' is no protocol with ports", "did you mean tcp?"),
    ("[tcp/80]", "[tcp/90-80]", "KPS605", 4, 31, "90 to 80 is no range of ports", "ports go from 0 to 65535, the lower one first"),
    ("[tcp/80]", "[tcp/99999]", "KPS605", 4, 31, "99999 to 99999 is no range of ports", "ports go from 0 to 65535, the lower one first"),
    ("[tcp/80]", "[tcp/80 from me]", "KPS605", 4, 31, "nobody can come in from there: 'me' is not ADDRESS/LENGTH", "write it as tcp/80, tcp/30000-32767 or tcp/22 from 203.0.113.0/24"),
    ("[tcp/80]", "[tcp/80], routes: {198.51.100.0/33: node-a}", "KPS105", 4, 66, "'198.51.100.0/33' is no address and no prefix", "write 198.51.100.0/24"),
    ("[tcp/80]", "[tcp/80], routes: {198.51.100.0/24: node-c}", "KPS602", 4, 66, "there is no node 'node-c' here", "did you mean node-b?"),
    ("[tcp/80]", "[tcp/80], oneToOne: {198.51.100.12: 'fd00::1'}", "KPS603", 4, 66, "198.51.100.12 and fd00::1 are of different families", ""),
    ("kind: gce,", "kind: routed, oneToOne: {198.51.100.12: 10.128.0.12},", "KPS613", 4, 23, "an edge of kind routed translates nothing", "write kind: nat"),
    ('version: "1.30"', "version: 1.30", "KPS103", 5, 22, "version must be text, and this is a number", 'put it in quotes: "1.30"'),
    ('version: "1.30"', 'version: "1.20"', "KPS401", 5, 22, "kube-proxy 1.20 is not supported", None),
    ('version: "1.30"', 'version: "1.30", config: {mode: ipvs}', "KPS111", 5, 45, None, None),
    ("podCIDR: 10.44.0.0/24", "podCIDR: 10.44.0.0/240", "KPS105", 7, 69, "a prefix of 10.44.0.0 has at most 32 bits, not 240", None),
    ("internal: 10.128.0.12", "internal: 10.128.0.300", "KPS104", 7, 22, None, None),
    ("podCIDR: 10.44.0.0/24", "podCIDR: 10.44.0.0/24, listning: [tcp/22]", "KPS109", 7, 83, "listning is no field here", "did you mean listening?"),
    ("podCIDR: 10.44.0.0/24", "podCIDR: 10.44.0.0/24, pod_cidr: x", "KPS109", 7, 93, "pod_cidr is no field here", "did you mean podCIDR?"),
    ("  node-b: {", "  node-c: {listening: [tcp/22]}\n  node-b: {", "KPS602", 8, 3, "node-c has no address, and no manifest has a Node of this name", "give internal: ADDRESS"),
    ("port: 80}", "port: 80000}", "KPS106", 13, 87, "port 80000 is out of range", "at most 65535"),
    ("- apiVersion: v1", "- kind: Service\n- apiVersion: v1", "KPS101", 10, 3, None, None),
    ("default/shell:", "shell:", "KPS606", 23, 3, "'shell' is not NAMESPACE/NAME", "write default/shell"),
    ("{node: node-b, ip", "{node: node-x, ip", "KPS602", 23, 25, "there is no node 'node-x' here", "did you mean node-b?"),
    (", ip: 10.44.1.9", ", ip: 10.44.0.5", "KPS619", 23, 37, "10.44.0.5 is already the address of pod default/echo-1", "give it an address of its own"),
    (", ip: 10.44.1.9", "", "KPS102", 23, 3, "ip is missing", "give the pod's address, or hostNetwork: true"),
    ("[tcp/22]", "[tcp22]", "KPS113", 23, 60, "'tcp22' is no socket of a pod", "write tcp/8080"),
    ("browser: 203.0.113.7", "browser: 203.0.113", "KPS104", 24, 20, None, None),
    ("from: browser", "from: browsr", "KPS701", 26, 15, "nobody here is called 'browsr'", "did you mean browser?"),
    ('"198.51.100.12:80"', '"198.51.100.99:80"', "KPS603", 26, 28, "no node has this external address", "did you mean 198.51.100.13?"),
    ('"198.51.100.12:80"', '"198.51.100.12"', "KPS702", 26, 28, "'198.51.100.12' names no port", None),
    ('"198.51.100.12:80"', '"198.51.100.12:70000"', "KPS702", 26, 28, None, None),
    ('"198.51.100.12:80"', '"198.51.100.12:80", via: node-x', "KPS602", 26, 53, "there is no node 'node-x' here", "did you mean node-b?"),
    ('"198.51.100.12:80"', '"198.51.100.12:80", sport: 0', "KPS106", 26, 55, "sport 0 is out of range", None),
    ('"198.51.100.12:80"', '"198.51.100.12:80", via: node-a', "KPS614", 26, 53, "the edge has no choice of nodes for 198.51.100.12", "leave via out"),
    ('"10.48.3.7:80"', '"10.48.3.8:80"', "KPS603", 27, 41, "nobody has this address", "did you mean 10.48.3.7?"),
    ("- packet: web", "- packet: wob", "KPS602", 29, 11, "there is no packet 'wob' here", "did you mean web?"),
    ("  reaches: [default/echo-1, default/echo-2]\n", "", "KPS608", 29, 3, "this expects nothing", "say for example reaches: default/echo-1"),
    ("[default/echo-1, default/echo-2]", "[default/echo-1, default/ecko-2]", "KPS602", 30, 29, "there is no receiver 'default/ecko-2' here", "did you mean default/echo-2?"),
    ("[default/echo-1, default/echo-2]", "echo-1", "KPS602", 30, 12, "there is no receiver 'echo-1' here", "did you mean default/echo-1?"),
    ("[default/echo-1, default/echo-2]", "node/node-x", "KPS602", 30, 12, "there is no node 'node-x' here", None),
    ("[default/echo-1, default/echo-2]", "10.44.0.77", "KPS603", 30, 12, "nobody has this address", ""),
    ("[default/echo-1, default/echo-2]", "{default/echo-1: 1/2, default/echo-2: 1/3}", "KPS604", 30, 3, "these shares add up to 5/6, not to 1", "what arrives nowhere is the share of `nobody`"),
    ("[default/echo-1, default/echo-2]", "{default/echo-1: 1/2, default/echo-2: 2/3}", "KPS604", 30, 3, "these shares add up to 7/6, not to 1", ""),
    ("[default/echo-1, default/echo-2]", "{default/echo-1: 0.5, default/echo-2: 0.5}", "KPS604", 30, 3, "the share of default/echo-1 is no exact fraction", "write it as 1/3; 1 is all of it"),
    ("[default/echo-1, default/echo-2]", "{default/echo-1: 0/2, default/echo-2: 1}", "KPS604", 30, 3, "the share of default/echo-1 is 0", "a share is more than 0 and at most 1"),
    ("[default/echo-1, default/echo-2]", "{default/echo-1: 1/0}", "KPS604", 30, 3, "the share of default/echo-1 is no exact fraction", None),
    ("[default/echo-1, default/echo-2]", "[default/echo-1, default/echo-1]", "KPS604", 30, 3, "'default/echo-1' stands twice in this list", "for unequal shares write {NAME: 2/3}"),
    ("[default/echo-1, default/echo-2]", "[]", "KPS604", 30, 3, "this is no name, no list of names, and no names with shares", None),
    ("client: answered", "client: answred", "KPS604", 32, 11, "'answred' is none of the words for this", "did you mean answered?"),
    ("client: answered", "disposition: {delivered: 1/2}", "KPS604", 32, 3, "these shares add up to 1/2, not to 1", ""),
    ("client: answered", "source: [kept, 10.0.0.300]", "KPS604", 32, 3, "'10.0.0.300' is none of the words for this", "write kept, masqueraded, changed or an address"),
    ("client: answered", "reason: served-by-endpiont", "KPS604", 32, 11, "'served-by-endpiont' is none of the words for this", "did you mean served-by-endpoint?"),
    ("client: answered", "reason: bad-luck", "KPS604", 32, 11, "'bad-luck' is none of the words for this", "`kproxysim explain` lists all codes"),
    ("client: answered", "disposition: deliverd", "KPS604", 32, 16, "'deliverd' is none of the words for this", "did you mean delivered?"),
    ("client: answered", "advice: cloud-net-first", "KPS604", 32, 11, "'cloud-net-first' is no advice that a trace gives", "did you mean cloud-nat-first?"),
    ("client: answered", "advice: [cloud-nat-first, no-endpoint]", "KPS604", 32, 3, "'no-endpoint' is no advice that a trace gives", "did you mean no-endpoints?"),
    ("client: answered", "sees: here", "KPS104", 32, 9, "'here' is not an IP address", "write the address that the receiver sees"),
    ("client: answered", "sees: {default/echo-1: 7}", "KPS104", 32, 3, "7 is not an IP address", "write the address that default/echo-1 sees"),
    ("client: answered", "sees: {default/nobody: 10.0.0.1}", "KPS602", 32, 26, "there is no receiver 'default/nobody' here", None),
    ("client: answered", "nearest: {}", "KPS608", 32, 3, "this expects nothing of the nearest rule", "say for example failed: dst"),
    ("client: answered", "nearest: {feild: x}", "KPS109", 32, 20, "feild is no field here", "did you mean field?"),
    ("client: answered", "through: [gce-net]", "KPS607", 32, 13, "'gce-net' is no station of a packet's way", "did you mean gce-nat?"),
    ("client: answered", "through: [node/node-x]", "KPS607", 32, 13, "'node/node-x' is no station of a packet's way", "did you mean node/node-b?"),
    ("client: answered", "avoids: ['KUBE-SVC default/echo']", "KPS607", 32, 12, "'KUBE-SVC default/echo' is no station of a packet's way", "did you mean KUBE-SVC default/echo:http?"),
    ("client: answered", "through: [KUBE-SVC-EXAMPLEEXAMPLEEX]", "KPS607", 32, 13, "'KUBE-SVC-EXAMPLEEXAMPLEEX' is no station of a packet's way", None),
    ("client: answered", "through: [Service default/ecko spec.clusterIP]", "KPS602", 32, 13, "there is no Service 'default/ecko' here", "did you mean default/echo?"),
    ("client: answered", "through: [Service default/echo]", "KPS607", 32, 13, "no field of Service default/echo is named", "write Service default/echo spec.externalIPs[0]"),
]  # fmt: skip


@pytest.mark.parametrize(
    "sound, wrong, code, line, column, message, help_",
    [pytest.param(*row, id=f"{row[2]} {row[1]}") for row in SPOILT],
)
def test_one_mistake(
    tmp_path: Path,
    sound: str,
    wrong: str,
    code: str,
    line: int,
    column: int,
    message: str | None,
    help_: str | None,
) -> None:
    assert sound in SOUND
    found = [
        one for one in mistakes(tmp_path, SOUND.replace(sound, wrong, 1)) if one.severity is Severity.ERROR
    ]
    about = [one for one in found if one.code == code]
    assert about, found
    first = about[0]
    assert first.position is not None
    assert (first.position.line, first.position.column) == (line, column)
    assert message is None or first.message == message
    assert help_ is None or first.help == help_


def test_sound_as_it_stands(tmp_path: Path) -> None:
    scenario = load(tmp_path, SOUND)
    assert (scenario.name, scenario.findings) == ("it", ())
    assert scenario.run().passed


class TestAllAtOnce:
    """All mistakes of a file are said together, in the order of its lines, and none of them twice."""

    def test_in_shape_names_and_objects(self, tmp_path: Path) -> None:
        text = (
            SOUND.replace("kind: gce", "kind: gec")
            .replace("externalIPs: [10.128.0.12]", "externalIPs: [10.128.0.1200]")
            .replace("default/shell: {node: node-b", "default/shell: {node: node-x")
            .replace("client: answered", "client: yes")
        )
        found = [(one.code, one.position.line) for one in mistakes(tmp_path, text) if one.position]
        assert found == [("KPS107", 4), ("KPS602", 23), ("KPS604", 32), ("KPS104", 13)]

    def test_names_are_checked_although_others_entries_are_broken(self, tmp_path: Path) -> None:
        text = SOUND.replace(
            "- packet: inside\n  client: answered", "- packet: inside\n  clint: answered"
        ).replace("from: browser", "from: browsr")
        found = [(one.code, one.position.line) for one in mistakes(tmp_path, text) if one.position]
        assert found == [("KPS701", 26), ("KPS109", 32)]

    @pytest.mark.parametrize(
        "sound, wrong, code, line",
        [
            ("about: an external IP behind one-to-one NAT\n", "", "KPS102", 1),
            ("cloud: {", "surprise: 1\ncloud: {", "KPS109", 4),
            ("cloud: {", "node: {}\ncloud: {", "KPS109", 4),
            ("firewall: [tcp/80]", "oneToOne: {198.51.100.12: here}", "KPS104", 4),
            ('version: "1.30"', "version: 1.30", "KPS103", 5),
            ('version: "1.30"', 'version: "1.30", config: {featureGates: {AllowServiceExternalIP: true}}', "KPS402", 5),
            ("internal: 10.128.0.13", "internal: nowhere", "KPS104", 8),
            ("port: 80}]", "port: 80000}]", "KPS106", 13),
            ("addresses: [10.44.1.7]", "addresses: [10.44.1.700]", "KPS104", 21),
            ("ip: 10.44.1.9", "ip: nowhere", "KPS104", 23),
            ("browser: 203.0.113.7", "browser: nowhere", "KPS104", 24),
            ('to: "198.51.100.12:80"', "tu: nowhere", "KPS109", 26),
        ],
    )  # fmt: skip
    def test_a_mistake_in_shape_hides_no_name(
        self, tmp_path: Path, sound: str, wrong: str, code: str, line: int
    ) -> None:
        """What names a packet, a station, a destination or a word can be judged whatever else is wrong."""
        names = (
            SOUND.replace("- packet: inside", "- packet: insight")
            .replace("client: answered", "client: answered\n  through: [gce-net]\n  reason: no-endpoint")
            .replace('"10.48.3.7:80"', '"10.48.3.7"')
        )
        assert sound in names
        text = names.replace(sound, wrong, 1)
        more = text.count("\n", 0, text.index("insight")) - names.count("\n", 0, names.index("insight"))
        found = [(one.code, one.position.line) for one in mistakes(tmp_path, text) if one.position]
        wanted = {("KPS702", 27 + more), ("KPS602", 31 + more), ("KPS607", 33 + more), ("KPS604", 34 + more)}
        assert set(found) >= {(code, line), *wanted}
        assert len(found) == len(set(found))

    def test_what_is_broken_is_not_said_to_be_missing(self, tmp_path: Path) -> None:
        text = SOUND.replace("  node-b: {internal: 10.128.0.13", "  node-b: {internal: nowhere")
        assert [one.code for one in mistakes(tmp_path, text)] == ["KPS104"]


class TestSettings:
    """What kube-proxy logs and passes over is a warning in a scenario as in a file of its own."""

    TEXT = SOUND.replace('version: "1.30"', 'version: "1.30", config: {clusterCidr: 10.44.0.0/14, iptables: {masqueradAll: true}}')  # fmt: skip

    def test_unknown_ones_are_warnings_with_what_was_meant(self, tmp_path: Path) -> None:
        found = load(tmp_path, self.TEXT).findings
        assert [(one.code, one.severity, one.help) for one in found] == [
            ("KPS232", Severity.WARNING, "did you mean clusterCIDR?"),
            ("KPS232", Severity.WARNING, "did you mean iptables.masqueradeAll?"),
        ]
        assert [one.position and one.position.line for one in found] == [5, 5]

    def test_and_errors_to_who_is_strict(self, tmp_path: Path) -> None:
        with pytest.raises(InputError) as raised:
            Scenario.load(write(tmp_path, self.TEXT), strict=True)
        assert {one.severity for one in raised.value.diagnostics} == {Severity.ERROR}

    def test_pythons_names_are_not_the_files(self, tmp_path: Path) -> None:
        text = self.TEXT.replace("clusterCidr", "cluster_cidr")
        assert load(tmp_path, text).findings[0].help == "did you mean clusterCIDR?"
        config = load(tmp_path, text).world().config
        assert config is not None
        assert config.cluster_cidr == ""


class TestOwners:
    """An address that nobody has is a slip of the pen, unless it is expected to lead nowhere."""

    LOST = SOUND.replace('"198.51.100.12:80"', '"192.0.2.1:80"')

    def test_is_a_mistake(self, tmp_path: Path) -> None:
        (mistake,) = mistakes(tmp_path, self.LOST)
        assert mistake.notes == ("known external addresses: 198.51.100.12 (node-a), 198.51.100.13 (node-b)",)
        assert (
            mistake.source[mistake.position.column - 1 :][: mistake.width] if mistake.position else ""
        ) == '"192.0.2.1:80"'

    def test_is_none_if_it_is_meant(self, tmp_path: Path) -> None:
        text = self.LOST.replace("reaches: [default/echo-1, default/echo-2]", "disposition: unreachable")
        assert load(tmp_path, text).run().passed

    def test_is_none_if_its_sender_is_to_be_turned_back(self, tmp_path: Path) -> None:
        reason = "reason: egress-refuses-source"
        text = self.LOST.replace("reaches: [default/echo-1, default/echo-2]", reason)
        assert mistakes(tmp_path, text) == ()

    @pytest.mark.parametrize("prefix", ["192.0.2.1", "192.0.2.0/24"])
    def test_a_node_that_takes_it_for_its_own_is_an_owner(self, tmp_path: Path, prefix: str) -> None:
        text = self.LOST.replace(
            "podCIDR: 10.44.0.0/24", f"podCIDR: 10.44.0.0/24, routes: [local {prefix} dev lo]"
        )
        assert text != self.LOST
        assert mistakes(tmp_path, text) == ()

    def test_a_route_of_the_edge_is_an_owner(self, tmp_path: Path) -> None:
        text = self.LOST.replace("kind: gce,", "kind: gce, routes: {192.0.2.0/24: node-a},")
        assert mistakes(tmp_path, text) == ()


class TestVia:
    """`via` chooses among the nodes that take a load balancer's address, and is refused where it would do nothing."""

    BALANCED = (
        SOUND.replace("spec: {clusterIP", "status: {loadBalancer: {ingress: [{ip: 198.51.100.200}]}}\n  spec: {type: LoadBalancer, externalTrafficPolicy: Local, clusterIP")
        .replace("nodeName: node-b", "nodeName: node-a")
        .replace('"198.51.100.12:80"', '"198.51.100.200:80", via: node-a')
    )  # fmt: skip

    def errors(self, folder: Path, text: str) -> list[Diagnostic]:
        return [one for one in mistakes(folder, text) if one.severity is Severity.ERROR]

    def test_a_node_that_takes_it(self, tmp_path: Path) -> None:
        assert mistakes(tmp_path, self.BALANCED) == ()

    def test_a_node_that_does_not(self, tmp_path: Path) -> None:
        (mistake,) = self.errors(tmp_path, self.BALANCED.replace("via: node-a", "via: node-b"))
        assert (mistake.code, mistake.message) == ("KPS614", "node-b does not take 198.51.100.200")
        assert mistake.notes == ("known nodes that take 198.51.100.200: node-a",)

    def test_an_address_that_is_routed_elsewhere(self, tmp_path: Path) -> None:
        text = self.BALANCED.replace("kind: gce,", "kind: routed, routes: {198.51.100.200: node-b},")
        (mistake,) = self.errors(tmp_path, text)
        assert mistake.message == "the edge has no choice of nodes for 198.51.100.200"


class TestWhatIsOdd:
    def test_a_packet_of_which_nothing_is_expected_is_a_note(self, tmp_path: Path) -> None:
        text = SOUND.replace("- packet: inside\n  client: answered\n", "")
        (note,) = load(tmp_path, text).findings
        assert (note.code, note.severity) == ("KPS690", Severity.NOTE)
        assert note.message == "nothing is expected of packet inside"

    def test_what_the_api_server_would_refuse_is_a_warning(self, tmp_path: Path) -> None:
        text = SOUND.replace("externalIPs: [10.128.0.12]", "externalIPs: [010.128.0.12]")
        (warning,) = load(tmp_path, text).findings
        assert warning.severity is Severity.WARNING

    def test_sysctls_that_nothing_is_read_from(self, tmp_path: Path) -> None:
        wrong = "sysctls: {net.ipv4.conf.all.rpfilter: 1, net.ipv4.tcp_syncookies: 0}"
        text = SOUND.replace("node-a: {", f"node-a: {{{wrong}, ", 1)
        assert wrong in text
        warning, note = load(tmp_path, text).findings
        line = next(number for number, one in enumerate(text.splitlines(), 1) if wrong in one)
        assert (warning.code, warning.help) == ("KPS234", "did you mean net.ipv4.conf.all.rp_filter?")
        assert warning.position is not None
        assert (warning.position.line, warning.severity) == (line, Severity.WARNING)
        assert (note.code, note.severity) == ("KPS312", Severity.NOTE)

    def test_settings_that_kube_proxy_refuses_are_placed(self, tmp_path: Path) -> None:
        text = SOUND.replace(
            'version: "1.30"', 'version: "1.30", config: {featureGates: {AllowServiceExternalIP: true}}'
        )
        (mistake,) = mistakes(tmp_path, text)
        assert mistake.position is not None
        assert (mistake.code, mistake.position.line) == ("KPS402", 5)


class TestFiles:
    """Manifests in files, inline and behind `---`."""

    NODE = "apiVersion: v1\nkind: Node\nmetadata: {name: node-c}\nstatus: {addresses: [{type: InternalIP, address: 10.128.0.14}]}\n"

    def test_a_file_is_named_from_the_folder_of_the_scenario(self, tmp_path: Path) -> None:
        write(tmp_path, self.NODE, "nodes.yaml")
        scenario = load(tmp_path, SOUND + "manifests: [nodes.yaml]\n")
        assert [node.name for node in scenario.cluster.nodes] == ["node-c", "node-a", "node-b"]

    def test_an_object_may_stand_among_them(self, tmp_path: Path) -> None:
        inline = "manifests:\n- apiVersion: v1\n  kind: Node\n  metadata: {name: node-c}\n"
        assert "node-c" in [node.name for node in load(tmp_path, SOUND + inline).cluster.nodes]

    def test_manifests_may_follow_in_the_same_file(self, tmp_path: Path) -> None:
        assert "node-c" in [node.name for node in load(tmp_path, f"{SOUND}---\n{self.NODE}").cluster.nodes]

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        (mistake,) = mistakes(tmp_path, SOUND + "manifests: [nods.yaml]\n")
        assert mistake.position is not None
        assert (mistake.code, mistake.position.line, mistake.position.column) == ("KPS001", 33, 13)

    def test_a_mistake_in_a_file_is_shown_there(self, tmp_path: Path) -> None:
        write(tmp_path, self.NODE.replace("10.128.0.14", "10.128.0"), "nodes.yaml")
        (mistake,) = mistakes(tmp_path, SOUND + "manifests: [nodes.yaml]\n")
        assert mistake.position is not None
        assert (mistake.code, Path(mistake.position.file).name, mistake.position.line) == (
            "KPS104",
            "nodes.yaml",
            4,
        )

    def test_neither_name_nor_object(self, tmp_path: Path) -> None:
        (mistake,) = mistakes(tmp_path, SOUND + "manifests: [7]\n")
        assert mistake.code == "KPS103"

    def test_a_node_in_two_places(self, tmp_path: Path) -> None:
        write(tmp_path, self.NODE.replace("node-c", "node-a"), "nodes.yaml")
        (mistake,) = mistakes(tmp_path, SOUND + "manifests: [nodes.yaml]\n")
        assert mistake.position is not None
        assert (mistake.code, mistake.position.line) == ("KPS610", 7)

    def test_facts_are_added_to_a_node_of_a_manifest(self, tmp_path: Path) -> None:
        write(tmp_path, self.NODE, "nodes.yaml")
        text = (
            SOUND.replace("nodes:\n", "nodes:\n  node-c: {listening: [tcp/22]}\n")
            + "manifests: [nodes.yaml]\n"
        )
        facts = load(tmp_path, text).world().facts["node-c"]
        assert [str(socket) for socket in facts.listening or ()] == ["tcp/22"]

    @pytest.mark.parametrize(
        "text, code",
        [
            ("apiVersion: v1\nkind: Node\nmetadata: {name: a}\n", "KPS611"),
            (f"{SOUND}---\n{SOUND}", "KPS612"),
            ("kind: Scenario\nscenario: 1\nabout: x\npackets: {}\n", "KPS102"),
            ("kind: Scenario\nscenario: 1\nabout: x\npackets: nothing\n", "KPS103"),
            ("kind: Scenario\n", "KPS102"),
            ("", "KPS003"),
            ("kind: Scenario\n  scenario: 1\n", "KPS007"),
            ("- a\n- b\n", "KPS012"),
        ],
    )
    def test_no_scenario_at_all(self, tmp_path: Path, text: str, code: str) -> None:
        assert mistakes(tmp_path, text)[0].code == code
