// A platform's own page, on which the person agrees. It refuses to be shown in a frame: from there it gets a window of its own, which leads
// back to a page of ours, and that hands over what it was brought.

/** That window's name, by which the page in it knows what it is. */
const NAME = "decant-sign-in";

let signIn;

/** Opens it; from a click, or browsers refuse. */
export function openSignIn(url) {
  signIn = window.open(url, NAME, "popup,width=600,height=760");
}

/** Waits for what it brings. */
export function awaitHandOver(take) {
  const listen = (event) => {
    if (event.origin !== location.origin || event.source !== signIn || event.data?.event !== "brought") return;
    window.removeEventListener("message", listen);
    take(event.data.brought);
  };
  window.addEventListener("message", listen);
}

/** In that window: gives what was brought to the page that waits for it. Whether this is that window. */
export function handOver(brought) {
  if (window.name !== NAME || !window.opener) return false;
  window.opener.postMessage({ is_decant: true, event: "brought", brought }, location.origin);
  window.close();
  return true;
}
