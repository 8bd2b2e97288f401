"""KubeProxyConfiguration: kube-proxy's defaults and checks, from plain files and from ConfigMaps."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from kproxysim.cluster import IptablesConfiguration, KubeProxyConfiguration
from kproxysim.cluster.durations import parse_duration
from kproxysim.errors import InputError

HEAD = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n"


def read(**settings: Any) -> KubeProxyConfiguration:
    return KubeProxyConfiguration.model_validate(settings)


def test_defaults() -> None:
    """pkg/proxy/apis/config/v1alpha1/defaults.go; detectLocalMode is resolved later, to ClusterCIDR."""
    settings = KubeProxyConfiguration()
    assert (settings.mode, settings.detect_local_mode) == ("iptables", "ClusterCIDR")
    assert settings.bind_address == "0.0.0.0"  # noqa: S104 - quoted, not bound
    assert settings.cluster_cidrs == ()
    iptables = settings.iptables
    assert (iptables.masquerade_bit, iptables.masquerade_all, iptables.localhost_node_ports) == (
        14,
        False,
        True,
    )
    assert (iptables.sync_period, iptables.min_sync_period) == (timedelta(seconds=30), timedelta(seconds=1))
    conntrack = settings.conntrack
    assert (conntrack.max_per_core, conntrack.min, conntrack.tcp_be_liberal) == (32768, 131072, False)
    assert conntrack.tcp_established_timeout == timedelta(hours=24)
    assert conntrack.tcp_close_wait_timeout == timedelta(hours=1)
    assert (conntrack.udp_timeout, conntrack.udp_stream_timeout) == (timedelta(0), timedelta(0))


def test_the_names_of_the_file() -> None:
    settings = read(
        clusterCIDR="10.244.0.0/16,fd00:244::/56",
        detectLocalMode="BridgeInterface",
        detectLocal={"bridgeInterface": "cbr0"},
        nodePortAddresses=["10.128.0.0/20"],
        iptables={
            "masqueradeAll": True,
            "masqueradeBit": 0,
            "localhostNodePorts": False,
            "syncPeriod": "1m30s",
        },
        conntrack={"tcpBeLiberal": True, "udpTimeout": "30s"},
        featureGates={"AllowServiceExternalIPs": False},
        hostnameOverride="node-a",
    )
    assert [str(network) for network in settings.cluster_cidrs] == ["10.244.0.0/16", "fd00:244::/56"]
    assert settings.detect_local.bridge_interface == "cbr0"
    assert settings.iptables.masquerade_bit == 0
    assert settings.iptables.sync_period == timedelta(seconds=90)
    assert settings.feature_gates == {"AllowServiceExternalIPs": False}
    by_name = KubeProxyConfiguration(node_port_addresses=("10.128.0.0/20",), hostname_override="node-a")
    assert by_name.node_port_addresses == settings.node_port_addresses


def test_null_and_nothing_are_defaults() -> None:
    """As kubeadm prints its ConfigMap."""
    settings = read(
        mode="",
        bindAddress="",
        clusterCIDR="",
        detectLocalMode="",
        detectLocal={"bridgeInterface": "", "interfaceNamePrefix": ""},
        nodePortAddresses=None,
        iptables={
            "masqueradeBit": None,
            "localhostNodePorts": None,
            "syncPeriod": "0s",
            "minSyncPeriod": "0s",
        },
        conntrack={"maxPerCore": None, "min": None, "tcpEstablishedTimeout": None, "udpTimeout": "0s"},
    )
    assert settings.iptables.masquerade_bit == 14
    assert settings.conntrack.tcp_established_timeout == timedelta(hours=24)


ACCEPTED: list[dict[str, Any]] = [
    {"mode": "iptables"},
    {"bindAddress": "::"},
    {"clusterCIDR": "010.244.0.0/16"},
    {"nodePortAddresses": ["primary"]},
    {"nodePortAddresses": ["10.1.2.3/0", "fd00::/8"]},
    {"detectLocalMode": "NodeCIDR"},
    {"detectLocalMode": "InterfaceNamePrefix", "detectLocal": {"interfaceNamePrefix": "veth"}},
    {"iptables": {"masqueradeBit": 31}},
]


@pytest.mark.parametrize("settings", ACCEPTED)
def test_accepted(settings: dict[str, Any]) -> None:
    read(**settings)


# settings: code, path. The checks of pkg/proxy/apis/config/validation/validation.go
REFUSED: list[tuple[str, str, str]] = [
    ("mode: ipvs", "KPS111", "mode"),
    ("mode: nftables", "KPS111", "mode"),
    ("mode: userspace", "KPS111", "mode"),
    ("mode: tables", "KPS111", "mode"),
    ("bindAddress: localhost", "KPS104", "bindAddress"),
    ("clusterCIDR: 10.244.0.0", "KPS105", "clusterCIDR"),
    ("clusterCIDR: '10.244.0.0/16, fd00::/56'", "KPS105", "clusterCIDR"),
    ("clusterCIDR: 10.244.0.0/16,10.245.0.0/16", "KPS112", "clusterCIDR"),
    ("clusterCIDR: 10.244.0.0/16,fd00::/56,fd01::/56", "KPS112", "clusterCIDR"),
    ("nodePortAddresses: [10.128.0.12]", "KPS105", "nodePortAddresses"),
    ("nodePortAddresses: [primary, 10.0.0.0/8]", "KPS112", "nodePortAddresses"),
    ("nodePortAddresses: [all]", "KPS105", "nodePortAddresses"),
    ("detectLocalMode: Bridge", "KPS107", "detectLocalMode"),
    ("detectLocalMode: BridgeInterface", "KPS112", "detectLocalMode"),
    ("detectLocalMode: InterfaceNamePrefix", "KPS112", "detectLocalMode"),
    ("detectLocal: {bridgeInterface: 'a b'}", "KPS108", "detectLocal.bridgeInterface"),
    ("iptables: {masqueradeBit: 32}", "KPS106", "iptables.masqueradeBit"),
    ("iptables: {masqueradeBit: -1}", "KPS106", "iptables.masqueradeBit"),
    ("iptables: {masqueradeAll: 'true'}", "KPS103", "iptables.masqueradeAll"),
    ("iptables: {syncPeriod: -1s}", "KPS110", "iptables"),
    ("iptables: {syncPeriod: 1 day}", "KPS110", "iptables.syncPeriod"),
    ("iptables: {syncPeriod: 30}", "KPS110", "iptables.syncPeriod"),
    ("conntrack: {udpTimeout: 30}", "KPS110", "conntrack.udpTimeout"),
    ("conntrack: {udpTimeout: -1s}", "KPS106", "conntrack.udpTimeout"),
    ("conntrack: {maxPerCore: -1}", "KPS106", "conntrack.maxPerCore"),
    ("featureGates: {A: 'yes'}", "KPS103", "featureGates.A"),
    ("iptables: []", "KPS103", "iptables"),
]


@pytest.mark.parametrize("text, code, path", REFUSED, ids=[text for text, _, _ in REFUSED])
def test_refused(text: str, code: str, path: str, tmp_path: Path) -> None:
    file = tmp_path / "kube-proxy.yaml"
    file.write_text(HEAD + text + "\n")
    with pytest.raises(InputError) as raised:
        KubeProxyConfiguration.load(file)
    (error,) = raised.value.diagnostics
    assert (error.code, error.path) == (code, path)
    assert error.position is not None
    assert error.position.line == 3


def test_python_may_use_its_own_durations() -> None:
    assert IptablesConfiguration(sync_period=timedelta(minutes=1)).sync_period == timedelta(minutes=1)


def test_python_gets_pydantic_errors() -> None:
    with pytest.raises(ValidationError, match="out of scope"):
        read(mode="ipvs")


CONFIG_MAP = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: kube-proxy, namespace: kube-system}
data:
  config.conf: |-
    apiVersion: kubeproxy.config.k8s.io/v1alpha1
    kind: KubeProxyConfiguration
    clusterCIDR: 10.244.0.0/16

    iptables:
      masqueradeBit: 14
      syncPeriod: 0s
  kubeconfig.conf: |-
    apiVersion: v1
    kind: Config
"""


