"""How long a large dump takes to load, beside iptables itself: python -m tests.benchmarks.load_dump [SERVICES]

The text is table nat as kube-proxy writes it, ten endpoints a Service: 43 lines each, 700,000 lines for the 16,300
Services taken if none are named. Seconds of reading it (`Ruleset.from_save`, every line checked), and the seconds that
`iptables-legacy-restore` takes for the same text in an empty network namespace, one after the other in one run. The
latter takes root, `unshare` and iptables; where they are missing, a line says so.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time

from kproxysim.netfilter import Ruleset

SERVICES = 16_300
ENDPOINTS = 10
RESTORE = "iptables-legacy-restore"


def dump(services: int) -> str:
    """Table nat of a node with so many Services, as iptables-save prints it."""
    chains = ["KUBE-MARK-MASQ", "KUBE-SERVICES"]
    top: list[str] = []
    rules: list[str] = []
    for number in range(services):
        name = f"team-{number % 100}/service-{number}:http"
        address = f"10.{96 + (number >> 16)}.{number >> 8 & 255}.{number & 255}/32"
        service = chain("SVC", name)
        chains.append(service)
        port = f'-d {address} -p tcp -m comment --comment "{name} cluster IP" -m tcp --dport 80'
        top.append(f"-A KUBE-SERVICES {port} -j {service}")
        rules.append(f"-A {service} ! -s 10.0.0.0/12 {port} -j KUBE-MARK-MASQ")
        for one in range(ENDPOINTS):
            ip = endpoint(number * ENDPOINTS + one)
            separate = chain("SEP", f"{name} {ip}")
            chains.append(separate)
            left = ENDPOINTS - one
            drawn = f" -m statistic --mode random --probability {1 / left:.11f}" if left > 1 else ""
            rules += [
                f'-A {service} -m comment --comment "{name} -> {ip}:8080"{drawn} -j {separate}',
                f'-A {separate} -s {ip}/32 -m comment --comment "{name}" -j KUBE-MARK-MASQ',
                f'-A {separate} -p tcp -m comment --comment "{name}" -m tcp -j DNAT --to-destination {ip}:8080',
            ]
    lines = ["*nat", *(f":{base} ACCEPT [0:0]" for base in ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"))]
    lines += [f":{name} - [0:0]" for name in chains]
    lines += ["-A PREROUTING -j KUBE-SERVICES", "-A OUTPUT -j KUBE-SERVICES"]
    lines += ["-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000", *top, *rules, "COMMIT"]
    return "\n".join(lines) + "\n"


def chain(kind: str, name: str) -> str:
    return f"KUBE-{kind}-{hashlib.sha256(name.encode()).hexdigest()[:16].upper()}"


def endpoint(number: int) -> str:
    return f"10.{number >> 16 & 15}.{number >> 8 & 255}.{number & 255}"


def seconds_of_iptables(text: str) -> float | None:
    """None where it cannot be asked."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    if os.geteuid() != 0 or not shutil.which(RESTORE, path=path) or not shutil.which("unshare", path=path):
        return None
    with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
        file.write(text)
        file.seek(0)
        begun = time.perf_counter()
        subprocess.run(["unshare", "-n", RESTORE], stdin=file, env={**os.environ, "PATH": path}, check=True)
        return time.perf_counter() - begun


def main() -> None:
    text = dump(int(sys.argv[1]) if len(sys.argv) > 1 else SERVICES)
    begun = time.perf_counter()
    ruleset = Ruleset.from_save(text)
    own = time.perf_counter() - begun
    say = sys.stdout.write
    lines = text.count("\n")
    say(f"a dump of {lines:,} lines, {len(text) / 1e6:.0f} MB: read and checked in {own:.1f} s\n")
    assert ruleset.family == "ipv4"
    theirs = seconds_of_iptables(text)
    if theirs is None:
        say(f"{RESTORE} is not asked: that takes root, unshare and iptables\n")
    else:
        say(f"{RESTORE} takes {theirs:.1f} s: reading takes {own / theirs:.2f} of that\n")


if __name__ == "__main__":
    main()
