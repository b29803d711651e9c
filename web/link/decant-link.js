/**
 * Connects a customer's account from inside your product's page. One module without dependencies; its types stand in
 * decant-link.d.ts, how it is used in docs/link.md.
 *
 * The page that is opened comes from the gateway, in an iframe, a popup or this window. Only messages of that page are listened to,
 * by window and by origin, and it speaks to this page only if the environment allows this page's origin.
 */

/** Where the gateway is unless `baseUrl` says so: where this module came from. */
const GATEWAY = new URL(import.meta.url).origin;
/** How long a frame that has loaded may take to say that it is there, in milliseconds. One that the browser refused to show never does. */
const GREETING = 4000;
/** How often it is looked whether a popup was closed, in milliseconds: no event tells. */
const WATCH = 200;

/** A connection that failed. Its fields are those of the page's message: `error`, `error_type`, `integration`, … */
export class LinkError extends Error {
  constructor(message) {
    super(message.error);
    this.name = "LinkError";
    Object.assign(this, message);
  }
}

/** Has a person connect an account. Fulfilled with `{result: "success", integration, integrated_account_id}`. */
export default function authenticate(linkToken, options = {}) {
  return open("/connect-account", options, {
    link_token: linkToken,
    integration: options.integration,
    integrations: options.integrations?.join(","),
    no_back: options.noBack || undefined,
    auth_format: options.authFormat,
    skip_rapid_form: options.skipRapidForm || undefined,
  });
}

export { authenticate };

/** Has a person fill in the form that follows a connection, or change what was chosen there. */
export function rapidForm(integratedAccountToken, options = {}) {
  const json = (value) => value && JSON.stringify(value);
  return open("/connect-account/post-connect", options, {
    integrated_account_session_token: integratedAccountToken,
    integration: options.integration,
    truto_additional_context: json(options.additionalContext),
    truto_prevent_deselect: json(options.preventDeselect),
    truto_disabled_fields: json(options.disabledFields),
  });
}

/**
 * What the page at `redirect_uri` was told after `sameWindow`: the result's fields, or `undefined` where there are none. Anyone can write
 * such an address: believe the event `integrated_account:active`, or ask the API, before anything depends on it.
 */
export function redirectResult(address = window.location.href) {
  const query = new URL(address).searchParams;
  return query.has("result") ? Object.fromEntries(query) : undefined;
}

function open(path, options, query) {
  const url = new URL((options.baseUrl ?? GATEWAY).replace(/\/+$/, "") + path);
  for (const [name, value] of Object.entries({ ...query, language: options.language })) {
    if (value !== undefined && value !== null) url.searchParams.set(name, value);
  }
  if (options.sameWindow) {
    window.location.assign(url);
    return new Promise(() => {}); // The page goes away.
  }
  if (options.signal?.aborted) return Promise.reject(options.signal.reason);
  url.searchParams.set("origin", window.location.origin);
  if (options.iframe === false) return inPopup(url, options);
  url.searchParams.set("iframe", "true");
  return inFrame(url, options);
}

/** The promise of what a page's message says, and what to do with each message. `leave` is called once, before either is settled. */
function outcome(url, options, source, leave) {
  let hear;
  const promise = new Promise((resolve, reject) => {
    const settle = (how, value) => {
      window.removeEventListener("message", listen);
      options.signal?.removeEventListener("abort", abort);
      leave();
      how(value);
    };
    const abort = () => settle(reject, options.signal.reason);
    const listen = (event) => {
      if (event.source !== source() || event.origin !== url.origin) return;
      const message = event.data;
      if (message === "closed") settle(reject, "closed");
      else if (message?.is_truto !== true) hear.other?.(message);
      else if (message.error) settle(reject, new LinkError(message));
      else settle(resolve, message);
    };
    hear = { reject: (reason) => settle(reject, reason), other: undefined };
    window.addEventListener("message", listen);
    options.signal?.addEventListener("abort", abort);
  });
  return { promise, hear };
}

/** A modal dialog around the frame: above everything, the rest out of reach, Escape and the focus as people expect them. */
function inFrame(url, options) {
  const dialog = document.createElement("dialog");
  Object.assign(dialog.style, {
    position: "fixed", inset: "0", width: "100%", height: "100%", maxWidth: "none", maxHeight: "none",
    margin: "0", padding: "0", border: "none", background: "transparent", overflow: "hidden",
  });
  const frame = document.createElement("iframe");
  frame.id = "truto-link-iframe";
  frame.title = "Connect";
  Object.assign(frame.style, {
    position: "fixed", top: "0", left: "0", width: "100%", height: "100%", border: "none",
    background: "rgba(0, 0, 0, 0.8)",
    // Equal to the page's, or browsers put an opaque sheet behind it.
    colorScheme: "light dark",
  });

  let waiting;
  const { overflow } = document.documentElement.style;
  const leave = () => {
    clearTimeout(waiting);
    document.documentElement.style.overflow = overflow;
    dialog.removeEventListener("close", closed);
    dialog.close();
    dialog.remove();
  };
  const { promise, hear } = outcome(url, options, () => frame.contentWindow, leave);

  let isThere = false;
  hear.other = (message) => {
    if (message?.event !== "ready") return;
    isThere = true;
    clearTimeout(waiting);
    frame.focus();
  };
  const closed = () => hear.reject("closed");
  dialog.addEventListener("close", closed);
  dialog.addEventListener("cancel", (event) => {
    if (!isThere) return; // Nobody is there to ask: closed at once.
    event.preventDefault();
    frame.contentWindow.postMessage({ is_decant: true, event: "close" }, url.origin);
  });
  frame.addEventListener("load", () => {
    if (isThere) return;
    const message = {
      result: "error",
      error:
        `The page could not be shown here: either the token is unknown, or ${window.location.origin} is not among the origins ` +
        "that the environment allows.",
      error_type: "invalid_token",
    };
    waiting = setTimeout(() => hear.reject(new LinkError(message)), GREETING);
  });

  frame.src = url;
  dialog.append(frame);
  document.body.append(dialog);
  document.documentElement.style.overflow = "hidden";
  dialog.showModal();
  return promise;
}

function inPopup(url, options) {
  const width = options.width ?? 700;
  const height = options.height ?? 800;
  const left = Math.max(0, window.screenX + (window.outerWidth - width) / 2);
  const top = Math.max(0, window.screenY + (window.outerHeight - height) / 2);
  const popup = window.open(url, "decant-connect", `popup,width=${width},height=${height},left=${left},top=${top}`);
  let watch;
  const leave = () => {
    clearInterval(watch);
    popup?.close();
  };
  const { promise, hear } = outcome(url, options, () => popup, leave);
  if (popup) watch = setInterval(() => popup.closed && hear.reject("closed"), WATCH);
  else hear.reject("blocked");
  return promise;
}
