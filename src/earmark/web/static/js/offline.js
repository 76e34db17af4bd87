/** Keeps pieces that were on the music stand for when the server is out of reach; service-worker.js then shows them. */

const PIECES = "earmark-pieces";
const MOST = 400; // pages of all pieces, and what is known of each
const MOST_OF_ONE = 100; // pages

let latest = null;

/**
 * Keeps a piece with the pages at these addresses, one after the other; what was kept longest ago makes room. Browsers that
 * cannot, and pages that are not served over HTTPS, keep nothing.
 */
export async function keepOffline(id, addresses) {
  const mine = latest = Symbol(id);
  if (!("serviceWorker" in navigator) || !window.isSecureContext) return;
  try {
    await navigator.serviceWorker.register("/service-worker.js");
    await navigator.serviceWorker.ready;
    const kept = await caches.open(PIECES);
    for (const address of [...addresses.slice(0, MOST_OF_ONE), "/api/v1/library", `/api/v1/pieces/${id}`]) {
      const answer = await fetch(address);
      if (latest !== mine || !answer.ok) return;
      await kept.put(address, answer);
    }
    const all = await kept.keys(); // what was put last is last
    for (const request of all.slice(0, Math.max(0, all.length - MOST))) await kept.delete(request);
  } catch (error) {
    console.info("not kept for later:", error.message); // a certificate that nobody vouches for, no room, no server
  }
}
