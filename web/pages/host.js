// The page that opened this one: telling it the result, and going back to it.

import { allowedOrigins, query } from "./session.js";

/** The popups of our SDK and of Truto's by their names. */
const POPUPS = ["decant-connect", "Truto Connect", "Truto RapidForm"];
/** A window that was opened for this page: a product's own window may have an opener too, and led here. */
const isPopup = window.opener !== null && (POPUPS.includes(window.name) || history.length === 1);

/** `iframe`, `popup` or `window`. */
export const mode = window.parent !== window ? "iframe" : isPopup ? "popup" : "window";
const opener = mode === "iframe" ? window.parent : mode === "popup" ? window.opener : undefined;

/**
 * Whom to speak to: the origin that opened this page, if it is allowed. Truto's SDK does not name its own; a message reaches none but
 * an allowed one anyway.
 */
const targets = (() => {
  const allowed = new Set([...allowedOrigins, location.origin]);
  const named = [query.origin, origin(document.referrer)].find((candidate) => allowed.has(candidate));
  if (query.origin && named !== query.origin) return [];
  return named ? [named] : [...allowed];
})();

let redirectUri;
let result = "closed";

/** Says that the page is there, to an embedding page of our own SDK. */
export function greet() {
  if (mode !== "iframe") return;
  // Only one that passed `frame-ancestors` gets this far.
  if (query.origin) post({ is_decant: true, event: "ready" });
  window.addEventListener("message", (event) => {
    const asked = event.source === opener && targets.includes(event.origin) && event.data?.is_decant === true;
    if (asked && event.data.event === "close") leave();
  });
}

/** Where to go in the end, in a window of its own. */
export function redirectTo(uri) {
  if (/^https?:\/\//i.test(uri ?? "")) redirectUri = uri;
}

/** Whether there is somewhere to go back to. */
export function canLeave() {
  return mode !== "window" || redirectUri !== undefined;
}

/** What will be told when the person leaves: the last result there is. */
export function remember(message) {
  result = { is_truto: true, ...message };
}

/** Tells the result and goes. */
export function leave() {
  if (mode === "iframe") post(result);
  else if (mode === "popup") {
    // Truto's SDK takes any message for a result, and sees by itself that the window was closed.
    if (result !== "closed") post(result);
    window.close();
  } else if (redirectUri) {
    location.replace(withResult(redirectUri));
  }
}

/** Tells it at once when only the page that opened this one can help, and stays for the case that it does not listen. */
export function report(message) {
  remember(message);
  if (mode !== "window") post(result);
}

function post(message) {
  for (const target of targets) opener.postMessage(message, target);
}

function withResult(uri) {
  const url = new URL(uri);
  const { is_truto: _, problem, integrated_account_token: __, ...fields } = result === "closed" ? { result } : result;
  for (const [name, value] of Object.entries({ ...fields, problem: problem?.code })) {
    if (value !== undefined && value !== null) url.searchParams.set(name, value);
  }
  return url;
}

function origin(address) {
  return URL.canParse(address) ? new URL(address).origin : undefined;
}
