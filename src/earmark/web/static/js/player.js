/** Plays a recording: play and pause, the moment, and system by system when the alignment is known. */

import { stayAwake } from "/js/awake.js";
import { clock, fill } from "/js/dom.js";

const SPOKEN_EVERY_S = 1;

/**
 * Events: `moment` (detail {time, playing, sounds}), at every frame while it plays and whenever the moment changes; it plays
 * and does not sound while the browser looks for a moment that it was sent to.
 */
export class Player extends EventTarget {
  constructor(host) {
    super();
    this.countIn = null; // what counts in to a loop and gives {lasts}, seconds; null, as what it may give: nothing is counted
    this.parts = fill(host, "player-template");
    const { audio, play, slider, back, forth } = this.parts;
    play.onclick = () => this.toggle();
    slider.oninput = () => this.seek(Number(slider.value));
    back.onclick = () => this.dispatchEvent(new CustomEvent("system", { detail: -1 }));
    forth.onclick = () => this.dispatchEvent(new CustomEvent("system", { detail: 1 }));
    audio.onloadedmetadata = () => this.setLength(audio.duration);
    audio.onplay = audio.onpause = () => this.changed();
    audio.onseeked = () => this.told();
    audio.onended = () => {
      if (!this.loop) return;
      this.seek(this.loop.start);
      this.begin();
    };
    this.parts.speed.onchange = () => this.setSpeed(this.speed);
    audio.onerror = () => audio.getAttribute("src") && this.mute();
    this.setSystems(false);
  }

  /** `source`: the recording's address; `length`: seconds, until the browser knows better. */
  load(source, length) {
    this.stopCounting();
    this.parts.audio.src = source;
    this.silentTime = 0;
    this.muted = false;
    this.loop = null;
    this.setSpeed(1);
    this.parts.play.disabled = false;
    this.parts.words.textContent = "";
    this.setLength(length);
    this.changed(); // the pause of what played before may never have been told
  }

  unload() {
    this.stopCounting();
    this.parts.audio.pause();
    this.parts.audio.removeAttribute("src");
    this.parts.audio.load();
  }

  get time() {
    return this.muted ? this.silentTime : this.parts.audio.currentTime;
  }

  get playing() {
    return !this.parts.audio.paused && !this.muted;
  }

  seek(time) {
    this.silentTime = time;
    this.parts.audio.currentTime = time;
    this.told();
  }

  toggle() {
    const { audio } = this.parts;
    if (this.counting) this.stopCounting();
    else if (!audio.paused) audio.pause();
    else if (this.loop && this.countIn) this.count(this.countIn());
    else this.begin();
  }

  begin() {
    this.parts.audio.play().catch((error) => error.name !== "AbortError" && this.mute()); // aborted by a pause
  }

  /** Plays the loop from its beginning once it is `counted` in, as `countIn` gives it. */
  count(counted) {
    if (!counted) return this.begin();
    this.begin(); // browsers let start later what somebody has started before
    this.parts.audio.pause();
    this.counting = setTimeout(() => {
      this.counting = null;
      this.begin();
    }, 1000 * counted.lasts);
    this.seek(this.loop.start);
    this.changed();
  }

  stopCounting() {
    if (!this.counting) return;
    clearTimeout(this.counting);
    this.counting = null;
    this.changed();
  }

  /** How fast it plays, 1 is as it was recorded; the pitch stays. */
  get speed() {
    return Number(this.parts.speed.value);
  }

  setSpeed(speed) {
    const { audio, speed: chosen } = this.parts;
    chosen.value = String(speed);
    audio.preservesPitch = true;
    audio.defaultPlaybackRate = audio.playbackRate = speed;
  }

  /** Plays {start, end}, seconds, again and again; null: goes on. */
  setLoop(loop) {
    this.stopCounting();
    this.loop = loop;
  }

  /** Says something below the slider. */
  say(words) {
    this.parts.words.textContent = words;
  }

  /** Whether there are systems to step through. */
  setSystems(known) {
    this.parts.back.disabled = this.parts.forth.disabled = !known;
  }

  /** The browser cannot play this format: the slider still moves the mark. */
  mute() {
    if (this.muted) return;
    this.muted = true;
    this.parts.play.disabled = true;
    this.say("This browser cannot play this format. The slider moves the mark all the same.");
  }

  setLength(seconds) {
    if (!Number.isFinite(seconds)) return; // MediaRecorder's files do not tell
    this.parts.slider.max = seconds;
    this.parts.length.textContent = clock(seconds);
  }

  changed() {
    const { play, icon } = this.parts;
    const goesOn = this.playing || this.counting;
    icon.setAttribute("href", goesOn ? "#icon-pause" : "#icon-play");
    play.setAttribute("aria-label", goesOn ? "Pause" : "Play");
    this.told();
    stayAwake("player", this.playing);
    if (this.playing) requestAnimationFrame(() => this.frame());
  }

  frame() {
    if (!this.playing) return;
    const { loop, time } = this;
    if (loop && (time >= loop.end || time < loop.start - 1)) this.seek(loop.start);
    this.told();
    requestAnimationFrame(() => this.frame());
  }

  told() {
    const { slider, now } = this.parts;
    const { time } = this;
    slider.value = time;
    slider.style.setProperty("--done", `${100 * time / (Number(slider.max) || 1)}%`);
    if (now.textContent !== clock(time)) now.textContent = clock(time);
    if (!this.playing || Math.abs(time - (this.spoken ?? -1)) >= SPOKEN_EVERY_S) {
      slider.setAttribute("aria-valuetext", `${clock(time)} of ${clock(Number(slider.max))}`);
      this.spoken = time;
    }
    const sounds = this.playing && !this.parts.audio.seeking;
    this.dispatchEvent(new CustomEvent("moment", { detail: { time, playing: this.playing, sounds } }));
  }
}
