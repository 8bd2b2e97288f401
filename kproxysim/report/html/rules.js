/** The rules of the chain that the packet is in: what was asked so far, and of each what came of it. */

const SIGNS = { matched: "✓", passed: "✗", mass: "✗", return: "↩", policy: "•" };
const WORDS = { matched: "matches", passed: "passed over", mass: "passed over", return: "end of chain", policy: "policy" };

/**
 * @param {Way} way
 * @param {number} at
 * @param {Node | undefined} facts what there is to say about the end of the way
 * @param {(place: number) => void} go called with a step that is chosen
 */
function rulesShown(way, at, facts, go) {
  const step = way.steps[at];
  const station = way.stations[step.station];
  const host = way.stations.slice(0, step.station + 1).findLast((one) => one.kind === "host");
  const isChain = station.kind === "chain";
  const isSender = station.kind === "sender";
  const isVerdict = station.kind === "end" && !station.back;
  const rows = [...way.steps.entries()].filter(([, one]) => one.station === step.station)
    .map(([place, one]) => ruleRow(one, place - at));
  return [
    isChain && callers(way, at),
    isSender ? make("h3", {}, `The way${station.back ? " back" : ""} in short`)
      : make("h3", {}, station.title && isChain ? station.title : station.name,
        host && host !== station && make("small", {}, ` on ${host.name}`)),
    isChain && make("ol", { class: "asked" }, ...rows),
    isVerdict && facts && make("div", { class: "account" }, facts.cloneNode(true)),
    !isChain && !isVerdict && !isSender && make("p", { class: `event ${step.tone ?? ""}` }, step.sentence),
    (isSender || station.kind === "host") && inShort(way, at, go),
  ];
}

/** The jumps that led to the chain of a step, outermost first. */
function callers(way, at) {
  const found = [];
  let depth = way.stations[way.steps[at].station].depth ?? 0;
  for (let place = at - 1; place >= 0 && depth > 0; place -= 1) {
    const step = way.steps[place];
    const station = way.stations[step.station];
    if ((station.depth ?? 0) < depth && step.kind === "matched") {
      depth = station.depth ?? 0;
      found.unshift(make("li", {}, make("code", {}, `${station.name}:${step.number}`), make("span", {}, step.action),
        step.made && make("span", { class: "made" }, step.made)));
    }
  }
  return found.length > 0 && make("ol", { class: "callers", "aria-label": "By way of" }, ...found);
}

/** @param {Step} step @param {number} distance in steps from the one shown: above 0 it is still to come */
function ruleRow(step, distance) {
  const ahead = distance > 0;
  const classes = [step.kind, ahead && "ahead", step.near && !ahead && "near", !ahead && step.tone];
  return make(
    "li",
    { class: classes.filter(Boolean).join(" "), "aria-current": distance === 0 && "step" },
    make("span", { class: "number" }, step.number ?? ""),
    make("div", { class: "what" },
      step.rule && make("code", {}, step.rule),
      ahead ? !step.rule && make("span", { class: "came" }, "…") : outcome(step)),
  );
}

/** What came of a rule. */
function outcome(step) {
  return make(
    "div",
    { class: "outcome" },
    make("span", { class: "came" }, make("span", { "aria-hidden": "true" }, `${SIGNS[step.kind]} `), WORDS[step.kind],
      step.near && make("strong", {}, " (nearest)")),
    step.failed && make("span", { class: "failed" }, step.failed),
    step.asked && make("span", { class: "held" }, step.asked),
    step.action && make("span", { class: "action" }, step.action),
    step.drawn && make("span", { class: "drawn" }, step.drawn),
    step.made && make("span", { class: "made" }, step.made),
  );
}

/**
 * The other ways that the packet might go from here, to be taken.
 *
 * @param {Way[]} others
 * @param {(way: Way) => void} take
 */
function chances(others, take) {
  if (others.length === 0) return null;
  const buttons = others.map((other) => {
    const button = make("button", { type: "button" }, other.label);
    button.addEventListener("click", () => take(other));
    return make("li", {}, button);
  });
  return make("div", { class: "chance" }, make("h4", {}, "Chance decides here. The other ways:"), make("ul", {}, ...buttons));
}
