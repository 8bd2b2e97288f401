/** The player: which way is shown, which step of it, and the keys and buttons that change that. */

const KEYS = {
  n: "next", ArrowRight: "next", b: "back", ArrowLeft: "back", o: "over", m: "match", x: "miss",
  Home: "first", End: "last",
};
const MISSING = { match: "no further rule matches", miss: "no further rule is passed over" };

let way = data.ways[0];
let at = 0;
let road = null;

/** Show a way, at a step of it. */
function take(next, place) {
  way = next;
  road = new Road(way, (station) => goTo(way.steps.findIndex((number) => data.steps[number].station === station)));
  byId("road").replaceChildren(road.element);
  byId("position").max = String(way.steps.length - 1);
  for (const [number, button] of [...byId("ways").children].entries()) {
    button.setAttribute("aria-pressed", String(data.ways[number] === way));
    if (data.ways[number] === way) byId("ways").scrollTo(button.offsetLeft - byId("ways").offsetLeft, button.offsetTop - byId("ways").offsetTop);
  }
  goTo(Math.min(place, way.steps.length - 1));
}

function goTo(place) {
  at = place;
  const step = stepOf(way, at);
  byId("sentence").textContent = step.sentence;
  byId("sentence").className = step.tone ?? "";
  byId("position").value = String(at);
  byId("position").setAttribute("aria-valuetext", `step ${at + 1} of ${way.steps.length}`);
  byId("count").textContent = `${at + 1} / ${way.steps.length}`;
  for (const button of document.querySelectorAll("[data-move]")) {
    button.setAttribute("aria-disabled", String(MOVES[button.dataset.move](way, at) === at));
  }
  showRules(way, at, (other) => take(other, at));
  showPacket(way, at);
  road.show(step.station);
}

function move(name) {
  const place = MOVES[name](way, at);
  if (place !== at) goTo(place);
  else if (MISSING[name]) byId("sentence").textContent = MISSING[name];
}

/** To the next way that parts here, or else to the next way of all. */
function otherWay() {
  const others = partings(way, at);
  const next = others[0] ?? data.ways[(data.ways.indexOf(way) + 1) % data.ways.length];
  if (next !== way) take(next, Math.min(at, common(way, next)));
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || byId("help").open) return;
  const isSlider = event.target === byId("position") && event.key.length > 1;
  if (event.key === "?") byId("help").showModal();
  else if (event.key === "w") otherWay();
  else if (KEYS[event.key] && !isSlider) move(KEYS[event.key]);
  else return;
  event.preventDefault();
});

for (const button of document.querySelectorAll("[data-move]")) {
  button.addEventListener("click", () => move(button.dataset.move));
}
byId("position").addEventListener("input", (event) => goTo(Number(event.target.value)));
byId("keys").addEventListener("click", () => byId("help").showModal());
byId("whole").addEventListener("click", () => {
  const shown = byId("account").classList.toggle("shown");
  byId("whole").setAttribute("aria-expanded", String(shown));
  if (shown) byId("account").scrollIntoView();
});
if (data.ways.length > 1) {
  byId("ways").append(...data.ways.map((one) => {
    const button = make("button", { type: "button", class: one.tone }, one.label);
    button.addEventListener("click", () => take(one, Math.min(at, common(way, one))));
    return button;
  }));
}
document.documentElement.classList.add("stepping");
byId("player").hidden = false;
take(way, 0);
