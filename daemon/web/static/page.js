/* The operator's page: what is known, where it is asked for, and what a click does. */

import { $, ask, change, clock, dim, h, level, money, price, show, tone, weekday, write } from "./page/kit.js";
import { drawStatus } from "./page/status.js";
import { drawBots, drawHero, drawHoldings, drawMoney, drawSystem, sortBots, unfold } from "./page/money.js";
import { drawFeed, drawLimits, openLimit, openWhy, opened, readOpened } from "./page/limits.js";
import { againstChart, drawStages, equityChart, weightsChart } from "./page/charts.js";
import { drawAttractor, drawCoin, turnable } from "./page/coin.js";

/* what the server said last, and when it was heard */
const known = { status: null, tick: null, cutMs: 0, diskDays: null };
const panels = {};
const chosen = { range: "all", filter: "", coin: null };
let heard = performance.now(), ahead = 0, drawnEquity = 0;
const now = () => Date.now() + ahead;
function hear(serverMs) {
  heard = performance.now();
  if (serverMs) ahead = serverMs - Date.now();
}

/* panels: a name, where it is asked, how it is drawn */
const PANELS = {
  money: { draw: drawAllMoney },
  limits: { draw: drawLimits },
  holdings: { draw: drawHoldings },
  blocked: { draw: drawAgainst },
  bots: { draw: drawBots },
  feed: { draw: drawFeed },
  coin: { path: () => `/api/panels/coin${chosen.coin ? `?name=${encodeURIComponent(chosen.coin)}` : ""}`, draw: drawCoin },
  weights: { draw: (data) => (weightsChart(data), drawStages(data)) },
  system: { draw: (data) => (drawSystem(data), (known.diskDays = data.disk_days)) },
};
const live = () => (known.tick && known.tick.state === "running" ? known.tick : null);
function drawAllMoney(data) {
  drawHero(data, live());
  drawMoney(data);
  drawRange(data);
}
function drawRange(data) {
  const ranges = [["day", "Day"], ["week", "Week"], ["all", "All"]];
  show("equity-range", ranges.map(([key, name]) => h("button", { "data-range": key, "data-key": key, "aria-pressed": String(key === chosen.range) }, name)));
  equityChart(data, chosen.range, live());
}
function drawAgainst(data) {
  const names = Object.keys(data.by).sort();
  if (chosen.filter && !names.includes(chosen.filter)) chosen.filter = "";
  show("against-filter", h("option", { value: "", "data-key": "any" }, "any limit"), names.map((name) => h("option", { value: name, "data-key": name }, name)));
  $("against-filter").value = chosen.filter;
  againstChart(data, chosen.filter);
}
function draw(name) {
  if (panels[name]) PANELS[name].draw(panels[name]);
}

/* one question at a time for each panel; who asks meanwhile is answered by one more */
const asking = {};
async function refresh(name) {
  if (asking[name]) {
    asking[name] = "again";
    return;
  }
  asking[name] = "once";
  const path = PANELS[name].path?.() ?? `/api/panels/${name}`;
  try {
    const data = await ask(path);
    if (name !== "coin" || !chosen.coin || data.coin === chosen.coin) panels[name] = data;
    draw(name);
    $(SECTION[name] ?? name).classList.remove("missing");
  } catch {
    $(SECTION[name] ?? name).classList.toggle("missing", known.status?.state !== "never");
    late.add(name);
  }
  const again = asking[name] === "again";
  delete asking[name];
  if (again) await refresh(name);
}
const SECTION = { blocked: "against" };
const late = new Set();
async function refreshStatus() {
  try {
    known.status = await ask("/api/status");
    hear(known.status.now_ms);
  } catch {
    late.add("status");
  }
  drawNow();
}
/* a hidden page asks for nothing; what it missed it asks for when it is looked at */
function refreshAll(names) {
  for (const name of names) {
    if (document.hidden) late.add(name);
    else if (name === "status") refreshStatus();
    else if (PANELS[name]) refresh(name);
  }
  if (opened.name && names.includes("limits") && !document.hidden) readOpened(() => draw("limits"));
}
function catchUp() {
  const names = [...late];
  late.clear();
  if (names.length) refreshAll(names);
}
const everything = () => refreshAll(["status", ...Object.keys(PANELS)]);

