/** Keys that act wherever the focus is: turning pages, as pedals do it too, and playing. */

const STEPS = { ArrowLeft: -1, ArrowRight: 1, PageUp: -1, PageDown: 1 };
/** Where a key has a meaning of its own. */
const TAKEN = "input, textarea, select, audio, dialog, [contenteditable]";

/**
 * Lets a key do what it does in `view`: `view.turns()` is the score whose pages turn, `view.plays()` the player;
 * either may be missing.
 */
export function pressed(event, view) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  if (event.target.closest?.(TAKEN)) return;
  const score = view.turns?.();
  const player = view.plays?.();
  if (event.key in STEPS && score?.piece) score.stepByHand(STEPS[event.key], event.key.startsWith("Arrow"));
  else if (event.key === " " && player && !event.target.closest("button, a, summary")) player.toggle();
  else return;
  event.preventDefault();
}
