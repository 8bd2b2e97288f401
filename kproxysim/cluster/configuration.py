"""KubeProxyConfiguration (kubeproxy.config.k8s.io/v1alpha1): the settings that change iptables rules.

The checks are those of kube-proxy itself (pkg/proxy/apis/config/validation/validation.go, kubernetes 1.30 to
1.36), the defaults those of pkg/proxy/apis/config/v1alpha1/defaults.go. Settings that change no rule
(synchronisation periods, metrics, logging) are read where they can be wrong, or passed over.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, PrivateAttr, ValidationInfo, field_validator, model_validator

from kproxysim.cluster.addresses import Network, parse_cidr
from kproxysim.cluster.base import (
    Flag,
    InterfaceOrEmpty,
    IpText,
    KubernetesModel,
    empty_means,
    kubernetes_name,
    refused,
)
from kproxysim.cluster.durations import Duration
from kproxysim.cluster.fields import known_fields
from kproxysim.errors import Diagnostic
from kproxysim.spelling import did_you_mean

__all__ = [
    "PRIMARY",
    "UNKNOWN_IS_REPORTED",
    "ConntrackConfiguration",
    "DetectLocalConfiguration",
    "IptablesConfiguration",
    "KubeProxyConfiguration",
]

PRIMARY = "primary"
"""The word in `nodePortAddresses` that stands for the node's own addresses, known from kube-proxy 1.31 on."""

_OUT_OF_SCOPE = ("ipvs", "nftables", "userspace", "kernelspace")
_ZERO = timedelta(0)


UNKNOWN_IS_REPORTED: Final = {"unknown settings": "reported"}
"""The context of validating what stands in a file: whoever reads it warns of unknown settings, as kube-proxy
logs them and goes on. Elsewhere they are refused.
"""


class SettingsModel(KubernetesModel):
    """A model that refuses settings which kube-proxy does not have, under Kubernetes' name or Python's."""

    @model_validator(mode="before")
    @classmethod
    def _settings_are_known(cls, data: Any, info: ValidationInfo) -> Any:
        if not isinstance(data, dict) or info.context == UNKNOWN_IS_REPORTED:
            return data
        known = known_fields(cls)
        unknown = [
            name for name in map(str, data) if name not in known and kubernetes_name(name) not in known
        ]
        if unknown:
            hints = (
                did_you_mean(name, known if name != name.lower() else cls.model_fields) for name in unknown
            )
            words = (
                f"{name!r}{f', {hint}' if hint else ''}" for name, hint in zip(unknown, hints, strict=True)
            )
            raise refused("setting", f"kube-proxy knows no setting {'; nor '.join(words)}")
        return data


class IptablesConfiguration(SettingsModel):
    """`iptables`: the mark, whom to masquerade, node ports on loopback. The two periods change nothing in the
    rules.
    """

    masquerade_bit: Annotated[int, Field(strict=True, ge=0, le=31)] = 14
    masquerade_all: Flag = False
    localhost_node_ports: Flag = True
    sync_period: Duration = timedelta(seconds=30)
    min_sync_period: Duration = timedelta(seconds=1)

    @model_validator(mode="after")
    def _periods(self) -> Self:
        if self.sync_period < _ZERO or self.min_sync_period < _ZERO:
            raise refused("duration", "a period between synchronisations can't be negative")
        return self


class ConntrackConfiguration(SettingsModel):
    """`conntrack`: what kube-proxy sets in the kernel's connection tracking. 0 leaves the kernel's value
    alone.
    """

    max_per_core: Annotated[int, Field(strict=True, ge=0)] = 32768
    min: Annotated[int, Field(strict=True, ge=0)] = 131072
    tcp_established_timeout: Annotated[Duration, Field(ge=_ZERO)] = timedelta(hours=24)
    tcp_close_wait_timeout: Annotated[Duration, Field(ge=_ZERO)] = timedelta(hours=1)
    tcp_be_liberal: Flag = False
    udp_timeout: Annotated[Duration, Field(ge=_ZERO)] = _ZERO
    udp_stream_timeout: Annotated[Duration, Field(ge=_ZERO)] = _ZERO


class DetectLocalConfiguration(SettingsModel):
    """`detectLocal`: what the modes BridgeInterface and InterfaceNamePrefix go by."""

    bridge_interface: InterfaceOrEmpty = ""
    interface_name_prefix: InterfaceOrEmpty = ""


