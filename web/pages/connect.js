// Connecting an account: choose the integration, fill in its form, watch it being connected.

import { paint, mark } from "./brand.js";
import { h, icon } from "./dom.js";
import { alert, complain, complaint, control, submit } from "./form.js";
import { mode, redirectTo, remember, report } from "./host.js";
import { postConnect } from "./post-connect.js";
import { lines, progress } from "./progress.js";
import { ask, has, language, query, recall, Refusal, send, store, text } from "./session.js";
import { awaitHandOver, handOver, openSignIn } from "./sign-in.js";
import { succeed } from "./success.js";
import { belongsTo, product, show, stop } from "./view.js";

/** What the gateway offers for this token. */
let offer;
/** From this many on, integrations are searched through. */
const MANY = 7;

/** Begins with what the token allows. */
export async function connect() {
  if (!(await start(connect))) return;
  const [only, ...others] = offer.integrations;
  if (others.length === 0) fill(only);
  else choose();
}

/** Goes on where a platform's own page led back to, with what it brought. */
export async function resume(brought) {
  if (handOver(brought)) return;
  // After a reload there is nothing any more; it was taken.
  if (!brought?.state) return connect();
  if (!(await start(() => resume(brought)))) return;
  const { integration: name, format: way } = recall();
  const integration = offer.integrations.find((one) => one.name === name) ?? offer.integrations[0];
  const format = integration.formats.find((one) => one.name === way) ?? integration.formats[0];
  await follow("/callback", brought, integration, { format, given: {} });
}

/** Asks what is offered; whether it may be gone on with. */
async function start(again) {
  try {
    offer = await ask("/start", {
      link_token: query.link_token ?? "",
      integration: query.integration,
      integrations: query.integrations?.split(",").filter(Boolean),
      auth_format: query.auth_format,
      language,
    });
  } catch (refusal) {
    refused(refusal, again);
    return false;
  }
  paint(offer.environment.brand);
  belongsTo(offer.environment.brand);
  redirectTo(offer.redirect_uri);
  return true;
}

/** What can't be begun: a token or an integration that only the product can replace, or a gateway that is not reached. */
function refused(refusal, again) {
  const { type } = refusal;
  if (type !== "invalid_token" && type !== "invalid_integration") {
    const retry = h("button", { type: "button", class: "primary", onclick: again }, text("try_again"));
    return stop(refusal.status === 429 ? "busy" : "unreachable", retry);
  }
  report({ result: "error", error: refusal.message || text(`${type}_title`), error_type: type, integration: query.integration });
  stop(type);
}

/** Several integrations: which one? */
function choose() {
  const byLabel = offer.integrations.toSorted((left, right) => left.label.localeCompare(right.label, language));
  const rows = byLabel.map((integration) => ({
    integration,
    node: h("li", null, h("button", { type: "button", class: "row", onclick: () => fill(integration) },
      mark(integration.label, integration.logo),
      h("span", { class: "row-text" }, h("strong", null, integration.label), integration.description && h("span", { class: "sub" }, integration.description)),
      icon("next"))),
  }));
  const none = h("p", { class: "help", role: "status", hidden: true }, text("choose_none"));
  const search = h("input", { type: "search", "aria-label": text("choose_search"), placeholder: text("choose_search"), autocomplete: "off" });
  search.addEventListener("input", () => {
    const wanted = search.value.trim().toLowerCase();
    for (const { integration, node } of rows) node.hidden = !integration.label.toLowerCase().includes(wanted);
    none.hidden = rows.some(({ node }) => !node.hidden);
  });
  show({ name: "choose", heading: text("choose_heading") },
    rows.length >= MANY && h("div", { class: "input search" }, search),
    h("ul", { class: "rows" }, rows.map(({ node }) => node)), none);
}

/**
 * The form of an integration. `given` are the values so far, `failure` what came of them.
 */
