/** Keeps the screen on while music plays or is listened to: hands are on the instrument then. */

const wanting = new Set();
let lock = null;

/** Says whether `who` wants the screen to stay on. */
export function stayAwake(who, on) {
  if (on) wanting.add(who);
  else wanting.delete(who);
  settle();
}

async function settle() {
  if (!wanting.size) {
    lock?.release();
    lock = null;
  } else if (!lock || lock.released) {
    const taken = await navigator.wakeLock?.request("screen").catch(() => null); // an empty battery may refuse
    if (wanting.size) lock = taken ?? null;
    else taken?.release();
  }
}

document.addEventListener("visibilitychange", () => document.hidden || settle()); // hiding the page ends the lock
