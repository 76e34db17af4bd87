/** One live session: the microphone's sound goes to the server, what it understands comes back. Views hand it on. */

import { gone, Problem, socket } from "/js/api.js";
import { stayAwake } from "/js/awake.js";
import { lower } from "/js/instrument.js";
import { openMicrophone } from "/js/microphone.js";

const LATE_S = 2;

/**
 * Events: `update` (detail: a ranking), `place` (detail: where the piece that is followed is played), `loudness` (detail
 * 0..1), `end` (detail: the Problem that ended it).
 */
class Live extends EventTarget {
  session = null; // {microphone, socket} while listening

  get on() {
    return this.session !== null;
  }

  /** Begins to listen; throws a Problem when the microphone cannot be had. */
  async start() {
    this.stop();
    const mine = { microphone: null, socket: null };
    this.session = mine;
    try {
      mine.microphone = await openMicrophone((chunk, loudness) => this.hear(mine, chunk, loudness));
    } catch (error) {
      if (this.session === mine) this.session = null;
      throw error;
    }
    if (this.session !== mine) { // it was stopped meanwhile
      mine.microphone.close();
      return;
    }
    mine.socket = socket(`/live?rate=${mine.microphone.rate}&semitones=${lower()}`);
    mine.socket.onmessage = ({ data }) => this.session === mine && this.receive(JSON.parse(data));
    mine.socket.onclose = () => this.session === mine && this.end(gone());
    stayAwake("live", true);
  }

  stop() {
    if (!this.session) return;
    const { microphone, socket: line } = this.session;
    this.session = null;
    microphone?.close();
    line?.close();
    stayAwake("live", false);
  }

  /** Listens for any piece anew. */
  reset() {
    this.ask({ type: "reset" });
  }

  /** Follows a piece from now on, which is likely to be played from this page. */
  follow(piece, page) {
    this.ask({ type: "follow", piece, page });
  }

  ask(wish) {
    const line = this.session?.socket;
    if (line?.readyState === WebSocket.CONNECTING) line.addEventListener("open", () => this.ask(wish), { once: true });
    else line?.send(JSON.stringify(wish));
  }

  hear({ microphone, socket: line }, chunk, loudness) {
    this.tell("loudness", loudness);
    const late = microphone && line ? line.bufferedAmount / 2 / microphone.rate : LATE_S;
    if (line?.readyState === WebSocket.OPEN && late < LATE_S) line.send(chunk);
  }

  receive(message) {
    if (message.type === "error") {
      const { kind, what, remedy } = message.error;
      this.end(new Problem(kind, what, remedy));
    } else this.tell(message.type, message);
  }

  end(problem) {
    this.stop();
    this.tell("end", problem);
  }

  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

export const live = new Live();
