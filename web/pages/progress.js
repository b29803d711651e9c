// A connection being made: the gateway tells of each step in a line of JSON, as it happens.

import { h, icon } from "./dom.js";
import { text } from "./session.js";
import { show } from "./view.js";

const STEPS = ["created", "post_install", "validation"];

/** Shows the steps. `begin(step)` is for each that the gateway tells of. */
export function progress(integration) {
  const values = { platform: integration.label };
  const items = STEPS.map((step) => h("li", { "data-state": "waits" },
    h("span", { class: "state", "aria-hidden": "true" }, icon("check")), text(`step_${step}`, values)));
  const said = h("p", { class: "unseen", role: "status" });
  show({ name: "progress", platform: integration, heading: text("progress_heading", values), isBusy: true },
    h("ol", { class: "steps" }, items), said);
  const at = (index) => {
    items.forEach((item, place) => {
      item.dataset.state = place < index ? "done" : place === index ? "runs" : "waits";
    });
    if (STEPS[index]) said.replaceChildren(text(`step_${STEPS[index]}`, values));
  };
  at(0);
  // An account that was created is done with that; any other step is told of when it begins.
  return { begin: (step) => STEPS.includes(step) && at(STEPS.indexOf(step) + (step === "created" ? 1 : 0)) };
}

/** The lines of a stream of JSON, as they come. */
export async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    for (const part of parts) if (part.trim()) yield JSON.parse(part);
  }
  if (rest.trim()) yield JSON.parse(rest);
}