def test_a_config_map(tmp_path: Path) -> None:
    file = tmp_path / "cm.yaml"
    file.write_text(CONFIG_MAP)
    settings = KubeProxyConfiguration.load(str(file))
    assert settings.cluster_cidr == "10.244.0.0/16"
    assert settings.findings == ()


def test_mistakes_in_a_config_map_are_found_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "cm.yaml"
    file.write_text(CONFIG_MAP.replace("masqueradeBit: 14", "masqueradeBit: 44").replace("/16", "/61"))
    with pytest.raises(InputError) as raised:
        KubeProxyConfiguration.load(file)
    places = [(error.code, str(error.position), error.source) for error in raised.value.diagnostics]
    assert places == [
        ("KPS105", f"{file}:8:18", "    clusterCIDR: 10.244.0.0/61"),
        ("KPS106", f"{file}:11:22", "      masqueradeBit: 44"),
    ]


@pytest.mark.parametrize(
    "text, place",
    [
        (
            '{"kind": "ConfigMap", "data": {"config.conf": "kind: KubeProxyConfiguration\\nmode: ipvs\\n"}}',
            ":2:7",
        ),
        ("kind: ConfigMap\ndata: {c: 'kind: KubeProxyConfiguration\n\n  mode: ipvs'}\n", ":2:7"),
    ],
    ids=["JSON", "in quotes"],
)
def test_a_text_in_quotes_has_lines_of_its_own(text: str, place: str, tmp_path: Path) -> None:
    file = tmp_path / "cm.yaml"
    file.write_text(text)
    with pytest.raises(InputError) as raised:
        KubeProxyConfiguration.load(file)
    assert str(raised.value.diagnostics[-1].position).endswith(place)
    assert str(file) in str(raised.value.diagnostics[-1].position)


