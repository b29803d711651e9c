// What all views have in common: the card with its head, the change from one view to the next.

import { mark } from "./brand.js";
import { h, icon } from "./dom.js";
import { canLeave, leave, mode } from "./host.js";
import { text } from "./session.js";

const card = document.getElementById("card");
document.documentElement.classList.add(`in-${mode}`);

let brand = {};

/** Whose page it is. */
export function belongsTo(owner) {
  brand = owner ?? {};
}

/** The product's name, or a word for it. */
export function product() {
  return brand.name || text("product");
}

/**
 * Shows a view in place of the last. `platform` adds its mark to the product's, `back` a way back. The heading takes the focus: a screen
 * reader begins there.
 */
export function show({ heading, platform, back, isBusy = false, name }, ...content) {
  document.title = heading;
  card.dataset.view = name;
  card.setAttribute("aria-busy", String(isBusy));
  const top = h("h1", { id: "heading", tabindex: "-1" }, heading);
  card.setAttribute("aria-labelledby", "heading");
  card.replaceChildren(
    h("header", null,
      back
        ? h("button", { type: "button", class: "quiet", "aria-label": text("back"), onclick: back }, icon("back"))
        : h("span", { class: "quiet" }),
      marks(platform),
      canLeave()
        ? h("button", { type: "button", class: "quiet", "aria-label": text("close"), onclick: leave }, icon("close"))
        : h("span", { class: "quiet" })),
    top, ...content.flat().filter(Boolean));
  window.scrollTo(0, 0);
  top.focus({ preventScroll: true });
}

function marks(platform) {
  const own = brand.name || brand.logo_url ? mark(brand.name, brand.logo_url, "own") : undefined;
  if (!platform) return h("div", { class: "marks" }, own);
  return h("div", { class: "marks" }, own, own && icon("dots"), mark(platform.label, platform.logo));
}

/** What can't be gone on with. */
export function stop(key, more) {
  const values = { product: product() };
  show({ name: "stop", heading: text(`${key}_title`) }, h("p", { class: "lead" }, text(`${key}_advice`, values)), more,
    canLeave() && h("button", { type: "button", class: "primary", onclick: leave }, text("close")));
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && canLeave()) leave();
});
