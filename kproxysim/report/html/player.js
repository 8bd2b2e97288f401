/** The player: which way is shown, which step of it, and the keys and buttons that change that. */

const KEYS = {
  n: "next", ArrowRight: "next", b: "back", ArrowLeft: "back", o: "over", m: "match", x: "miss",
  Home: "first", End: "last",
};
const MISSING = { match: "no further rule matches", miss: "no further rule is passed over" };

class Player {
  /** @param {HTMLElement} root what holds the player, its data and the account of the same trace */
  constructor(root) {
    const part = (name) => root.querySelector(`:scope > .player .${name}`);
    const data = JSON.parse(root.querySelector(":scope > script").textContent);
    this.ways = unpack(data);
    this.fields = [...new Set(data.packets.flatMap((packet) => Object.keys(packet)))];
    this.root = root;
    this.account = root.querySelector(":scope > .account");
    this.facts = [...this.account.querySelectorAll(".facts")];
    this.choice = part("ways");
    this.sentence = part("sentence");
    this.position = part("position");
    this.count = part("count");
    this.map = part("map");
    this.rules = part("rules");
    this.packet = part("fields");
    this.moves = [...root.querySelectorAll("[data-move]")];
    this.listen(part("whole"), part("keys"));
    root.classList.add("stepping");
    root.querySelector(":scope > .player").hidden = false;
    this.take(this.ways[0], 0);
    if (root.dataset.opens === "end") this.goTo(this.way.steps.findIndex((step) => step.kind === "ended"));
  }

  listen(whole, keys) {
    for (const button of this.moves) button.addEventListener("click", () => this.move(button.dataset.move));
    this.position.addEventListener("input", () => this.goTo(Number(this.position.value)));
    keys.addEventListener("click", () => HELP.showModal());
    whole.addEventListener("click", () => {
      const shown = this.account.classList.toggle("shown");
      whole.setAttribute("aria-expanded", String(shown));
      if (shown) this.account.scrollIntoView();
    });
    if (this.ways.length > 1) this.choice.append(...this.ways.map((way) => this.wayButton(way)));
  }

  wayButton(way) {
    const button = make("button", { type: "button", class: way.tone }, way.label);
    button.addEventListener("click", () => this.take(way, Math.min(this.at, common(this.way, way))));
    return button;
  }

  /** Show a way, at a step of it. */
  take(way, place) {
    this.way = way;
    this.road = new Road(way, (station) => this.goTo(way.steps.findIndex((step) => step.station === station)));
    this.map.replaceChildren(this.road.element);
    this.position.max = String(way.steps.length - 1);
    for (const [number, button] of [...this.choice.children].entries()) {
      const isShown = this.ways[number] === way;
      button.setAttribute("aria-pressed", String(isShown));
      if (isShown) this.choice.scrollTo(button.offsetLeft - this.choice.offsetLeft, button.offsetTop - this.choice.offsetTop);
    }
    this.goTo(Math.min(place, way.steps.length - 1));
  }

  goTo(place) {
    const { way } = this;
    const step = way.steps[place];
    this.at = place;
    this.sentence.textContent = step.sentence;
    this.sentence.className = `sentence ${step.tone ?? ""}`;
    this.position.value = String(place);
    this.position.setAttribute("aria-valuetext", `step ${place + 1} of ${way.steps.length}`);
    this.count.textContent = `${place + 1} / ${way.steps.length}`;
    for (const button of this.moves) {
      button.setAttribute("aria-disabled", String(MOVES[button.dataset.move](way, place) === place));
    }
    show(
      this.rules,
      ...rulesShown(way, place, this.facts[this.ways.indexOf(way)], (chosen) => this.choose(chosen)),
      chances(partings(this.ways, way, place), (other) => this.take(other, place)),
    );
    show(this.packet, packetTable(way, place, this.fields));
    this.reveal();
  }

  /** Go to a step that was chosen among the rules, which keep the focus. */
  choose(place) {
    this.goTo(place);
    this.rules.focus({ preventScroll: true });
  }

  /** Bring what is shown now into view, each within its own panel. */
  reveal() {
    const current = this.rules.querySelector("[aria-current]");
    if (current) reveal(current);
    else this.rules.scrollTop = 0;
    this.road.show(this.way.steps[this.at].station);
  }

  move(name) {
    const place = MOVES[name](this.way, this.at);
    if (place !== this.at) this.goTo(place);
    else if (MISSING[name]) this.sentence.textContent = MISSING[name];
  }

  /** To the next way that parts here, or else to the next way of all. */
  otherWay() {
    const others = partings(this.ways, this.way, this.at);
    const next = others[0] ?? this.ways[(this.ways.indexOf(this.way) + 1) % this.ways.length];
    if (next !== this.way) this.take(next, Math.min(this.at, common(this.way, next)));
  }

  key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || HELP.open) return;
    const isSlider = event.target === this.position && event.key.length > 1;
    if (event.key === "?") HELP.showModal();
    else if (event.key === "w") this.otherWay();
    else if (KEYS[event.key] && !isSlider) this.move(KEYS[event.key]);
    else return;
    event.preventDefault();
  }
}

/** The page's one list of keys. */
const HELP = document.getElementById("help");
