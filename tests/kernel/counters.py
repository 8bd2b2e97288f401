"""How often each rule matched: read from `iptables-save -c`."""

import re

LINE = re.compile(r"\[(\d+):\d+\] -A (\S+)|:(\S+) \S+ \[(\d+):\d+\]|\*(\S+)")


def read(text: str) -> dict[str, int]:
    """Packets by "table/CHAIN/number", rules numbered from 1, policies 0; what was never met is left out."""
    found: dict[str, int] = {}
    numbers: dict[str, int] = {}
    table = ""
    for line in text.splitlines():
        match = LINE.match(line)
        if match is None:
            continue
        rule_count, chain, declared, policy_count, opened = match.groups()
        if opened:
            table, numbers = opened, {}
        elif declared:
            if int(policy_count):
                found[f"{table}/{declared}/0"] = int(policy_count)
        else:
            numbers[chain] = numbers.get(chain, 0) + 1
            if int(rule_count):
                found[f"{table}/{chain}/{numbers[chain]}"] = int(rule_count)
    return found


def difference(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    return {at: count - before.get(at, 0) for at, count in after.items() if count != before.get(at, 0)}
