// The playground: makes tokens as a backend would, opens the page with the SDK, shows the events as they arrive.

import authenticate, { rapidForm, redirectResult } from "/link/v1.js";

const options = document.getElementById("options");
const outcome = document.getElementById("outcome");
const log = document.getElementById("log");
/** How often it is looked for new events, in milliseconds. */
const PAUSE = 1000;

function h(tag, attributes, ...children) {
  const element = Object.assign(document.createElement(tag), attributes);
  element.append(...children);
  return element;
}

async function ask(path, body) {
  const answer = await fetch(`/playground/${path}`, body && {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
  });
  const json = await answer.json();
  if (!answer.ok) throw new Error(json.message);
  return json;
}

function say(value) {
  const fields = value instanceof Error ? { ...value, message: value.message } : value;
  outcome.replaceChildren(typeof fields === "string" ? fields : JSON.stringify(fields, null, 2));
}

/** What was chosen, as the SDK takes it. */
function chosen() {
  const { mode, language, account } = Object.fromEntries(new FormData(options));
  const given = { ...(mode === "popup" && { iframe: false }), ...(mode === "sameWindow" && { sameWindow: true }), ...(language && { language }) };
  return { given, account };
}

function code() {
  const { given, account } = chosen();
  const more = Object.keys(given).length > 0 ? `, ${JSON.stringify(given)}` : "";
  const body = account ? `{"integrated_account_id": "${account}"}` : '{"tenant_id": "playground"}';
  document.getElementById("code").replaceChildren(
    `// your backend: POST /link-token ${body}\n` +
    `import authenticate from "${location.origin}/link/v1.js";\n\n` +
    `const result = await authenticate(linkToken${more});`);
  document.getElementById("form").disabled = !account;
}

async function run(begin) {
  say("…");
  try {
    say(await begin());
  } catch (reason) {
    say(reason);
  }
}

options.addEventListener("change", code);
options.addEventListener("submit", (event) => {
  event.preventDefault();
  const { given, account } = chosen();
  run(async () => {
    const whose = account ? { integrated_account_id: account } : { tenant_id: "playground" };
    const { link_token } = await ask("link-token", { ...whose, redirect_uri: location.origin + location.pathname });
    return authenticate(link_token, given);
  });
});
document.getElementById("form").addEventListener("click", () => {
  const { given, account } = chosen();
  run(async () => rapidForm((await ask("account-token", { id: account })).integrated_account_token, given));
});

function winery({ company, tenant, app_id, app_secret }) {
  const rows = [["Tenant", tenant], ["App ID", app_id], ["App secret key", app_secret]].flatMap(([label, value]) => {
    const copy = h("button", { type: "button", title: `Copy ${label}` }, value);
    copy.addEventListener("click", async () => {
      await navigator.clipboard?.writeText(value);
      copy.replaceChildren("copied");
      setTimeout(() => copy.replaceChildren(value), 900);
    });
    return [h("dt", null, label), h("dd", null, copy)];
  });
  return [h("p", { className: "company" }, company), h("dl", null, ...rows)];
}

const seen = new Set();
const accounts = new Map();

/** An account that came to be, changed or went: what can be connected again. */
function follow({ event, payload }) {
  if (!event.startsWith("integrated_account:")) return;
  if (event === "integrated_account:deleted") accounts.delete(payload.id);
  else accounts.set(payload.id, `${payload.tenant_id}, ${payload.status}`);
  const select = options.elements.account;
  const { value } = select;
  select.replaceChildren(h("option", { value: "" }, "a new one"),
    ...[...accounts].map(([id, label]) => h("option", { value: id }, label)));
  select.value = accounts.has(value) ? value : "";
  code();
}

async function watch() {
  try {
    const { result } = await ask("events");
    for (const event of result.reverse()) {
      if (seen.has(event.id)) continue;
      seen.add(event.id);
      follow(event);
      const why = event.payload?.last_error?.message;
      const when = h("time", { dateTime: event.created_at }, new Date(event.created_at).toLocaleTimeString());
      const row = h("li", { className: "new" }, event.event, when);
      if (why && event.event.endsWith("error")) row.append(h("span", { className: "why" }, why));
      log.querySelector(".none")?.remove();
      log.prepend(row);
    }
  } catch {
    // The demo was ended, or is about to answer again.
  }
  setTimeout(watch, PAUSE);
}

const { wineries } = await ask("wineries");
document.getElementById("wineries").replaceChildren(...wineries.flatMap(winery));
const redirected = redirectResult();
if (redirected) {
  say(redirected);
  history.replaceState(null, "", location.pathname);
}
code();
watch();
