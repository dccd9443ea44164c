// The operators' page: asks for the state once a second and shows it. Everything that comes from a caller is
// written as text, never as markup. Elements are kept and only their text changes, so the keyboard's focus stays.
"use strict";

const POLL_MS = 1000;
const MESSAGE_MS = 10000;
const texts = JSON.parse(document.documentElement.dataset.texts);
const reasons = new Map();
const $ = (id) => document.getElementById(id);
const word = (key) => texts[key] ?? key;

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text; // else screen readers would repeat it
}

function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

async function request(path, body) {
  const options = { headers: { "Accept-Language": document.documentElement.lang }, signal: AbortSignal.timeout(8000) };
  if (body !== undefined) {
    options.method = "POST";
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const response = await fetch(path, options);
  return { status: response.status, data: await response.json() };
}

function showBanner(text) {
  setText($("banner"), text);
  $("banner").hidden = !text;
}

let forget = 0;

function showMessage(text) {
  setText($("message"), text);
  clearTimeout(forget);
  forget = setTimeout(() => setText($("message"), ""), MESSAGE_MS);
}

function showLogin() {
  if ($("banner").textContent === word("no_connection")) showBanner("");
  if (!$("login").hidden) return;
  showBanner("");
  $("desk").hidden = true;
  $("login").hidden = false;
  setText($("who"), "");
  $("login").elements.id.focus();
}

function stateOf(me) {
  if (me.activity === "idle") {
    if (me.presence !== "paused") return word(me.presence);
    const reason = reasons.get(me.reason);
    return reason ? `${word("paused")}: ${reason}` : word("paused");
  }
  const state = word(me.activity);
  return me.presence === "paused" ? `${state}, ${word("paused_after")}` : state;
}

function bannerOf(me, recording) {
  const byController = ["missed", "busy", "unreachable"].includes(me.reason);
  const pause = me.presence === "paused" && byController ? `${word(me.reason)} ${word("press_return")}` : "";
  return [pause, recording ? "" : word("not_recording")].filter(Boolean).join(" ");
}

function showCall(call) {
  $("call").hidden = !call;
  if (!call) return;
  setText($("number"), call.number || word("anonymous"));
  setText($("urgency"), word(call.urgency));
  $("urgency").dataset.urgency = call.urgency;
  setText($("customer"), call.customer || call.name || "—");
  setText($("role"), call.role || "—");
  setText($("inn"), call.inn || "—");
  setText($("identification"), word(call.identification));
  setText($("waited"), duration(call.waited));
}

function colleagueRow(colleague) {
  const row = document.createElement("li");
  const title = document.createElement("span");
  row.append(title);
  for (const [consult, label] of [[false, "directly"], [true, "talk_first"]]) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = word(label);
    button.setAttribute("aria-label", `${colleague.title}: ${word(label)}`);
    button.addEventListener("click", () => act("/api/transfer", { target: colleague.group, consult }));
    row.append(button);
  }
  return row;
}

function showColleagues(colleagues) {
  const list = $("colleagues");
  const groups = colleagues.map((c) => c.group).join(" ");
  if (list.dataset.groups !== groups) {
    list.replaceChildren(...colleagues.map(colleagueRow));
    list.dataset.groups = groups;
  }
  colleagues.forEach((c, i) => setText(list.children[i].firstChild, `${c.title} (${word("free")}: ${c.free})`));
}

function lineText(line) {
  if (!line.open) return `${line.id}: ${word("closed")}`;
  const waiting = Object.entries(line.waiting).map(([urgency, n]) => `${word(urgency)} ${n}`).join(", ");
  const longest = `${word("longest")} ${duration(line.longest_wait)}`;
  return `${line.id}: ${word("waiting")} ${waiting}; ${longest}`;
}

function showLines(lines) {
  const list = $("lines");
  while (list.children.length < lines.length) list.append(document.createElement("li"));
  while (list.children.length > lines.length) list.lastChild.remove();
  lines.forEach((line, i) => setText(list.children[i], lineText(line)));
}

let lastTransfer = "";

function show({ me, colleagues, lines, recording }) {
  $("login").hidden = true;
  $("desk").hidden = false;
  setText($("who"), `${me.name} · ${me.group_title} · ${me.phone}`);
  setText($("state"), stateOf(me));
  $("state").dataset.state = me.activity === "idle" ? me.presence : me.activity;
  setText($("since"), duration(me.since));
  document.title = stateOf(me);
  showBanner(bannerOf(me, recording));
  showCall(me.call);
  const underWay = me.activity === "consulting" || ["ringing", "consulting"].includes(me.transfer);
  if (me.transfer !== lastTransfer) {
    lastTransfer = me.transfer;
    if (texts[`transfer_${me.transfer}`]) showMessage(word(`transfer_${me.transfer}`));
  }
  $("on-transfer").hidden = !underWay;
  $("complete").hidden = me.activity !== "consulting";
  $("transfer").hidden = me.activity !== "talking" || underWay;
  $("return").hidden = me.presence !== "paused" && me.activity !== "wrapping_up";
  showColleagues(colleagues);
  showLines(lines);
}

let latest = 0; // an answer that was overtaken by a later one is not shown

async function refresh() {
  const mine = ++latest;
  try {
    const { status, data } = await request("/api/me");
    if (mine !== latest) return;
    if (status === 200) show(data);
    else if (status === 401) showLogin();
    else showBanner(data.message);
  } catch {
    if (mine === latest) showBanner(word("no_connection"));
  }
}

async function poll() {
  await refresh();
  setTimeout(poll, POLL_MS);
}

let acting = false;

async function act(path, body) {
  if (acting) return; // a second press of the same key
  acting = true;
  try {
    const { data } = await request(path, body);
    showMessage(data.message);
    if (!$("login").hidden) showBanner(data.message);
  } catch {
    showBanner(word("no_connection"));
  } finally {
    acting = false;
  }
  await refresh();
}

$("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const fields = $("login").elements;
  const body = { id: fields.id.value.trim(), password: fields.password.value };
  if (fields.phone.value.trim()) body.phone = fields.phone.value.trim();
  fields.password.value = "";
  showBanner("");
  await act("/api/login", body);
  if ($("login").hidden) $("state").focus();
  else fields.password.focus();
});

$("pause").addEventListener("submit", (event) => {
  event.preventDefault();
  act("/api/pause", { reason: $("pause").elements.reason.value });
});

$("not-customer").addEventListener("click", () => act("/api/transfer", { target: "general", not_customer: true }));

for (const button of document.querySelectorAll("[data-post]")) {
  button.addEventListener("click", () => act(button.dataset.post, {}));
}

for (const option of $("pause").elements.reason.options) reasons.set(option.value, option.textContent);

poll();
