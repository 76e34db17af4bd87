/** The instrument that is listened to: how much lower it sounds than its part is printed. It is kept on this device. */

import { h } from "/js/dom.js";
import { store, stored } from "/js/stored.js";

const STORED = "earmark-instrument";
const KEYS = [
  [0, "as printed"], [2, "in B♭"], [3, "in A"], [7, "in F"], [9, "in E♭"],
  [14, "in low B♭"], [-3, "in high E♭"], [1, "at old pitch"],
];

let semitones = stored(STORED).semitones ?? 0;

/** By how many semitones it sounds lower. */
export const lower = () => semitones;

/** Lets the instrument be chosen in a list; `act` is called when it is another. */
export function offerInstruments(select, act) {
  select.replaceChildren(...KEYS.map(([value, words]) => h("option", { value: String(value) }, words)));
  select.value = String(semitones);
  select.onchange = () => {
    semitones = Number(select.value);
    store(STORED, { semitones });
    act();
  };
}
