/**
 * Where each move leads.
 *
 * @typedef {{kind: string, name: string, title?: string, depth?: number, back?: boolean}} Station
 * @typedef {{kind: string, station: number, sentence: string, packet: number, tone?: string, number?: string,
 *   rule?: string, action?: string, asked?: string, failed?: string, made?: string, drawn?: string,
 *   near?: boolean}} Step
 * @typedef {{label: string, tone: string, stations: Station[], steps: number[]}} Way
 * @typedef {{ways: Way[], steps: Step[], packets: Record<string, string>[]}} Data
 */

/** @type {Data} */
const data = JSON.parse(byId("data").textContent);

/** The step at a place of a way. */
function stepOf(way, at) {
  return data.steps[way.steps[at]];
}

/** The first place behind `at` whose step is as asked; `at` itself if there is none. */
function seek(way, at, wanted) {
  for (let place = at + 1; place < way.steps.length; place += 1) {
    if (wanted(stepOf(way, place))) return place;
  }
  return at;
}

const isMiss = (step) => step.kind === "passed" || step.kind === "mass";

/** Over what a jump leads into: to the next step that is no deeper than this one. */
function over(way, at) {
  const depth = (step) => way.stations[step.station].depth ?? 0;
  const here = depth(stepOf(way, at));
  return seek(way, at, (step) => depth(step) <= here);
}

/** @type {Record<string, (way: Way, at: number) => number>} */
const MOVES = {
  first: () => 0,
  back: (_, at) => Math.max(at - 1, 0),
  next: (way, at) => Math.min(at + 1, way.steps.length - 1),
  over,
  match: (way, at) => seek(way, at, (step) => step.kind === "matched"),
  miss: (way, at) => seek(way, at, isMiss),
  last: (way) => way.steps.length - 1,
};

/** How many steps two ways have in common from the start. */
function common(one, other) {
  let place = 0;
  while (place < one.steps.length && one.steps[place] === other.steps[place]) place += 1;
  return place;
}

/** The ways that part from `way` at step `at`: chance decides there. */
function partings(way, at) {
  return data.ways.filter((other) => other !== way && common(way, other) === at);
}
