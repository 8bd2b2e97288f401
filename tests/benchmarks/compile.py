"""How long compiling takes, and how that compares with loading the result: python -m tests.benchmarks.compile

A cluster of N Services with five endpoints each, as models; then, for each N, the seconds from models to restore text
(the best of three), the size of the text, and the peak of memory on the way (of what Python allocates, in a run of its
own, as counting is slow). Beside them the seconds that `iptables-legacy-restore` needs to load that very text into an empty
network namespace. That takes root, `unshare` and iptables; where they are missing, a line says so.
"""

import shutil
import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

from kproxysim.cluster import Cluster, EndpointSlice, KubeProxyConfiguration, Node, Service
from kproxysim.kubeproxy import compile_rules

SIZES = (1_000, 5_000, 10_000)
ENDPOINTS = 5
RUNS = 3
CONFIG = KubeProxyConfiguration(cluster_cidr="10.64.0.0/10")
RESTORE = "iptables-legacy-restore"


def cluster(services: int) -> Cluster:
    """`services` ClusterIP Services with one port and five ready endpoints each, spread over five nodes."""
    node = Node.model_validate(
        {
            "metadata": {"name": "node-0"},
            "status": {"addresses": [{"type": "InternalIP", "address": "10.128.0.2"}]},
        }
    )
    return Cluster(
        [node],
        [service(number) for number in range(services)],
        [endpoint_slice(number) for number in range(services)],
    )


def service(number: int) -> Service:
    return Service.model_validate(
        {
            "metadata": {"name": f"service-{number}", "namespace": f"team-{number % 50}"},
            "spec": {
                "clusterIP": f"10.{96 + (number >> 16)}.{number >> 8 & 255}.{number & 255}",
                "ports": [{"name": "http", "port": 80, "targetPort": 8080}],
            },
        }
    )


def endpoint_slice(number: int) -> EndpointSlice:
    first = number * ENDPOINTS
    return EndpointSlice.model_validate(
        {
            "metadata": {
                "name": f"service-{number}-ipv4",
                "namespace": f"team-{number % 50}",
                "labels": {"kubernetes.io/service-name": f"service-{number}"},
            },
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": 8080}],
            "endpoints": [
                {
                    "addresses": [f"10.{64 + (one >> 16)}.{one >> 8 & 255}.{one & 255}"],
                    "nodeName": f"node-{one % 5}",
                    "conditions": {"ready": True, "serving": True, "terminating": False},
                }
                for one in range(first, first + ENDPOINTS)
            ],
        }
    )


def compile_text(given: Cluster) -> str:
    """What is measured: from models to the bytes for iptables-restore."""
    return compile_rules(given, "node-0", config=CONFIG).to_restore()


def seconds_to_compile(given: Cluster) -> float:
    best = float("inf")
    for _ in range(RUNS):
        start = time.perf_counter()
        compile_text(given)
        best = min(best, time.perf_counter() - start)
    return best


def peak_of_memory(given: Cluster) -> int:
    """Bytes, at the worst moment between models and text."""
    tracemalloc.start()
    compile_text(given)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def seconds_to_load(text: str) -> float | None:
    """What the kernel's side needs for the same text (the best of three), None where it cannot be asked."""
    if shutil.which(RESTORE) is None or shutil.which("unshare") is None:
        return None
    best = float("inf")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rules"
        path.write_text(text, encoding="utf-8")
        for _ in range(RUNS):
            start = time.perf_counter()
            run = subprocess.run(
                ["unshare", "-n", RESTORE, "--noflush", str(path)], capture_output=True, check=False
            )
            if run.returncode:
                return None
            best = min(best, time.perf_counter() - start)
    return best


def line(services: int) -> str:
    given = cluster(services)
    text = compile_text(given)
    compiled = seconds_to_compile(given)
    peak = peak_of_memory(given)
    loaded = seconds_to_load(text)
    size = len(text)
    shown = [
        f"{services:>9,}",
        f"{text.count(chr(10)):>9,}",
        f"{size / 1e6:>8.1f}",
        f"{compiled:>9.2f}",
        f"{compiled / services * 1e6:>11.0f}",
        f"{peak / 1e6:>8.0f}",
        f"{peak / size:>6.1f}x",
    ]
    if loaded is not None:
        shown += [f"{loaded:>9.2f}", f"{compiled / loaded:>7.2f}"]
    return "  ".join(shown)


def main() -> None:
    say = sys.stdout.write
    say(f"compiling Services with {ENDPOINTS} endpoints each; {RESTORE} loads the same text\n")
    say(" services      lines        MB    compile  us/service    peak MB  /text       load    ratio\n")
    for services in SIZES:
        found = line(services)
        say(found + "\n")
        sys.stdout.flush()
    if seconds_to_load("*filter\nCOMMIT\n") is None:
        say(f"left out: loading needs root, unshare and {RESTORE}\n")


if __name__ == "__main__":
    main()
