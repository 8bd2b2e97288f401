/** The road of the packet: a line through hosts and chains, deeper with every jump, and the packet on it. */

const ROW = 26;
const STEP_IN = 13;
const LEFT = 15;

const xOf = (station) => LEFT + (station.depth ?? 0) * STEP_IN;
const yOf = (place) => (place + 0.5) * ROW;

class Road {
  /**
   * @param {Way} way
   * @param {(station: number) => void} go called when a station is chosen
   */
  constructor(way, go) {
    this.way = way;
    this.turn = way.stations.findIndex((station) => station.back);
    this.travelled = draw("path", { class: "travelled" });
    this.returned = draw("path", { class: "travelled back" });
    this.packet = draw("circle", { class: "here", r: "7" });
    this.buttons = way.stations.map((station, place) => this.button(station, place, go));
    const drawing = draw(
      "svg",
      { "aria-hidden": "true", height: String(way.stations.length * ROW), focusable: "false" },
      ...this.hosts(),
      draw("path", { class: "ahead", d: this.line(0, way.stations.length - 1) }),
      this.travelled,
      this.returned,
      ...way.stations.map((station, place) => this.mark(station, place)),
      this.packet,
    );
    const list = make("ol", {}, ...this.buttons.map((button) => make("li", {}, button)));
    list.addEventListener("keydown", (event) => this.walk(event));
    this.element = make("div", { class: "track" }, drawing, list);
  }

  button(station, place, go) {
    const label = station.kind === "host" && station.title ? `${station.name} ${station.title}` : station.name;
    const button = make(
      "button",
      { type: "button", class: station.kind, title: station.title || station.name, tabindex: "-1" },
      label,
    );
    button.style.paddingLeft = `${xOf(station) + 15}px`;
    button.addEventListener("click", () => go(place));
    return button;
  }

  /** A box behind everything that happens on one host. */
  hosts() {
    const starts = this.way.stations.flatMap((station, place) =>
      ["host", "sender", "end"].includes(station.kind) ? [place] : []);
    return starts.flatMap((start, number) => {
      if (this.way.stations[start].kind !== "host") return [];
      const end = starts[number + 1] ?? this.way.stations.length;
      return [draw("rect", {
        class: "box", x: "1", y: String(start * ROW + 2), width: "calc(100% - 2px)",
        height: String((end - start) * ROW - 4), rx: "6",
      })];
    });
  }

  /** The line from one station to another, bent where the depth changes. */
  line(first, last) {
    return this.way.stations.slice(first, last + 1).map((station, number) => {
      const place = first + number;
      const [x, y] = [xOf(station), yOf(place)];
      if (number === 0) return `M${x} ${y}`;
      const [before, from] = [xOf(this.way.stations[place - 1]), yOf(place - 1)];
      return before === x ? `V${y}` : `C${before} ${from + ROW * 0.7} ${x} ${y - ROW * 0.7} ${x} ${y}`;
    }).join("");
  }

  mark(station, place) {
    const [x, y] = [xOf(station), yOf(place)];
    if (station.kind === "chain") return draw("circle", { cx: String(x), cy: String(y), r: "4" });
    const size = station.kind === "event" ? 3 : 5;
    return draw("rect", {
      class: `mark ${station.kind}`, x: String(x - size), y: String(y - size), width: String(2 * size), height: String(2 * size),
    });
  }

  /** Up and down through the stations, as through any list. */
  walk(event) {
    const here = this.buttons.indexOf(document.activeElement);
    const next = this.buttons[here + { ArrowUp: -1, ArrowDown: 1 }[event.key]];
    if (next) {
      event.preventDefault();
      next.focus();
    }
  }

  /** Show the packet at a station. */
  show(place) {
    const isBack = this.turn >= 0 && place >= this.turn;
    this.travelled.setAttribute("d", this.line(0, isBack ? this.turn : place));
    this.returned.setAttribute("d", isBack ? this.line(this.turn, place) : "");
    this.packet.setAttribute("cx", String(xOf(this.way.stations[place])));
    this.packet.setAttribute("cy", String(yOf(place)));
    this.buttons.forEach((button, other) => {
      button.classList.toggle("passed-by", other < place);
      button.tabIndex = other === place ? 0 : -1;
      if (other === place) button.setAttribute("aria-current", "step");
      else button.removeAttribute("aria-current");
    });
    reveal(this.buttons[place]);
  }
}

/** Bring an element into view within its own panel; the page stays where it is. */
function reveal(element) {
  const panel = element.closest(".panel");
  const [top, bottom] = [element.getBoundingClientRect().top, element.getBoundingClientRect().bottom];
  const frame = panel.getBoundingClientRect();
  const margin = Math.min(60, frame.height / 4);
  if (top < frame.top + margin) panel.scrollTop -= frame.top + margin - top;
  else if (bottom > frame.bottom - margin) panel.scrollTop += bottom - frame.bottom + margin;
}
