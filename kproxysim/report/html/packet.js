/** The packet's fields at a step: what it is now, what this step made of it, and what it was sent as. */

/** What the kernel carries along with a packet and nobody sends. */
const CARRIED = ["mark", "in", "out", "ctstate"];

/**
 * @param {Way} way
 * @param {number} at
 * @param {string[]} order every field that a packet of this trace has
 */
function packetTable(way, at, order) {
  const isBack = way.stations[way.steps[at].station].back;
  const start = way.steps.findIndex((step) => way.stations[step.station].back === isBack);
  const now = way.steps[at].packet;
  const sent = way.steps[start].packet;
  const before = at > start ? way.steps[at - 1].packet : now;
  const names = order.filter((name) => [sent, before, now].some((packet) => name in packet));
  const heads = ["field", "now", isBack ? "as answered" : "as sent"];
  return make("table", {},
    make("thead", {}, make("tr", {}, ...heads.map((text) => make("th", { scope: "col" }, text)))),
    make("tbody", {}, ...names.map((name) =>
      fieldRow(name, before[name], now[name], CARRIED.includes(name) ? null : sent[name]))));
}

/** @param {string | null} sent null where it is not asked what a field was sent as */
function fieldRow(name, before, now, sent) {
  const changed = before !== now;
  return make(
    "tr",
    { class: changed ? "changed" : sent !== null && now !== sent && "rewritten" },
    make("th", { scope: "row" }, name),
    make("td", {},
      changed && before && make("del", {}, before),
      changed && before && make("span", {}, " → "),
      changed && now ? make("ins", {}, now) : now ?? "–"),
    make("td", { class: "sent" }, sent === null ? "" : sent ?? "–"),
  );
}
