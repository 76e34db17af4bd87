/** Keeps the screen on while music plays or is listened to: hands are on the instrument then. */

let wanted = false;
let lock = null;

export function stayAwake(on) {
  wanted = on;
  settle();
}

async function settle() {
  if (!wanted) {
    lock?.release();
    lock = null;
  } else if (!lock || lock.released) {
    const taken = await navigator.wakeLock?.request("screen").catch(() => null); // an empty battery may refuse
    if (wanted) lock = taken ?? null;
    else taken?.release();
  }
}

document.addEventListener("visibilitychange", () => document.hidden || settle()); // hiding the page ends the lock