function fill(integration, { format = integration.formats[0], given = {}, failure } = {}) {
  const platform = integration.label;
  const values = { platform, product: product() };
  const known = offer.account?.context ?? {};
  const controls = format.fields.map((field) => control(field, { value: given[field.name] ?? known[field.name] }));
  const isRedirect = format.name === "oauth2";
  const label = failure ? "try_again" : isRedirect ? "continue_to" : offer.reconnect ? "reconnect" : "connect";
  const button = submit(text(label, values));

  const form = h("form", { novalidate: true },
    controls.map(({ node }) => node),
    button.node);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const read = Object.fromEntries(controls.map((one) => [one.name, one.read()]));
    const complaints = Object.fromEntries(format.fields.map((field) => [field.name, complaint(field, read[field.name])]));
    if (complain(controls, complaints)) return;
    button.busy(true);
    const body = { integration: integration.name, authentication_method: format.name, values: read };
    await follow("/connect", body, integration, { format, given: read });
  });

  const others = integration.formats.filter((other) => other !== format);
  const ways = others.map((other) =>
    h("button", { type: "button", class: "link", onclick: () => fill(integration, { format: other }) }, text("other_way", { way: other.label ?? text(`format_${other.name}`) })));
  const mayGoBack = offer.integrations.length > 1 && query.no_back !== "true";
  show(
    {
      name: "form", platform: integration, back: mayGoBack ? choose : undefined,
      heading: text(offer.reconnect ? "reconnect_heading" : "connect_heading", values),
    },
    failure && alert(failure.title, failure.advice, failure.said && h("details", null, h("summary", null, text("said", values)), h("p", null, failure.said))),
    !failure && (format.permissions_text || integration.description) &&
      h("p", { class: "lead" }, format.permissions_text ?? integration.description),
    form,
    h("footer", null,
      format.documentation_link && /^https:\/\//.test(format.documentation_link) &&
        h("a", { href: format.documentation_link, target: "_blank", rel: "noopener noreferrer" }, text("where_to_find", values)),
      ways,
      format.fields.length > 0 && h("p", { class: "sealed" }, icon("lock"), text("sealed"))));
  if (!failure) return;
  for (const one of controls) one.complain(failure.complaints[one.name]);
  document.querySelector(".alert").focus();
}

/** Has the gateway connect, and shows each step as it tells of it. `form` is what to go back to when it fails. */
async function follow(path, body, integration, form) {
  const steps = progress(integration);
  let last;
  try {
    const answer = await send(path, { link_token: query.link_token, ...body });
    for await (const line of lines(answer.body)) {
      if (line.step === "redirect") return lead(integration, form, line.url);
      if (line.step) steps.begin(line.step);
      else last = line;
    }
  } catch (error) {
    if (!(error instanceof Refusal) && !(error instanceof TypeError)) throw error;
    if (error.type) last = { result: "error", error: error.message, error_type: error.type };
  }
  // Broken off without a result: the connection to the gateway was lost, or it refused.
  last ??= { result: "error", error: text("unreachable_title"), error_type: "connection_error", problem: { code: "unreachable" } };
  await finish(integration, last, form);
}

/** What came of it. */
async function finish(integration, last, form) {
  if (last.result === "success") {
    const result = { result: "success", integration: last.integration, integrated_account_id: last.integrated_account_id };
    remember(result);
    if (last.post_connect_form && query.skip_rapid_form !== "true") {
      return postConnect({ ...query, integrated_account_session_token: last.integrated_account_token }, { platform: integration, result });
    }
    const values = { platform: integration.label, product: product() };
    return succeed(integration, text(offer?.reconnect ? "success_again_heading" : "success_heading", values), values);
  }
  const { error, error_type, integrated_account_id, problem } = last;
  remember({ result: "error", error, error_type, integration: integration.name, integrated_account_id, problem });
  if (error_type === "invalid_token" || error_type === "invalid_integration") return stop(error_type);
  fill(integration, { ...form, failure: explain(integration, form, last) });
}

/** A failure in plain words: what happened, what to do, which fields it is about. */
function explain(integration, { format, given }, { error, problem = {} }) {
  const code = has(`problem_${problem.code}_title`) ? problem.code : "unexpected";
  const first = format.fields.find(({ type = "text" }) => type === "text");
  const values = {
    platform: integration.label, product: product(), permission: problem.permission ?? text("a_permission"),
    account: given[first?.name] ?? "",
  };
  const complaints = Object.fromEntries((problem.fields ?? []).map(({ field, message }) => [field, message]));
  if (code === "unknown_account" && first) complaints[first.name] ??= text("field_unknown_account");
  if (code === "credentials_refused") {
    for (const { name, type } of format.fields) if (type === "password") complaints[name] ??= text("field_check_again");
  }
  return {
    title: text(`problem_${code}_title`, values),
    advice: text(`problem_${code}_advice`, values),
    said: code === "unexpected" ? error : undefined,
    complaints,
  };
}

/** Over to the platform's own page, on which the person agrees; it leads back to `/connect-account/callback`. */
function lead(integration, form, url) {
  if (mode !== "iframe") {
    store({ integration: integration.name, format: form.format.name });
    return location.assign(url);
  }
  const values = { platform: integration.label };
  awaitHandOver((brought) => follow("/callback", brought, integration, form));
  const open = h("button", { type: "button", class: "primary", onclick: () => openSignIn(url) }, text("continue_to", values));
  show({ name: "sign-in", platform: integration, heading: text("sign_in_heading", values) },
    h("p", { class: "lead" }, text("sign_in_advice", values)), open);
}
