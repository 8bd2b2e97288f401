/**
 * Where each move leads. Ways share their steps up to where chance parts them.
 *
 * @typedef {{kind: string, name: string, title?: string, depth?: number, back?: boolean}} Station
 * @typedef {{kind: string, station: number, sentence: string, packet: Record<string, string>, tone?: string, number?: string,
 *   rule?: string, action?: string, asked?: string, failed?: string, made?: string, drawn?: string,
 *   near?: boolean}} Step
 * @typedef {{label: string, tone: string, stations: Station[], steps: Step[]}} Way
 */

/** What a page was given: ways, in which steps go by their numbers, and steps, in which packets do. */
function unpack({ ways, steps, packets }) {
  const whole = steps.map((step) => ({ ...step, packet: packets[step.packet] }));
  return ways.map((way) => ({ ...way, steps: way.steps.map((number) => whole[number]) }));
}

/** The first place behind `at` whose step is as asked; `at` itself if there is none. */
function seek(way, at, wanted) {
  for (let place = at + 1; place < way.steps.length; place += 1) {
    if (wanted(way.steps[place])) return place;
  }
  return at;
}

const isMiss = (step) => step.kind === "passed" || step.kind === "mass";

/** Over what a jump leads into: to the next step that is no deeper than this one. */
function over(way, at) {
  const depth = (step) => way.stations[step.station].depth ?? 0;
  const here = depth(way.steps[at]);
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
function partings(ways, way, at) {
  return ways.filter((other) => other !== way && common(way, other) === at);
}