class KubeProxyConfiguration(SettingsModel):
    """The settings of one kube-proxy, with the file's names as aliases.

    `bind_address` other than 0.0.0.0 or :: is taken for the node's own address. `cluster_cidr` is one prefix
    or, for two families, two with a comma between them. `node_port_addresses` is a list of prefixes or the
    single word `primary`; empty means all addresses. `hostname_override`, if set, is the node's name to
    kube-proxy. `feature_gates` that the version at hand does not know are the compiler's to judge.

    Raises pydantic's ValidationError, a ValueError, for what kube-proxy would refuse, for proxy modes other
    than iptables, and for settings that kube-proxy does not have. Those that change no rule are passed over.
    """

    mode: Annotated[str, empty_means("iptables")] = "iptables"
    bind_address: Annotated[IpText, empty_means("0.0.0.0")] = "0.0.0.0"  # noqa: S104 - kube-proxy's default
    hostname_override: str = ""
    cluster_cidr: str = ""
    detect_local_mode: Annotated[
        Literal["ClusterCIDR", "NodeCIDR", "BridgeInterface", "InterfaceNamePrefix"],
        empty_means("ClusterCIDR"),
    ] = "ClusterCIDR"
    detect_local: DetectLocalConfiguration = Field(default_factory=DetectLocalConfiguration)
    node_port_addresses: tuple[str, ...] = ()
    iptables: IptablesConfiguration = Field(default_factory=IptablesConfiguration)
    conntrack: ConntrackConfiguration = Field(default_factory=ConntrackConfiguration)
    feature_gates: dict[str, Flag] = Field(default_factory=dict)

    _findings: tuple[Diagnostic, ...] = PrivateAttr(default=())

    @property
    def findings(self) -> tuple[Diagnostic, ...]:
        """Warnings about the file that the settings were read from: fields that kube-proxy does not know."""
        return self._findings

    @classmethod
    def load(cls, name: str | os.PathLike[str], *, strict: bool = False) -> KubeProxyConfiguration:
        """Read the settings from a file, or from standard input for `-`.

        The file holds a KubeProxyConfiguration, or the ConfigMap that kubeadm keeps it in
        (`kubectl -n kube-system get configmap kube-proxy -o yaml`). With `strict`, a field that kube-proxy
        does not know is an error; kube-proxy itself logs it and goes on.

        Raises InputError with everything that is wrong, located.
        """
        from kproxysim.cluster.configuration_file import load_configuration  # noqa: PLC0415 - it knows this one

        settings, findings = load_configuration(os.fspath(name), strict=strict)
        settings._findings = findings  # noqa: SLF001 - its own
        return settings

    @property
    def cluster_cidrs(self) -> tuple[Network, ...]:
        """The prefixes of `cluster_cidr`, one a family."""
        return tuple(parse_cidr(part) for part in self.cluster_cidr.split(",")) if self.cluster_cidr else ()

    @field_validator("mode")
    @classmethod
    def _iptables_only(cls, mode: str) -> str:
        if mode in _OUT_OF_SCOPE:
            reason = f"proxy mode {mode} is out of scope: only the rules of mode iptables are simulated"
            raise refused("proxy_mode", reason)
        if mode != "iptables":
            raise refused("proxy_mode", f"{mode!r} is no proxy mode")
        return mode

    @field_validator("cluster_cidr")
    @classmethod
    def _one_prefix_a_family(cls, text: str) -> str:
        if text:
            try:
                networks = [parse_cidr(part) for part in text.split(",")]
            except ValueError as error:
                raise refused("cidr", str(error)) from None
            if len({network.version for network in networks}) != len(networks):
                raise refused("setting", "clusterCIDR takes one prefix a family, comma between")
        return text

    @field_validator("node_port_addresses")
    @classmethod
    def _prefixes_or_primary(cls, entries: tuple[str, ...]) -> tuple[str, ...]:
        if PRIMARY in entries:
            if len(entries) > 1:
                reason = f'"{PRIMARY}" stands alone: other entries can\'t be beside it'
                raise refused("setting", reason)
            return entries
        for entry in entries:
            try:
                parse_cidr(entry)
            except ValueError as error:
                raise refused("cidr", f'{error}, nor the word "{PRIMARY}"') from None
        return entries

    @model_validator(mode="after")
    def _mode_has_its_name(self) -> Self:
        wanted = {
            "BridgeInterface": ("detectLocal.bridgeInterface", self.detect_local.bridge_interface),
            "InterfaceNamePrefix": (
                "detectLocal.interfaceNamePrefix",
                self.detect_local.interface_name_prefix,
            ),
        }
        field, name = wanted.get(self.detect_local_mode, ("", "unused"))
        if not name:
            reason = f"detectLocalMode {self.detect_local_mode} needs {field}"
            raise refused("setting", reason, "detectLocalMode")
        return self
