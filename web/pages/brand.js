// The product's colour and logo. A colour that can't be read on the page's ground is moved until it can.

import { h } from "./dom.js";

/** The grounds of page.css, light and dark. */
const GROUNDS = { light: [255, 255, 255], dark: [31, 28, 30] };
/** The least contrast of text (WCAG 2.2, 1.4.3). */
const READABLE = 4.5;

/** Sets the colours that page.css reads. */
export function paint(brand) {
  const color = rgb(brand?.color);
  if (!color) return;
  const style = document.documentElement.style;
  style.setProperty("--brand", hex(color));
  style.setProperty("--on-brand", contrast(color, [255, 255, 255]) >= READABLE ? "#ffffff" : "#000000");
  for (const [scheme, ground] of Object.entries(GROUNDS)) {
    style.setProperty(`--accent-${scheme}`, hex(readable(color, ground)));
  }
}

/** A logo, or the name's first letter. `kind` is a class of page.css. */
export function mark(name, logo, kind = "") {
  const letter = h("span", { class: `mark ${kind}`, "aria-hidden": "true" }, [...(name ?? "")][0]?.toUpperCase() ?? "");
  if (!/^https:\/\//i.test(logo ?? "")) return letter;
  const image = h("img", { class: "mark", alt: "", src: logo, referrerpolicy: "no-referrer" });
  image.addEventListener("error", () => image.replaceWith(letter));
  return image;
}

function rgb(color) {
  const match = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(color ?? "");
  return match?.slice(1).map((part) => parseInt(part, 16));
}

function hex(color) {
  return `#${color.map((part) => Math.round(part).toString(16).padStart(2, "0")).join("")}`;
}

/** Mixed with white or black, whichever leads away from the ground, as little as needed. */
function readable(color, ground) {
  const away = luminance(ground) > 0.5 ? 0 : 255;
  for (let share = 0; share < 1; share += 0.05) {
    const mixed = color.map((part) => part + (away - part) * share);
    if (contrast(mixed, ground) >= READABLE) return mixed;
  }
  return [away, away, away];
}

function contrast(one, other) {
  const [dark, light] = [luminance(one), luminance(other)].sort((left, right) => left - right);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(color) {
  const [red, green, blue] = color.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
