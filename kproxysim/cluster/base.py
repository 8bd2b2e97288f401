"""What all models of this room share: Kubernetes' names, Kubernetes' idea of null, and addresses kept as
typed.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, Strict, model_validator
from pydantic_core import PydanticCustomError

from kproxysim.cluster.addresses import parse_cidr, parse_ip

__all__ = [
    "CidrOrEmpty",
    "CidrText",
    "Flag",
    "InterfaceOrEmpty",
    "IpOrEmpty",
    "IpText",
    "KubernetesModel",
    "NameOrEmpty",
    "NameText",
    "Number",
    "PaddedCidrText",
    "Port",
    "PortOrNone",
    "check_cidr",
    "check_ip",
    "empty_means",
    "kubernetes_name",
    "refused",
]

_ACRONYMS = {"ip": "IP", "ips": "IPs", "cidr": "CIDR", "cidrs": "CIDRs", "id": "ID"}
_NAME = re.compile(r"[A-Za-z0-9._:~-]+\Z")
_INTERFACE = re.compile(r"[!-~]+\Z")
_LONGEST_SHOWN = 80


def kubernetes_name(field: str) -> str:
    """The JSON name of a field: `external_ips` is `externalIPs`, `ip_families` is `ipFamilies`."""
    first, *rest = field.split("_")
    return first + "".join(_ACRONYMS.get(word, word.capitalize()) for word in rest)


class KubernetesModel(BaseModel):
    """A frozen model with Kubernetes' field names as aliases; Python's own names work as well.

    Unknown fields are passed over. A field that is null counts as absent, as Go's JSON decoder has it. Models
    are built when they are first used, so a default that is a model is made by a factory: an instance in the
    class body would build it at import.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=kubernetes_name,
        populate_by_name=True,
        defer_build=True,  # a command needs few of the models; each takes some milliseconds to build
    )

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, data: Any) -> Any:
        if isinstance(data, dict) and None in data.values():
            return {name: value for name, value in data.items() if value is not None}
        return data


def refused(kind: str, reason: str, field: str = "") -> PydanticCustomError:
    """The error to raise from a validator: `kind` picks the code, `field` is what it is about, if not the
    whole.

    The kinds are listed in `kproxysim.cluster.findings`.
    """
    return PydanticCustomError(kind, "{reason}", {"reason": reason, "field": field})


def check_ip(text: str) -> str:
    """Raises for what is no IP address in any spelling that kube-proxy understands."""
    try:
        parse_ip(text)
    except ValueError as error:
        raise refused("ip_address", str(error)) from None
    return text


def check_cidr(text: str) -> str:
    """Raises for what is no prefix in any spelling that kube-proxy understands."""
    try:
        parse_cidr(text)
    except ValueError as error:
        raise refused("cidr", str(error)) from None
    return text


def _check_name(text: str) -> str:
    if not _NAME.match(text):
        raise refused("name", f"{text[:_LONGEST_SHOWN]!r} can't be a name in Kubernetes")
    return text


def _check_interface(text: str) -> str:
    if not _INTERFACE.match(text):
        raise refused("name", f"{text[:_LONGEST_SHOWN]!r} can't be the name of a network interface")
    return text


def empty_means(default: str | None) -> BeforeValidator:
    """Go's zero value of a string is "", and the API server's defaulting replaces it like an absent field."""
    return BeforeValidator(lambda value: default if value == "" else value)


NameText = Annotated[str, Field(min_length=1), AfterValidator(_check_name)]
"""A name that can stand in a rule's comment. Whether the API server would take it is another question."""

NameOrEmpty = Annotated[str, AfterValidator(lambda text: text and _check_name(text))]
"""The same where Go's "" stands for "none"."""

InterfaceOrEmpty = Annotated[str, AfterValidator(lambda text: text and _check_interface(text))]
"""A network interface's name or the beginning of one, as it can stand behind `-i`; "" stands for "none"."""

IpText = Annotated[str, AfterValidator(check_ip)]
"""An IP address in any spelling that kube-proxy understands, kept as typed."""

IpOrEmpty = Annotated[str, AfterValidator(lambda text: text and check_ip(text))]
"""The same where Go's "" stands for "none"."""

CidrText = Annotated[str, AfterValidator(check_cidr)]
"""A prefix in any spelling that kube-proxy understands, kept as typed."""

CidrOrEmpty = Annotated[str, AfterValidator(lambda text: text and check_cidr(text))]
"""The same where Go's "" stands for "none"."""

PaddedCidrText = Annotated[str, AfterValidator(lambda text: check_cidr(text.strip()) and text)]
"""The same where kube-proxy cuts off white space around it (`loadBalancerSourceRanges`)."""

Number = Annotated[int, Strict()]
"""A number that is written as one: "80" is none."""

Flag = Annotated[bool, Strict()]
"""true or false, nothing that merely looks like it."""

Port = Annotated[int, Strict(), Field(ge=1, le=65535)]
"""A port that packets can carry as their destination."""

PortOrNone = Annotated[int, Strict(), Field(ge=0, le=65535)]
"""The same where Go's 0 stands for "none"."""
