/** The server, as this page sees it: JSON, uploads with progress, jobs that are watched, problems in words. */

const BASE = "/api/v1";
const BUSY_RETRY_S = 5;
const WATCH_AGAIN_MS = 1000;

/** What went wrong, for people: `what` is wrong and the `remedy`; `kind` is the server's, or one of the page's own. */
export class Problem extends Error {
  constructor(kind, what, remedy, retryAfterS = 0) {
    super(what);
    Object.assign(this, { kind, what, remedy, retryAfterS });
  }
}

/** Any error → a Problem, or null for an abandoned request. */
export function problemOf(error) {
  if (error.name === "AbortError") return null;
  if (error instanceof Problem) return error;
  console.error(error);
  return new Problem("page", "something on this page went wrong", "reload it and try again");
}

/** This tab, to the server; unsafe requests carry it. (`crypto.randomUUID` lacks where a page is not secure.) */
const CLIENT = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

const START_AGAIN = "start it again (earmark serve LIBRARY), then try again";
export const gone = () => new Problem("gone", "the server does not answer", START_AGAIN);

/** One call, with `json` as its body: JSON in the answer, or null if it has none. Throws a Problem. */
export async function call(method, path, { signal, json } = {}) {
  const headers = json ? { "Content-Type": "application/json" } : {};
  const response = await get(path, { method, headers, signal, body: json && JSON.stringify(json) });
  return response.status === 204 ? null : response.json();
}

/** An answer as a Response, which need not be JSON. Throws a Problem. */
export function get(path, { method = "GET", headers = {}, ...options } = {}) {
  const own = method === "GET" ? {} : { "Earmark-Client": CLIENT };
  return fetched(BASE + path, { ...options, method, headers: { ...headers, ...own } });
}

async function fetched(url, options) {
  let response;
  try {
    response = await fetch(url, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw gone();
  }
  if (!response.ok) throw problemFrom(response.status, await response.text(), response.headers.get("Retry-After"));
  return response;
}

function problemFrom(status, text, retryAfter) {
  try {
    const { kind, what, remedy } = JSON.parse(text).error;
    return new Problem(kind, what, remedy, Number(retryAfter) || BUSY_RETRY_S);
  } catch {
    const remedy = "try again; if it happens again, look at what the server printed";
    return new Problem("server", `the server failed (${status})`, remedy);
  }
}

/** Sends `body`, telling `progress(0..1)`; `fetch` cannot tell it. The answer's JSON; throws a Problem. */
export function send(path, body, { progress, signal } = {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", BASE + path);
    request.setRequestHeader("Earmark-Client", CLIENT);
    request.upload.onprogress = (event) => event.lengthComputable && progress?.(event.loaded / event.total);
    request.onload = () => {
      if (request.status < 300) resolve(JSON.parse(request.responseText));
      else reject(problemFrom(request.status, request.responseText, request.getResponseHeader("Retry-After")));
    };
    request.onerror = () => reject(gone());
    request.onabort = () => reject(new DOMException("cancelled", "AbortError"));
    signal?.addEventListener("abort", () => request.abort(), { once: true });
    signal?.throwIfAborted();
    request.send(body);
  });
}

/** Tries again for as long as the server is busy; `waiting(seconds)` is called each second that passes meanwhile. */
export async function patiently(act, waiting, signal) {
  for (;;) {
    try {
      return await act();
    } catch (error) {
      if (error.kind !== "busy") throw error;
      for (let seconds = error.retryAfterS; seconds > 0; seconds -= 1) {
        waiting(seconds);
        await pause(1000, signal);
      }
    }
  }
}

/** Waits; throws an AbortError when stopped. */
export function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, { once: true });
  });
}

const ended = (job) => job.state === "done" || job.state === "failed";

/**
 * Watches a job (`/queries/ID` or `/additions/ID`), telling each state, until it ends.
 * Returns its last state; throws a Problem if it failed.
 */
export async function watch(path, onState, signal) {
  let job = await call("GET", path, { signal });
  while (!ended(job)) {
    onState(job);
    job = await streamed(path, onState, signal);
    if (!ended(job)) await pause(WATCH_AGAIN_MS, signal);
  }
  onState(job);
  if (job.state === "failed") throw new Problem(job.error.kind, job.error.what, job.error.remedy);
  return job;
}

/** The job's last state that its event stream sent, or fetched when the stream broke. */
function streamed(path, onState, signal) {
  return new Promise((resolve, reject) => {
    const events = new EventSource(`${BASE}${path}/events`);
    const finish = (settle, value) => {
      events.close();
      settle(value);
    };
    events.addEventListener("state", (event) => {
      const job = JSON.parse(event.data);
      if (ended(job)) finish(resolve, job);
      else onState(job);
    });
    events.onerror = () => {
      events.close();
      call("GET", path, { signal }).then(resolve, reject);
    };
    signal?.addEventListener("abort", () => finish(reject, signal.reason), { once: true });
  });
}

const pieces = new Map();

/** A piece with its layout; fetched once. */
export function pieceOf(id) {
  if (!pieces.has(id)) {
    const fetched = call("GET", `/pieces/${id}`);
    fetched.catch(() => pieces.delete(id));
    pieces.set(id, fetched);
  }
  return pieces.get(id);
}

let library = null;

/** Name, counts and limits of the library; fetched once, and again after `forgetLibrary`. */
export function libraryFacts() {
  library ??= call("GET", "/library").catch((error) => {
    library = null;
    throw error;
  });
  return library;
}

/** After something was added or removed. */
export function forgetLibrary() {
  library = null;
  pieces.clear();
}

/** The address of a page's image, wide enough for `pixels` on the screen. */
export function pageAddress(piece, number, pixels, widths) {
  const width = widths.find((one) => one >= pixels) ?? widths.at(-1);
  return `${BASE}/pieces/${piece}/pages/${number}.png?width=${width}`;
}

/** The address of a query's recording. */
export const recordingAddress = (query) => `${BASE}/queries/${query}/recording`;

/** The address of a query's answer as a file: "csv", "json" or "annotations". */
export const exportAddress = (query, form) => `${BASE}/queries/${query}/export?form=${form}`;

/** The same of an answer of the history. */
export const historyExportAddress = (key, form) => `${BASE}/history/${key}/export?form=${form}`;

/** The address of a piece's bookmarks as W3C annotations. */
export const annotationsAddress = (piece) => `${BASE}/pieces/${piece}/annotations`;

/** The address of a recording that is a piece of the library. */
export const indexedRecordingAddress = (piece) => `${BASE}/pieces/${piece}/recording`;

/** A WebSocket to `path`. */
export function socket(path) {
  return new WebSocket(`${location.origin.replace(/^http/, "ws")}${BASE}${path}`);
}