def test_a_list_of_config_maps(tmp_path: Path) -> None:
    file = tmp_path / "cm.yaml"
    indented = "\n".join("  " + line for line in CONFIG_MAP.splitlines())
    file.write_text(
        "kind: List\napiVersion: v1\nitems:\n- kind: ConfigMap\n  data: {other: x}\n-\n"
        + indented
        + "\n- 5\n"
    )
    assert KubeProxyConfiguration.load(file).cluster_cidr == "10.244.0.0/16"


def test_unknown_settings_are_warnings(tmp_path: Path) -> None:
    file = tmp_path / "kube-proxy.yaml"
    file.write_text(
        HEAD + "masqueradeAll: true\niptables: {masquradeAll: true}\nmetricsBindAddress: ''\nipvs: {x: 1}\n"
    )
    settings = KubeProxyConfiguration.load(file)
    assert [(warning.code, warning.path) for warning in settings.findings] == [
        ("KPS232", "masqueradeAll"),
        ("KPS232", "iptables.masquradeAll"),
    ]
    with pytest.raises(InputError):
        KubeProxyConfiguration.load(file, strict=True)


@pytest.mark.parametrize(
    "text, code",
    [
        ("kind: Service\n", "KPS116"),
        ("kind: ConfigMap\ndata: 5\n", "KPS116"),
        ("kind: KubeProxyConfiguration\napiVersion: kubeproxy.config.k8s.io/v1\n", "KPS107"),
        (HEAD + "---\n" + HEAD, "KPS112"),
        ("kind: ConfigMap\ndata:\n  c: |\n    kind: KubeProxyConfiguration\n    a: [\n", "KPS007"),
        ("a: [\n", "KPS007"),
        ("", "KPS003"),
    ],
)
def test_no_settings(text: str, code: str, tmp_path: Path) -> None:
    file = tmp_path / "kube-proxy.yaml"
    file.write_text(text)
    with pytest.raises(InputError) as raised:
        KubeProxyConfiguration.load(file)
    assert raised.value.code == code


@pytest.mark.parametrize(
    "text, seconds",
    [
        # time.ParseDuration
        ("0", 0),
        ("0s", 0),
        ("30s", 30),
        ("1h30m", 5400),
        ("1.5h", 5400),
        (".5s", 0.5),
        ("1m0.25s", 60.25),
        ("100ms", 0.1),
        ("1us1µs", 0.000002),
        ("-5s", -5),
        ("+5s", 5),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "30", "s", "1 s", "1d", "1s ", "--1s", ".s", "300y", "9999999h", "1e3s"]
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a duration|longer"):
        parse_duration(text)
