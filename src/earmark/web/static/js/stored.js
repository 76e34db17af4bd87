/** What this device keeps from one visit to the next. */

/** What was kept under a name; {} if nothing was, or it cannot be read. */
export function stored(name) {
  try {
    return JSON.parse(localStorage.getItem(name)) ?? {};
  } catch {
    return {}; // kept from the page, or no JSON
  }
}

/** Keeps values under a name, if the browser keeps anything. */
export function store(name, values) {
  try {
    localStorage.setItem(name, JSON.stringify(values));
  } catch { /* they hold until the page is left */ }
}
