// Fields of a form: what a person fills in to connect, and what is asked afterwards. One control a field, with its label, its help and
// its complaint, all tied together for those who do not see them.

import { h, icon } from "./dom.js";
import { text } from "./session.js";

/**
 * A field's control: `node` to show, `read()` for its value, `complain(message)` and `focus()`. `changed` is called when the value was.
 */
export function control(field, { value, changed, guard = {}, disabled } = {}) {
  const kind = KINDS[field.type ?? "text"] ?? KINDS.text;
  return kind(field, { value: value ?? field.value ?? field.default, changed, guard, disabled });
}

/** What is wrong with a text, in the words of the form; `undefined` when nothing is. */
export function complaint(field, value) {
  const isEmpty = value === "" || value === undefined || value === false || value?.length === 0;
  if (isEmpty) return field.required ? text("field_required") : undefined;
  const shape = SHAPES[field.format];
  return shape && !shape.test(value) ? text(`field_${field.format}`) : undefined;
}

/** What a named format allows; the gateway holds the same. */
const SHAPES = {
  subdomain: /^[a-z0-9][a-z0-9-]{0,62}$/i,
  token: /^[!-~]+$/,
};

/** A text as the gateway will keep it. Of a pasted address only what is asked for: the host's label before `host_suffix`. */
export function tidy(field, value) {
  const tidied = labelBefore(field.host_suffix, value.trim()) ?? value.trim();
  return field.transform === "lowercase" ? tidied.toLowerCase() : tidied;
}

function labelBefore(suffix, value) {
  const address = value.includes("://") ? value : `https://${value}`;
  if (!suffix || !URL.canParse(address)) return undefined;
  const { hostname } = new URL(address);
  const label = hostname.endsWith(`.${suffix}`) ? hostname.slice(0, -suffix.length - 1) : "";
  return label === "" || label.includes(".") ? undefined : label;
}

/** Shows complaints and moves to the first; whether there were any. `complaints` is by field name. */
export function complain(controls, complaints) {
  let first;
  for (const one of controls) {
    const message = complaints[one.name];
    one.complain(message);
    if (message) first ??= one;
  }
  first?.focus();
  return first !== undefined;
}

const KINDS = { text: line, password: secret, single_select: choice, multi_select: choices, checkbox: tick, hidden };

/** A text whose addresses may go on in the next line after each dot. */
function breakable(said) {
  return said.split(/(?<=\w\.)(?=\w)/).flatMap((part) => [h("wbr"), part]).slice(1);
}

/** What surrounds an input: label, help, complaint. */
function framed(field, input, ...beside) {
  const id = `field-${field.name}`;
  input.id = id;
  const help = field.help_text && h("p", { class: "help", id: `${id}-help` }, breakable(field.help_text));
  const note = h("p", { class: "note", id: `${id}-note`, "aria-live": "polite" });
  const error = h("p", { class: "error", id: `${id}-error`, hidden: true });
  const described = [help && `${id}-help`, `${id}-note`].filter(Boolean);
  input.setAttribute("aria-describedby", described.join(" "));
  const node = h("div", { class: "field" },
    h("label", { for: id }, field.label, !field.required && h("span", { class: "optional" }, text("field_optional"))),
    h("div", { class: "input" }, input, beside), help, note, error);
  return {
    name: field.name,
    node,
    note: (message) => note.replaceChildren(message ?? ""),
    complain: (message) => {
      error.replaceChildren(message ?? "");
      error.hidden = !message;
      if (message) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
      input.setAttribute("aria-describedby", [...described, message && `${id}-error`].filter(Boolean).join(" "));
    },
    focus: () => input.focus(),
  };
}

function line(field, { value, changed, disabled }) {
  const input = h("input", {
    type: "text", name: field.name, placeholder: field.placeholder, "aria-required": field.required && "true",
    autocomplete: "off", autocapitalize: "none", spellcheck: "false", disabled: disabled !== undefined,
  });
  input.value = value ?? "";
  const one = framed(field, input);
  const settle = () => {
    const tidied = tidy(field, input.value);
    const isAddress = tidied !== "" && tidied.length < input.value.trim().length;
    if (tidied !== input.value) input.value = tidied;
    one.note(isAddress ? text("field_from_address", { value: tidied }) : undefined);
  };
  // What was pasted is tidied when it is there, what is typed when it is finished.
  input.addEventListener("paste", () => setTimeout(settle));
  input.addEventListener("change", () => {
    settle();
    changed?.();
  });
  input.addEventListener("input", () => one.complain());
  if (disabled) one.note(disabled.message);
  return { ...one, read: () => tidy(field, input.value) };
}

function secret(field, { value, changed, disabled }) {
  const input = h("input", {
    type: "password", name: field.name, placeholder: field.placeholder, "aria-required": field.required && "true",
    autocomplete: "off", autocapitalize: "none", spellcheck: "false", disabled: disabled !== undefined,
  });
  input.value = value ?? "";
  const look = h("button", { type: "button", class: "look", "aria-pressed": "false", "aria-label": text("field_show_label", { label: field.label }) },
    text("field_show"));
  look.addEventListener("click", () => {
    const isShown = input.type === "text";
    input.type = isShown ? "password" : "text";
    look.setAttribute("aria-pressed", String(!isShown));
    look.replaceChildren(text(isShown ? "field_show" : "field_hide"));
  });
  const one = framed(field, input, look);
  input.addEventListener("input", () => one.complain());
  input.addEventListener("change", () => changed?.());
  if (disabled) one.note(disabled.message);
  return { ...one, read: () => tidy(field, input.value) };
}

