/**
 * Without the server, the page itself and the pieces that were on the music stand still open: `js/offline.js` keeps those.
 *
 * The server is always asked first. Of its answers only the page's own files are kept here; questions and what is found
 * never are. Logging out clears all of it (the server says `Clear-Site-Data`).
 */

const SHELL = "earmark-shell";
const PIECES = "earmark-pieces";
const FILES = /"(\/[\w/.-]+\.(?:js|css|svg|png|webmanifest))"/g;
const PIECE = /^\/api\/v1\/pieces\/\d+(\/pages\/\d+\.png)?$/;

self.addEventListener("install", (event) => event.waitUntil(keepShell().then(() => self.skipWaiting())));
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

/** Keeps index.html and all files that it names, and those that they name. */
async function keepShell() {
  const shell = await caches.open(SHELL);
  const named = new Set(["/"]);
  for (const path of named) { // it grows meanwhile
    const answer = await fetch(path, { cache: "no-cache" });
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    const text = await answer.clone().text();
    await shell.put(path, answer);
    for (const [, other] of text.matchAll(FILES)) named.add(other);
  }
}

self.addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  const { origin, pathname, search } = new URL(url);
  if (method !== "GET" || origin !== location.origin) return;
  if (!pathname.startsWith("/api/")) {
    if (!search) event.respondWith(shellFile(event.request)); // the address with the token is no file
  } else if (pathname === "/api/v1/pieces") event.respondWith(listed(event.request));
  else if (pathname === "/api/v1/library" || PIECE.test(pathname)) event.respondWith(piecePart(event.request));
});

async function shellFile(request) {
  const shell = await caches.open(SHELL);
  try {
    const answer = await fetch(request);
    if (answer.status === 200) await shell.put(request.url, answer.clone());
    return answer;
  } catch (error) {
    return orFail(await shell.match(request.url), error);
  }
}

/** A page that was kept in another width will do; what the library has no more is not kept on. */
async function piecePart(request) {
  const pieces = await caches.open(PIECES);
  try {
    const answer = await fetch(request);
    if (answer.status === 404) await pieces.delete(request.url, { ignoreSearch: true });
    return answer;
  } catch (error) {
    return orFail(await pieces.match(request.url, { ignoreSearch: true }), error);
  }
}

/** Without the server, the library is what was kept of it. */
async function listed(request) {
  try {
    return await fetch(request);
  } catch {
    const kept = await caches.open(PIECES);
    const addresses = (await kept.keys()).map(({ url }) => url).filter((url) => /\/pieces\/\d+$/.test(url));
    const all = await Promise.all(addresses.map(async (url) => (await kept.match(url)).json()));
    const asked = new URL(request.url).searchParams;
    const words = (asked.get("search") ?? "").toLowerCase();
    const kind = asked.get("kind") ?? "score";
    const pieces = all.filter((one) => one.kind === kind && `${one.title} ${one.name} ${one.composer}`.toLowerCase().includes(words));
    return Response.json({ total: pieces.length, offset: 0, pieces, initials: [], all_tags: [] });
  }
}

function orFail(answer, error) {
  if (!answer) throw error;
  return answer;
}
