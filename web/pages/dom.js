// Making elements. Text is only ever set as text: nothing that comes from outside is read as HTML.

const SVG = "http://www.w3.org/2000/svg";

/** An element with its attributes, listeners (`onclick: …`) and children; `false`, `null` and `undefined` are left out. */
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  set(element, attributes);
  element.append(...children.flat().filter((child) => child !== false && child !== null && child !== undefined));
  return element;
}

function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
}

/** The drawings, each one path in a square of 24. */
const ICONS = {
  back: "M15 5l-7 7 7 7",
  close: "M6 6l12 12M18 6L6 18",
  check: "M5 12.5l4.5 4.5L19 7.5",
  next: "M9 5l7 7-7 7",
  lock: "M7 11V8a5 5 0 0110 0v3M6 11h12v9H6z",
  alert: "M12 7.5v6M12 16.8v.2M12 3a9 9 0 100 18 9 9 0 000-18z",
  dots: "M5 12h.01M12 12h.01M19 12h.01",
};

/** A drawing that says nothing to a screen reader. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  set(svg, { viewBox: "0 0 24 24", class: `icon icon-${name}`, "aria-hidden": "true", focusable: "false" });
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}
