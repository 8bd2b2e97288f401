/** The packet's fields at a step: what it is now, what this step made of it, and what it was sent as. */

/** What the kernel carries along with a packet and nobody sends. */
const CARRIED = ["mark", "in", "out", "ctstate"];

/** @param {Way} way @param {number} at */
function showPacket(way, at) {
  const now = data.packets[stepOf(way, at).packet];
  const isBack = way.stations[stepOf(way, at).station].back;
  const start = way.steps.findIndex((number) => way.stations[data.steps[number].station].back === isBack);
  const sent = data.packets[stepOf(way, start).packet];
  const before = at > start ? data.packets[stepOf(way, at - 1).packet] : now;
  const names = [...new Set([...Object.keys(sent), ...Object.keys(before), ...Object.keys(now)])];
  const order = [...new Set(data.packets.flatMap((packet) => Object.keys(packet)))];
  names.sort((one, other) => order.indexOf(one) - order.indexOf(other));
  byId("packet").replaceChildren(
    make("table", {},
      make("thead", {}, make("tr", {},
        ...["field", "now", isBack ? "as answered" : "as sent"].map((text) => make("th", { scope: "col" }, text)))),
      make("tbody", {}, ...names.map((name) => fieldRow(name, before[name], now[name], CARRIED.includes(name) ? null : sent[name])))),
  );
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
