// The form after a connection: what of the account's own data is to be used.

import { paint } from "./brand.js";
import { h } from "./dom.js";
import { alert, complain, complaint, control, submit } from "./form.js";
import { remember } from "./host.js";
import { ask, language, text } from "./session.js";
import { succeed } from "./success.js";
import { belongsTo, product, show, stop } from "./view.js";

/**
 * Shows the form of an account token. `connected` is given when the connection was made just now, on this page: then leaving early is a
 * success too.
 */
export async function postConnect(query, connected) {
  const token = query.integrated_account_session_token ?? "";
  const guards = json(query.truto_prevent_deselect) ?? {};
  const locked = json(query.truto_disabled_fields) ?? {};
  const additional_context = json(query.truto_additional_context);
  let form;
  try {
    form = await ask("/post-connect/start", {
      integrated_account_session_token: token, integration: query.integration, additional_context, language,
    });
  } catch (refusal) {
    return refused(refusal, query, connected);
  }
  paint(form.environment.brand);
  belongsTo(form.environment.brand);
  const platform = connected?.platform ?? { name: form.integration, label: form.label };
  const values = { platform: platform.label, product: product() };

  const controls = form.fields.map((field) => control(field, {
    guard: guards[field.name] ?? {}, disabled: locked[field.name], changed: () => follow(field.name),
  }));
  const read = () => Object.fromEntries(controls.map((one) => [one.name, one.read()]));

  /** Asks anew for the options of fields that depend on one that was changed. */
  async function follow(changed) {
    const dependents = form.fields.filter(({ depends_on }) => [depends_on ?? []].flat().includes(changed));
    for (const { name } of dependents) {
      const one = controls.find((other) => other.name === name);
      if (!one.offer) continue;
      try {
        const { options } = await ask("/post-connect/options", {
          integrated_account_session_token: token, field: name, values: read(), additional_context, language,
        });
        one.offer(options);
      } catch (refusal) {
        one.complain(refusal.message || text("unreachable_title"));
      }
    }
  }

  const button = submit(text("save"));
  const notice = h("div", null);
  const node = h("form", { novalidate: true }, notice, controls.map((one) => one.node), button.node);
  node.addEventListener("submit", async (event) => {
    event.preventDefault();
    const filled = read();
    const complaints = Object.fromEntries(form.fields.map((field) => [field.name, complaint(field, filled[field.name])]));
    if (complain(controls, complaints)) return;
    button.busy(true);
    try {
      const saved = await ask("/post-connect/submit", { integrated_account_session_token: token, values: filled, additional_context });
      remember(saved);
      succeed(platform, text(connected ? "success_heading" : "form_saved_heading", values), values);
    } catch (refusal) {
      button.busy(false);
      const fields = refusal.details?.failures ?? [];
      complain(controls, Object.fromEntries(fields.map(({ field, message }) => [field, message])));
      notice.replaceChildren(alert(text("form_failed_title"), refusal.message || text("unreachable_advice", values)));
      notice.firstChild.focus();
    }
  });
  show({ name: "form", platform, heading: text("form_heading", values) },
    h("p", { class: "lead" }, text(connected ? "form_connected_lead" : "form_lead", values)), node);
}

/** A form that can't be shown. The account that was connected just now stays connected. */
function refused(refusal, query, connected) {
  const type = refusal.status === 401 ? "invalid_token" : "rapid_form_error";
  if (!connected) {
    remember({ result: "error", error: refusal.message || text("unreachable_title"), error_type: type, integration: query.integration });
  }
  const again = h("button", { type: "button", class: "primary", onclick: () => postConnect(query, connected) }, text("try_again"));
  if (type === "invalid_token") return stop("form_expired");
  stop(refusal.status === 0 ? "unreachable" : "form_refused", [refusal.message && h("p", { class: "help" }, refusal.message), again]);
}

function json(given) {
  try {
    return JSON.parse(given);
  } catch {
    return undefined;
  }
}