function choice(field, { value, changed, guard, disabled }) {
  const select = h("select", { name: field.name, "aria-required": field.required && "true", disabled: disabled !== undefined });
  const one = framed(field, select);
  const fill = (options, chosen) => {
    const empty = options.length === 0 ? field.disabled_text : undefined;
    const first = h("option", { value: "" }, empty ?? field.placeholder ?? text("field_choose"));
    select.replaceChildren(first, ...options.map(({ value: of, label, subText }) =>
      h("option", { value: of }, subText ? `${label} – ${subText}` : label)));
    select.value = chosen ?? "";
    if (select.selectedIndex < 0) select.value = "";
  };
  fill(field.options ?? [], value);
  let last = select.value;
  select.addEventListener("change", () => {
    if (guard.message && last !== "" && select.value !== last) {
      select.value = last;
      one.note(guard.message);
      return;
    }
    last = select.value;
    one.complain();
    changed?.();
  });
  if (disabled) one.note(disabled.message);
  return { ...one, read: () => select.value, offer: (options) => fill(options, select.value) };
}

function choices(field, { value, changed, guard, disabled }) {
  const id = `field-${field.name}`;
  const error = h("p", { class: "error", id: `${id}-error`, hidden: true });
  const note = h("p", { class: "note", id: `${id}-note`, "aria-live": "polite" });
  const list = h("div", { class: "choices" });
  const described = [field.help_text && `${id}-help`, `${id}-note`, `${id}-error`].filter(Boolean).join(" ");
  const node = h("fieldset", { class: "field", id, "aria-describedby": described, disabled: disabled !== undefined },
    h("legend", null, field.label, !field.required && h("span", { class: "optional" }, text("field_optional"))),
    field.help_text && h("p", { class: "help", id: `${id}-help` }, breakable(field.help_text)), list, note, error);
  const chosen = new Set((Array.isArray(value) ? value : []).map(String));
  const kept = new Set(guard.message ? chosen : []);

  const fill = (options) => {
    const rows = options.map((option) => {
      const box = h("input", { type: "checkbox", value: option.value });
      box.checked = chosen.has(String(option.value));
      box.addEventListener("change", () => {
        if (!box.checked && kept.has(box.value)) {
          box.checked = true;
          note.replaceChildren(guard.message);
          return;
        }
        if (box.checked) chosen.add(box.value);
        else chosen.delete(box.value);
        show(undefined);
        changed?.();
      });
      return h("label", { class: "choice" }, box,
        h("span", null, option.label, option.subText && h("span", { class: "sub" }, option.subText)));
    });
    list.replaceChildren(...(rows.length > 0 ? rows : [h("p", { class: "help" }, field.disabled_text ?? text("field_no_options"))]));
  };
  const show = (message) => {
    error.replaceChildren(message ?? "");
    error.hidden = !message;
  };
  fill(field.options ?? []);
  if (disabled) note.replaceChildren(disabled.message);
  return {
    name: field.name,
    node,
    // In the order in which they are offered.
    read: () => [...list.querySelectorAll("input:checked")].map((box) => box.value),
    complain: show,
    focus: () => list.querySelector("input")?.focus(),
    offer: fill,
  };
}

function tick(field, { value, changed, disabled }) {
  const id = `field-${field.name}`;
  const box = h("input", { type: "checkbox", id, "aria-describedby": `${id}-note ${id}-error`, disabled: disabled !== undefined });
  box.checked = value === true || value === "true";
  const error = h("p", { class: "error", id: `${id}-error`, hidden: true });
  const note = h("p", { class: "note", id: `${id}-note` }, disabled?.message ?? field.help_text ?? "");
  box.addEventListener("change", () => changed?.());
  return {
    name: field.name,
    node: h("div", { class: "field" }, h("label", { class: "choice" }, box, h("span", null, field.label)), note, error),
    read: () => box.checked,
    complain: (message) => {
      error.replaceChildren(message ?? "");
      error.hidden = !message;
    },
    focus: () => box.focus(),
  };
}

function hidden(field, { value }) {
  return { name: field.name, node: h("span", { hidden: true }), read: () => value ?? "", complain: () => {}, focus: () => {} };
}

/** What stands at the end of a form: its one button, with a sign while it works. */
export function submit(label) {
  const button = h("button", { type: "submit", class: "primary" }, h("span", null, label));
  return {
    node: button,
    busy: (isBusy) => {
      button.setAttribute("aria-busy", String(isBusy));
      button.disabled = isBusy;
      if (isBusy) button.prepend(h("span", { class: "spinner", "aria-hidden": "true" }));
      else button.querySelector(".spinner")?.remove();
    },
  };
}

/** A message above a form: what went wrong and what to do. It takes the focus, so that it is read first. */
export function alert(title, advice, more) {
  return h("div", { class: "alert", role: "alert", tabindex: "-1" }, icon("alert"),
    h("div", null, h("h2", null, title), h("p", null, advice), more));
}