/* the head of the page: drawn every second, so that silence shows too */
function drawNow() {
  known.cutMs = performance.now() - heard;
  drawStatus(known, now());
  const { status } = known;
  const network = status?.status?.network ?? "";
  $("mode").hidden = !status?.mode;
  $("network").hidden = !network || network === status.mode;
  write("mode", status?.mode ?? "");
  write("network", `${network} data`);
  write("version", status?.version ? `Gnomon ${status.version}` : "");
  write("clock", clock(now() / 1000));
  write("day", `${weekday(now() / 1000)} · `);
}

/* a tick patches the cells that it names */
function patchCell(id, text, kind) {
  const cell = $(id);
  if (!cell) return;
  write(id, text);
  if (kind !== undefined && !cell.parentElement.classList.contains("ph")) cell.className = kind;
}
function onTick(tick) {
  const before = known.tick;
  known.tick = tick;
  hear(tick.now_ms);
  const changed = before && (before.state !== tick.state || before.halted !== tick.halted || before.latched !== tick.latched);
  if (changed) {
    everything();
    /* an answer may be some seconds old: ask once more when the last rows are in it */
    setTimeout(everything, 8000);
  }
  drawNow();
  if (tick.state !== "running" || !panels.money) return;
  if (typeof tick.equity_usd === "number") patchCell("equity-now", level(tick.equity_usd, 2));
  if (typeof tick.day_usd === "number" && $("day-now")) show("day-now", money(tick.day_usd, 2), " ", dim("today"));
  for (const [id, [mark, pnl]] of Object.entries(tick.marks ?? {})) {
    patchCell(`mark-${id}`, price(mark));
    patchCell(`pnl-${id}`, change(pnl, 2), tone(pnl, 2));
  }
  patchOpen(tick.marks ?? {});
  if (performance.now() - drawnEquity > 5000) {
    drawnEquity = performance.now();
    equityChart(panels.money, chosen.range, tick);
  }
}
function patchOpen(marks) {
  const taken = (panels.holdings?.coins ?? []).flatMap((coin) => coin.rows).filter((row) => !row.phantom);
  if (!$("open-now") || !taken.some((row) => marks[row.trade_id])) return;
  const sum = taken.reduce((total, row) => total + (marks[row.trade_id]?.[1] ?? row.pnl_usd ?? 0), 0);
  show("open-now", money(sum, 2));
}

/* one stream of events; it is opened anew for as long as it takes */
function listen() {
  const stream = new EventSource("/api/events");
  stream.addEventListener("tick", (event) => onTick(JSON.parse(event.data)));
  stream.addEventListener("panel", (event) => {
    hear(null);
    refreshAll(JSON.parse(event.data).names);
  });
  stream.addEventListener("open", () => {
    if (known.cutMs > 5000) everything();
  });
  stream.addEventListener("error", () => {
    if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
  });
}

/* what a click does: the first attribute that is found up from it */
const CLICKS = {
  range: (value) => ((chosen.range = value), drawRange(panels.money)),
  coin: (value) => ((chosen.coin = value), refresh("coin")),
  unfold: (value) => (unfold(value), draw("holdings")),
  sort: (value) => (sortBots(value), draw("bots")),
  event: (value, data) => openWhy(value, data.signal, () => draw("feed")),
  limit: (value) => openLimit(value, () => draw("limits")),
};
function onClick(event) {
  for (const [name, act] of Object.entries(CLICKS)) {
    const found = event.target.closest(`[data-${name}]`);
    if (found) return act(found.dataset[name], found.dataset);
  }
  return null;
}
function wire() {
  document.addEventListener("click", onClick);
  document.addEventListener("keydown", (event) => {
    if (event.target.matches("tr.lim") && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      onClick(event);
    }
  });
  $("feed-more").addEventListener("click", () => {
    $("feed-list").classList.add("all");
    draw("feed");
  });
  document.addEventListener("change", ({ target: { id, value } }) => {
    if (id === "coin-pick") CLICKS.coin(value);
    if (id === "against-filter") {
      chosen.filter = value;
      draw("blocked");
    }
  });
  let later;
  const again = () => {
    clearTimeout(later);
    later = setTimeout(() => (Object.keys(PANELS).forEach(draw), drawAttractor()), 120);
  };
  addEventListener("resize", again);
  matchMedia("(prefers-color-scheme:dark)").addEventListener("change", again);
  document.addEventListener("visibilitychange", () => document.hidden || catchUp());
  turnable();
}

wire();
drawNow();
everything();
listen();
setInterval(drawNow, 1000);
setInterval(() => (late.add("status"), document.hidden || catchUp()), 10000);
