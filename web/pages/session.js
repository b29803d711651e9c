// What the page was opened with. The token leaves the address before anything else happens: no reload, copy or referrer carries it.

const given = JSON.parse(document.getElementById("data").textContent);

/** Kept while the platform's own page is shown in this window, for the page that it leads back to. */
const KEPT = "decant-link";
const isCallback = document.documentElement.dataset.page === "callback";

const session = history.state?.link ?? (isCallback ? kept() : undefined) ?? {
  query: Object.fromEntries(new URLSearchParams(location.search)),
  allowedOrigins: given.allowed_origins,
};
// The state survives a reload and is sent nowhere.
history.replaceState({ link: session }, "", location.pathname);

/** The query that the page was opened with, by name. */
export const query = session.query;
/** The origins that the environment allows to open this page. */
export const allowedOrigins = session.allowedOrigins;
/** `en`, `fr`, … */
export const language = document.documentElement.lang;
/** `connect` or `post-connect`. */
export const page = document.documentElement.dataset.page;
/** What a platform's own page led back here with. */
export const brought = given.brought;

/** Keeps what the page that is led back to needs. */
export function store(more) {
  sessionStorage.setItem(KEPT, JSON.stringify({ ...session, more }));
}

/** What was kept. */
export function recall() {
  return session.more ?? {};
}

function kept() {
  const found = sessionStorage.getItem(KEPT);
  sessionStorage.removeItem(KEPT);
  return found ? JSON.parse(found) : undefined;
}

/** A text in the page's language, with `{name}`s filled in. */
export function text(key, values = {}) {
  return (given.texts[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** Whether there is such a text. */
export function has(key) {
  return key in given.texts;
}

/** A question to the gateway. Gives the answer's JSON; fails with a `Refusal` otherwise. */
export async function ask(path, body) {
  const answer = await send(path, body);
  return answer.json();
}

/** What the gateway refused, or why it was not reached (`status` 0). */
export class Refusal extends Error {
  constructor(status, body) {
    super(body.message ?? body.error);
    this.status = status;
    this.type = body.error_type ?? body.details?.error_type;
    this.details = body.details;
  }
}

/** Sends JSON; the token stands in the body, so that nothing is sent that a browser would add by itself. */
export async function send(path, body) {
  let answer;
  try {
    answer = await fetch(`/connect-account${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      credentials: "omit",
      referrerPolicy: "no-referrer",
      cache: "no-store",
    });
  } catch {
    throw new Refusal(0, {});
  }
  if (!answer.ok) throw new Refusal(answer.status, await answer.json().catch(() => ({})));
  return answer;
}
