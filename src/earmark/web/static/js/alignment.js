/** Where a recording is in the score at each moment, and when it is at each place. Pure. */

const GAP_S = 0.5;
const RESTART_S = 2;
const SAME_PLACE = 0.02;
const NEARLY_S = 0.05;
const BETWEEN_S = 0.11; // two points are a tenth of a second apart
const STEADY = 3; // points whose tempo tells when a measure began before them

/** `points`: [{time_s, page, system, x, measure, beat}], ascending in time; `systems`: [{page, system, box}] (see the API). */
export class Alignment {
  constructor({ points, systems }) {
    this.points = points;
    this.systems = systems;
    this.starts = points.filter((point, i) => i === 0 || !sameSystem(point, points[i - 1]));
  }

  /** {page, system, x, box} at this moment, x interpolated; null outside of the points. */
  at(time) {
    const i = lastAtMost(this.points, time);
    const [here, next] = [this.points[i], this.points[i + 1]];
    if (!here || time - here.time_s > GAP_S) return null;
    let { x } = here;
    if (next && sameSystem(here, next) && next.time_s - here.time_s < GAP_S) {
      x += (next.x - x) * (time - here.time_s) / (next.time_s - here.time_s);
    }
    return { page: here.page, system: here.system, x, box: this.box(here.page, here.system) };
  }

  /** The moment nearest to `now` at which the place (x, y), fractions of the page, is played; null if it never is. */
  timeOf(page, x, y, now) {
    const nearest = this.runs({ page, system: this.systemAt(page, y) }).map((run) =>
      run.reduce((one, other) => Math.abs(other.x - x) < Math.abs(one.x - x) ? other : one));
    const least = Math.min(...nearest.map((point) => Math.abs(point.x - x)));
    const there = nearest.filter((point) => Math.abs(point.x - x) <= least + SAME_PLACE);
    const away = (point) => Math.abs(point.time_s - now);
    return there.reduce((one, other) => one && away(one) <= away(other) ? one : other, null)?.time_s ?? null;
  }

  /** The moment at which the system before (-1) or after (+1) the one of `now` begins; null at the ends. */
  neighbour(now, step) {
    const here = lastAtMost(this.starts, now);
    const late = here >= 0 && now - this.starts[here].time_s > RESTART_S;
    return this.starts[here + (step < 0 && late ? 0 : step)]?.time_s ?? null;
  }

  /**
   * The parts of the score that the recording plays, in order, as [{page, system, measure, box}]: measures, where they are
   * known, else systems, of which `measure` is null.
   */
  spans() {
    return this.systems.flatMap(({ page, system, box }) => {
      const there = this.points.filter((point) => point.page === page && point.system === system);
      if (!there.length) return [];
      const begins = new Map(); // the leftmost x of each measure
      for (const { measure, x } of there) if (measure) begins.set(measure, Math.min(x, begins.get(measure) ?? 1));
      if (!begins.size) return [{ page, system, measure: null, box }];
      const measures = [...begins].sort(([, one], [, other]) => one - other);
      return measures.map(([measure, x], i) => {
        const [left, right] = [i ? x : box[0], measures[i + 1]?.[1] ?? box[2]];
        return { page, system, measure, box: [left, box[1], right, box[3]] };
      });
    });
  }

  /** The part of `spans()` at a point of a page; null if none is played on the system there. */
  spanAt(spans, page, x, y) {
    const system = this.systemAt(page, y);
    const there = spans.filter((span) => span.page === page && span.system === system);
    return there.find(({ box }) => x < box[2]) ?? there.at(-1) ?? null;
  }

