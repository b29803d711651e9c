// It worked. The page closes itself, where there is something to go back to.

import { h, icon } from "./dom.js";
import { canLeave, leave } from "./host.js";
import { text } from "./session.js";
import { show } from "./view.js";

/** How long it stays, in milliseconds: long enough to be read. */
const STAY = 2000;

/** Says so under a heading, and goes. */
export function succeed(platform, heading, values) {
  const isLeaving = canLeave();
  show({ name: "success", platform, heading },
    h("div", { class: "seal", "aria-hidden": "true" }, icon("check")),
    h("p", { class: "lead", role: "status" }, text(isLeaving ? "success_leaving" : "success_stay", values)),
    isLeaving && h("button", { type: "button", class: "primary", onclick: leave }, text("done")));
  if (isLeaving) setTimeout(leave, STAY);
}
