/** A stretch of the way in short: what changed the packet or had its say on it, host by host, each to go to. */

/** What made rules that every packet meets. */
const OF_ALL = ["kube-proxy", "kubelet"];

/** Does a step stand in the short account? */
function counts(step) {
  if (step.kind === "matched") return Boolean(step.tone || step.drawn || !OF_ALL.includes(step.made));
  return ["arrives", "event", "ended"].includes(step.kind) || step.near || step.tone === "bad";
}

/**
 * From a sender to the end of its packet's way, or from a host to where the packet leaves it.
 *
 * @param {Way} way
 * @param {number} at
 * @param {(place: number) => void} go called with the step that is chosen
 */
function inShort(way, at, go) {
  const { kind, back } = way.stations[way.steps[at].station];
  const stretch = [...way.steps.entries()].slice(at + 1);
  const end = stretch.findIndex(([, step]) => {
    const station = way.stations[step.station];
    return station.back !== back || (kind === "host" && ["host", "end"].includes(station.kind));
  });
  const rows = (end < 0 ? stretch : stretch.slice(0, end)).filter(([, step]) => counts(step));
  return rows.length > 0 && make("ol", { class: "short-way" }, ...rows.map(([place, step]) => {
    const row = make("button", { type: "button", class: shortClass(step) }, ...shortWords(way.stations[step.station], step));
    row.addEventListener("click", () => go(place));
    return make("li", {}, row);
  }));
}

function shortClass(step) {
  return [step.kind, step.near ? "near" : step.tone].filter(Boolean).join(" ");
}

function shortWords(station, step) {
  if (step.kind === "arrives") return [`${station.name} ${station.title ?? ""}`.trim()];
  if (step.kind === "ended") return [step.sentence];
  return [
    make("span", { class: "place" }, step.number ? `${station.name}:${step.number}` : station.name),
    make("span", { class: "action" }, step.near ? `passed over: ${step.failed}` : step.action),
    !OF_ALL.includes(step.made) && step.made && make("span", { class: "made" }, step.drawn ?? step.made),
  ].filter(Boolean);
}
