"""One host that is drawn at random, as a World and as namespaces, and what is sent through it.

`python -m tests.kernel.one_host NAME` does it again, NAME as `test_drawn_hosts` tells it ("usual-2").
"""

import sys
from random import Random

from tests.kernel.agreement import Tally, compare, compare_second
from tests.kernel.lab import Lab
from tests.kernel.raw_hosts import clients, draw_host, draw_packet, draw_second

PACKETS = 26


def compare_host(name: str, tally: Tally) -> str:
    """Send packets through the host of this name. What it is."""
    random = Random(name)
    host, backend = draw_host(random), random.choice(("nft", "legacy"))
    with Lab(host.world, clients(host.version), backend) as lab:
        for _ in range(PACKETS):
            sent = draw_packet(random, host.version)
            compare(lab, tally, sent.source, sent.to, flags=sent.flags, ttl=sent.ttl)
            second = draw_second(random, host.version, sent)
            if second is not None:
                compare_second(lab, tally, (sent.source, sent.to), second)
    return f"host {name}, {backend}: {host}"


if __name__ == "__main__":
    counted = Tally()
    told = compare_host(sys.argv[1], counted)
    print("\n".join([told, str(counted), *counted.disagreements]))  # noqa: T201
