"""Comments of kube-proxy's rules, read back: texts of pkg/proxy/iptables/proxier.go."""

import pytest

from kproxysim.kubeproxy.comments import Remark, read_comment

PORT = "default/web:http"


@pytest.mark.parametrize(
    "text, wanted",
    [
        (f"{PORT} cluster IP", Remark(PORT, "cluster IP")),
        (f"{PORT} external IP", Remark(PORT, "external IP")),
        (f"{PORT} loadbalancer IP", Remark(PORT, "load balancer IP")),
        ("default/web", Remark("default/web", "port")),
        (f"{PORT} has no endpoints", Remark(PORT, "no endpoints", "no-endpoints")),
        (f"{PORT} has no local endpoints", Remark(PORT, "no local endpoints", "no-local-endpoints")),
        (
            f"{PORT} traffic not accepted by KUBE-FW-4E2XBGS5BTVJ3DVC",
            Remark(PORT, "source ranges", "source-not-in-ranges"),
        ),
        (f"masquerade traffic for {PORT} external destinations", Remark(PORT, "masquerade")),
        (f"{PORT} -> 10.44.0.5:8080", Remark(PORT, "endpoint", "", "10.44.0.5:8080")),
        ("block incoming localnet connections", Remark("", "localnet", "localnet-blocked")),
        ("kubernetes service portals", None),
        (f"{PORT} cluster IP of mine", None),
    ],
)
def test_what_a_comment_says(text: str, wanted: Remark | None) -> None:
    assert read_comment(text) == wanted
