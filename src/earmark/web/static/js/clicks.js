/** Clicks at the beats of a recording, and a measure of them before a passage begins. */

const AHEAD_S = 0.25; // how long before it sounds a click is handed to the sound card
const LATE_S = 0.02;
const CLICK_S = 0.04;
const PITCH_HZ = { first: 1600, other: 1000 };
const LOUDNESS = { first: 0.5, other: 0.3 };

/** When beats sound, [{after, accented}], `after` seconds from now: those from `from` up to `to` in the recording, at `now`. Pure. */
export function due(beats, from, to, now, speed) {
  return beats
    .filter(({ time }) => time >= from && time < to)
    .map(({ time, beat }) => ({ after: (time - now) / speed, accented: beat === 1 }))
    .filter(({ after }) => after > -LATE_S);
}

/**
 * A measure of clicks, and its beats before an upbeat, at the tempo of the first measure from `start` on: {clicks, lasts},
 * clicks as of `due`, `lasts` the seconds until the recording begins at `start`. Null where the tempo is not known. Pure.
 */
export function countIn(beats, start, speed) {
  const there = beats.filter(({ time }) => time >= start);
  const [first] = there;
  const measures = there.reduce((found, one) => {
    if (one.beat === 1 || !found.length) found.push([]);
    found.at(-1).push(one);
    return found;
  }, []);
  if (there.length < 2) return null;
  const within = [...measures[0], ...(measures[1] ?? []).slice(0, 1)];
  const steps = within.slice(1).map(({ time }, i) => time - within[i].time).sort((one, other) => one - other);
  const step = steps[steps.length >> 1] / speed;
  const meter = Math.max(...(first.beat === 1 || !measures[1] ? measures[0] : measures[1]).map(({ beat }) => beat));
  const count = meter + first.beat - 1;
  const clicks = Array.from({ length: count }, (_, i) => ({ after: i * step, accented: i % meter === 0 }));
  return { clicks, lasts: Math.max(0, count * step - (first.time - start) / speed) };
}

/** Plays clicks while a recording plays. */
export class Clicks {
  constructor() {
    this.coming = new Set();
    this.until = null; // of the recording, up to where clicks are on their way; null where none is
  }

  /** Begins to sound, where browsers want that somebody has asked for it. */
  async open() {
    this.context ??= new AudioContext();
    await this.context.resume();
  }

  /** The recording is at `now` and plays; clicks are those of `beats`, up to `end`. */
  follow(beats, now, speed, end = Infinity) {
    if (this.until !== null && (speed !== this.speed || now < this.now || now > this.until)) this.stop();
    this.until ??= now - LATE_S * speed; // a recording that begins at a beat may be just after it
    [this.now, this.speed] = [now, speed];
    const to = Math.max(this.until, Math.min(now + AHEAD_S * speed, end));
    this.sound(due(beats, this.until, to, now, speed));
    this.until = to;
  }

  sound(clicks) {
    for (const { after, accented } of clicks) {
      const kind = accented ? "first" : "other";
      const at = this.context.currentTime + Math.max(0, after);
      const tone = new OscillatorNode(this.context, { frequency: PITCH_HZ[kind] });
      const fade = new GainNode(this.context, { gain: LOUDNESS[kind] });
      fade.gain.setValueAtTime(LOUDNESS[kind], at);
      fade.gain.exponentialRampToValueAtTime(0.001, at + CLICK_S);
      tone.connect(fade).connect(this.context.destination);
      tone.onended = () => this.coming.delete(tone);
      this.coming.add(tone);
      tone.start(at);
      tone.stop(at + CLICK_S);
    }
  }

  /** Silences what is on its way. */
  stop() {
    for (const tone of this.coming) tone.stop();
    this.coming.clear();
    this.until = null;
  }
}