  /**
   * From when to when the recording plays the parts `from` to `to`, of `spans()`, {start, end} in seconds: the time
   * nearest to `now`. Where beats are known it lasts from its first beat until the one after it: both may lie between
   * two points. Null if the recording never plays it.
   */
  passage(from, to, now) {
    const away = (run) => Math.abs(run[0].time_s - now);
    const first = this.runs(from).reduce((one, other) => one && away(one) <= away(other) ? one : other, null);
    const last = first && this.runs(to).find((run) => run.at(-1).time_s > first[0].time_s);
    if (!last) return null;
    const [start, end] = [first[0].time_s, last.at(-1).time_s];
    const firsts = this.beats().filter(({ beat }) => beat === 1).map(({ time }) => time);
    return {
      start: firsts.findLast((time) => time > start - BETWEEN_S && time < start) ?? start,
      end: firsts.find((time) => time > end && time < end + BETWEEN_S) ?? end,
    };
  }

  /** When each beat is played, in order, as [{time, beat}], beat 1 the first of its measure; none where they are not known. */
  beats() {
    const found = [];
    let run = [];
    this.points.forEach((point, i) => {
      const before = this.points[i - 1];
      const goes = before && point.time_s - before.time_s < GAP_S;
      if (goes && sameSystem(before, point) && before.measure === point.measure && point.beat >= before.beat) run.push(point);
      else {
        found.push(...beatsOf(run));
        run = typeof point.beat === "number" ? [...(goes ? [{ ...before, beat: null }] : []), point] : [];
      }
    });
    return [...found, ...beatsOf(run)];
  }

  /** The number of the system on `page` whose middle is nearest to `y`; null if there is none. */
  systemAt(page, y) {
    const away = ({ box }) => Math.abs((box[1] + box[3]) / 2 - y);
    const there = this.systems.filter((one) => one.page === page);
    return there.reduce((best, one) => best && away(best) <= away(one) ? best : one, null)?.system ?? null;
  }

  box(page, system) {
    return this.systems.find((one) => one.page === page && one.system === system)?.box ?? null;
  }

  /** The times that a system, or a measure of it, is played, each as its points: more than one where it is repeated. */
  runs({ page, system, measure = null }) {
    const runs = [];
    let before = null;
    for (const point of this.points) {
      if (point.page === page && point.system === system && (measure === null || point.measure === measure)) {
        if (before && before.x <= point.x + SAME_PLACE && point.time_s - before.time_s < GAP_S) runs.at(-1).push(point);
        else runs.push([point]);
        before = point;
      } else before = null;
    }
    return runs;
  }
}

/**
 * The beats of points within one measure. The first point may be the last one before the measure, whose beat is null: the
 * measure's first beat lies between the two, or, where the place stands at it until its first note, where it goes on.
 */
function beatsOf(run) {
  const points = run.filter(({ beat }) => beat !== null);
  if (!points.length) return [];
  const first = Math.floor(points[0].beat);
  const next = points.findIndex(({ beat }) => beat > first);
  const [at, later] = [points[next], points[Math.min(next + STEADY, points.length - 1)]];
  const before = next > 0 ? points[next - 1].time_s : run[0].time_s;
  const found = [];
  if (next < 0) found.push({ time: points[0].time_s, beat: first });
  else {
    const pace = (later.beat - at.beat) / (later.time_s - at.time_s);
    const time = pace > 0 ? at.time_s - (at.beat - first) / pace : at.time_s;
    if (time >= before - NEARLY_S || next > 0) found.push({ time: Math.max(time, before), beat: first });
  }
  for (let i = 1; i < points.length; i++) {
    const [from, to] = [points[i - 1], points[i]];
    for (let beat = Math.floor(Math.max(from.beat, first)) + 1; beat <= to.beat; beat++) {
      found.push({ time: from.time_s + (to.time_s - from.time_s) * (beat - from.beat) / (to.beat - from.beat), beat });
    }
  }
  return found;
}

const sameSystem = (one, other) => one.page === other.page && one.system === other.system;

/** The index of the last point at or before `time`, -1 if there is none. */
function lastAtMost(points, time) {
  let [low, high] = [0, points.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle].time_s <= time) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
