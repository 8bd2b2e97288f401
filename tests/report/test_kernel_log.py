"""The kernel's own spelling, as in the log of the TRACE target."""

import re

from kproxysim.network import World
from kproxysim.network.trace import Trace
from kproxysim.report.kernel_log import kernel_page
from tests.report.worlds import sent

LINE = re.compile(
    r"TRACE: (raw|mangle|nat|filter|security):[\w-]+:(rule|return|policy):\d+ "
    r"IN=\S* OUT=\S* SRC=\S+ DST=\S+ PROTO=\S+( SPT=\d+ DPT=\d+)?( TYPE=\d+ CODE=\d+)?( MARK=0x[0-9a-f]+)?"
)


class TestKernelLog:
    def test_prints_rules_and_nothing_else(self, world: World) -> None:
        trace = sent(world, "198.51.100.12:80", pick="echo-1")
        found = list(kernel_page(trace))
        assert all(LINE.fullmatch(line) for line in found)
        assert found[:4] == [
            "TRACE: nat:PREROUTING:rule:1 IN=eth0 OUT= SRC=203.0.113.7 DST=10.128.0.12 PROTO=TCP SPT=51514 DPT=80",
            "TRACE: nat:KUBE-SERVICES:rule:2 IN=eth0 OUT= SRC=203.0.113.7 DST=10.128.0.12 PROTO=TCP SPT=51514 DPT=80",
            "TRACE: nat:KUBE-EXT-JNAUE2DZ25YGAW2B:rule:1 IN=eth0 OUT= SRC=203.0.113.7 DST=10.128.0.12 PROTO=TCP SPT=51514 DPT=80",
            "TRACE: nat:KUBE-MARK-MASQ:rule:1 IN=eth0 OUT= SRC=203.0.113.7 DST=10.128.0.12 PROTO=TCP SPT=51514 DPT=80",
        ]
        assert found[4].startswith("TRACE: nat:KUBE-MARK-MASQ:return:2 ")
        assert found[4].endswith(" MARK=0x4000")

    def test_says_which_branch_and_host_where_there_are_several(self, externalip: Trace) -> None:
        found = list(kernel_page(externalip))
        assert [line for line in found if line.startswith("#")] == [
            "# 1/2 -> default/echo-1 10.44.0.5:8080 on node-a, source 10.44.0.1",
            "# 1/2 -> default/echo-2 10.44.1.7:8080 on node-b, source 10.128.0.12",
            "# node-a",
            "# node-b",
        ]

    def test_the_end_of_a_chain_and_the_policy_count_on(self, various: dict[str, Trace]) -> None:
        text = kernel_page(various["missed"]).text()
        assert "nat:KUBE-SERVICES:return:5 " in text
        assert "nat:PREROUTING:policy:2 " in text
