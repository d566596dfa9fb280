/* What did my limits do? A row a limit, one axis for all; a click opens one. And what just happened. */

import { $, DASH, arrow, ask, bar, change, day, dim, h, heads, level, minute, money, narrow, nothing, price, ring, s, show, spark, tone, td, wide } from "./kit.js";
import { limitChart } from "./charts.js";

const DECIDED = ["PROTECTIVE", "RESTRICTIVE"];
const tint = (row) => (row.verdict === "PROTECTIVE" ? "var(--gain)" : row.verdict === "RESTRICTIVE" ? "var(--loss)" : "var(--ink2)");
const axisWidth = () => (narrow() ? 340 : innerWidth < 900 ? 158 : innerWidth < 1000 ? 190 : innerWidth < 1300 ? 260 : 340);
const GROUPS = [
  ["decided", "Decided", (row) => row.kind === "decided"],
  ["undecided", "Not decided yet", (row) => row.kind === "undecided" && row.blocked > 0],
  ["idle", "Has blocked nothing yet", (row) => row.kind === "undecided" && !row.blocked],
  ["placebo", "Sanity row", (row) => row.kind === "placebo"],
  ["rule", "Rules, never judged", (row) => row.kind === "rule"],
];
const COLUMNS = 9;

/* which limit stands open, and what its window said */
export const opened = { name: null, detail: null, fault: null };

export function drawLimits(data) {
  const width = axisWidth(), x = (usd) => (((usd / data.axis_usd + 1) / 2) * width).toFixed(1);
  show("limits-answer", headline(data));
  const body = GROUPS.flatMap(([key, title, belongs]) => {
    const rows = data.rows.filter(belongs);
    if (!rows.length) return [];
    const head = h("tr", { class: "grp", "data-key": `group ${key}` }, h("td", { colspan: COLUMNS }, title, " ", dim(key === "placebo" ? "" : `· ${rows.length}`)));
    return [head, ...rows.flatMap((row) => [limitRow(row, key, width, x), row.name === opened.name && detailRow(row)])];
  });
  if (!data.rows.length) {
    show("limits-table", nothing("No limit is known yet. First figures appear when the first phantom closes."));
    return;
  }
  show("limits-table", heads([["Limit"], ["Blocked\nsignals", "hide-m"], ["Only\nthis limit"], ["Saved or\ncost, USD"], ["vs trades\ntaken, R", "hide-l"],
    [axis(data.axis_usd, width, x), "la"], ["Verdict", "la"], ["To a decision", "la"], ["Value\nso far", "hide-m"]]), h("tbody", null, body));
  drawOpened();
}

function headline({ decided, watched, best, worst, rows }) {
  const told = (name, verb) => {
    const row = rows.find((one) => one.name === name);
    return row ? [" ", h("b", null, name), ` ${verb} most, `, money(row.value_usd), " USD."] : null;
  };
  if (!decided) return `${watched} limits are watched; none is decided, and none can be before 20 trading days.`;
  return [`${decided} of ${watched} limits are decided.`, told(best, "has saved"), told(worst, "has cost")];
}

function axis(end, width, x) {
  const digits = end < 4 ? 1 : 0;
  const marks = [-end, -end / 2, 0, end / 2, end].slice(narrow() ? 1 : 0, narrow() ? 4 : 5);
  return [h("span", null, "USD a day"), s("svg", { width, height: 14 }, marks.map((usd, i) =>
    s("text", { x: x(usd), y: 11, "text-anchor": usd === -end ? "start" : usd === end ? "end" : "middle", "font-size": 11, fill: "var(--ink3)" }, change(usd, usd ? digits : 0))))];
}

function limitRow(row, group, width, x) {
  const observing = row.mode === "observe", judged = group !== "rule" && group !== "idle";
  const usd = judged && row.only_this ? row.value_usd : null;
  const said = usd === null ? "" : `${observing ? "would have " : ""}${usd < 0 ? "cost" : "saved"}`;
  return h("tr", { class: `lim click ${group}`, "data-key": row.name, "data-limit": row.name, tabindex: 0, "aria-expanded": String(opened.name === row.name) },
    h("td", { class: "a-n" }, h("span", { class: "nm" }, row.name, observing && [" ", h("span", { class: "tag obs" }, "observing")]), h("span", { class: "sub d", title: row.asks }, row.asks)),
    h("td", { class: "hide-s hide-m" }, level(row.blocked)), wide(group === "rule" ? DASH : level(row.only_this)),
    h("td", { class: "a-u" }, h("span", { class: `usd ${DECIDED.includes(row.verdict) ? tone(usd) : "q2"}` }, change(usd)),
      usd !== null && h("span", { class: "q3 only-s" }, ` USD ${said}`),
      usd !== null && h("span", { class: "sub hide-s" }, observing ? said : typeof row.value_r === "number" ? `${change(row.value_r, 1)} R` : "")),
    h("td", { class: "hide-s hide-l" }, judged ? change(row.selection_r, 2) : DASH),
    h("td", { class: `a-i la${judged && row.bar ? "" : " none"}` }, judged && interval(row, width, x), judged && row.bar && h("span", { class: "sub only-s" }, inWords(row.bar))),
    h("td", { class: "a-v la" }, group === "rule" ? null : h("span", { class: `chip ${row.verdict}` }, row.verdict)),
    h("td", { class: "a-p la prog" }, progress(row, group)),
    h("td", { class: "hide-s hide-m" }, judged && row.values.length > 1 ? spark(row.values.map(([, value]) => value), { width: 96, height: 26, stroke: DECIDED.includes(row.verdict) ? tint(row) : "var(--ink3)" }) : null),
    h("td", { class: "a-c only-s" }, group === "rule" ? `${level(row.blocked)} blocked` : `only this limit: ${level(row.only_this)} of ${level(row.blocked)}`));
}
const digitsOf = (usd) => (Math.abs(usd) < 10 ? 2 : 0);
const inWords = ({ at, any_low: low, any_high: high }) => `${change(at, digitsOf(at))} USD a day${low === null ? "" : `; any day ${change(low, digitsOf(low))} … ${change(high, digitsOf(high))}`}`;

function interval(row, width, x) {
  const middle = s("path", { d: `M${x(0)} 0V24`, stroke: "var(--line)" });
  if (!row.bar)
    return s("svg", { viewBox: `0 0 ${width} 24`, width, height: 24, role: "img", "aria-label": "no interval yet" }, middle,
      s("path", { d: `M0 12H${width}`, stroke: "var(--line)", "stroke-dasharray": "1 5", "stroke-linecap": "round" }));
  const inside = (usd) => Math.min(width, Math.max(0, x(usd)));
  const { at, low, high, any_low: anyLow, any_high: anyHigh } = row.bar, fill = tint(row);
  const a = inside(anyLow ?? low), b = inside(anyHigh ?? high), one = inside(low);
  return s("svg", { viewBox: `0 0 ${width} 24`, width, height: 24, role: "img", "aria-label": inWords(row.bar) }, middle,
    anyLow !== null && anyHigh !== null && s("path", { d: `M${a} 12H${b}M${a} 9v6M${b} 9v6`, stroke: fill, "stroke-width": 1.25 }),
    s("rect", { x: one, y: 9, width: Math.max(1, inside(high) - one), height: 6, rx: 1, fill, opacity: 0.38 }),
    s("circle", { cx: inside(at), cy: 12, r: 3.25, fill, stroke: "var(--bg)", "stroke-width": 1 }));
}

function progress(row, group) {
  if (group === "placebo") return [h("span", null, DECIDED.includes(row.verdict) ? "as it must not be" : "as it must be"), h("span", { class: "sub" }, DECIDED.includes(row.verdict) ? row.standing : "a verdict here would be an alarm")];
  if (group === "decided") return [h("span", null, "decided"), h("span", { class: "sub" }, `${level(row.days)} trading days seen`)];
  const far = group === "undecided" && typeof row.progress === "number" ? bar(row.progress) : null;
  return [far, h("span", { class: "sub" }, group === "rule" ? "a rule: it counts, it is not judged" : row.standing)];
}

/* an opened limit */
function detailRow(row) {
  const key = `detail ${row.name}`, { detail } = opened;
  const said = opened.fault ? `Its window could not be read: ${opened.fault}` : detail ? detail.row.sentence || row.sentence : "Reading …";
  return h("tr", { class: "detail", "data-key": key }, h("td", { colspan: COLUMNS }, h("div", { class: "dgrid" },
    h("div", null, h("p", { class: "q3" }, "Value so far, USD", detail?.row.bar ? "; thin line: holds whatever day you look" : ""), h("div", { id: "limit-chart", class: "chart", "data-kept": "" })),
    h("div", null, h("p", { id: "limit-sentence" }, said), detail && figures(detail)),
    detail && h("div", { class: "wide" }, episodes(detail)))));
}
const one = (episode) => (episode ? [`${change(episode.r, 2)} R `, dim(`${episode.bot} ${episode.side} ${episode.coin}, ${when(episode.ts_ms)}`)] : DASH);
const when = (ms) => `${day(ms / 1000)} ${minute(ms / 1000)}`;
function figures({ row, best, worst }) {
  const line = (name, value) => h("tr", null, h("th", null, name), td(value));
  return h("table", { class: "kv" }, h("tbody", null,
    line("Signals it blocked", `${level(row.blocked)}, ${level(row.only_this)} of them alone`), line("On", `${level(row.days)} trading days`),
    line("Best block", one(best)), line("Worst block", one(worst)),
    line("What it blocked would have made", row.net_usd === null ? DASH : [money(row.net_usd, 2), " USD"]),
    line("A day, any day you look", row.bar && row.bar.any_low !== null ? `${change(row.bar.any_low, 1)} … ${change(row.bar.any_high, 1)} USD` : "not shown before 20 trading days")));
}
function episodes({ episodes: rows }) {
  if (!rows.length) return h("p", { class: "q3" }, "None of its own blocks has closed yet.");
  return h("table", { class: "t eps" }, heads([["Its newest blocks", "la"], ["Bot", "la"], ["Trade", "la"], ["USD", "hide-s"], ["R"], ["Why", "la hide-s"]]),
    h("tbody", null, rows.map((row) => h("tr", { "data-key": row.signal_id }, td(when(row.ts_ms)), h("td", { class: "la" }, row.bot),
      h("td", { class: "la" }, `${row.side} ${row.coin}`), wide(change(row.net_usd, 2)), td(change(row.r, 2)), h("td", { class: "la q3 hide-s el" }, row.reason)))));
}
function drawOpened() {
  if (opened.detail && $("limit-chart")) limitChart(opened.detail);
}

/* Open a limit, or close it when it stands open. `draw` shows the rows again. */
export async function openLimit(name, draw) {
  Object.assign(opened, { name: opened.name === name ? null : name, detail: null, fault: null });
  draw();
  if (opened.name) await readOpened(draw);
}
export async function readOpened(draw) {
  const { name } = opened;
  try {
    const detail = await ask(`/api/limit/${encodeURIComponent(name)}`);
    if (opened.name === name) Object.assign(opened, { detail, fault: null });
  } catch (error) {
    if (opened.name === name) opened.fault = error.message;
  }
  draw();
}

/* the feed: filled, blocked, closed; newest first; a click says why */
const whys = new Map();
const open = new Set();
const idOf = (event) => `${event.ts_ms} ${event.kind} ${event.signal_id} ${event.bot}`;
export function drawFeed(data) {
  $("feed-more").hidden = data.events.length <= 8 || $("feed-list").classList.contains("all");
  if (!data.events.length) show("feed-list", h("li", { class: "empty" }, "No signal yet."));
  else show("feed-list", data.events.map(feedRow));
}
const SHAPES = {
  fill: (event) => [arrow(event.side === "long", true, "var(--accent)"), [h("b", { class: "b" }, event.bot), ` ${event.side} ${event.coin}`], `${level(event.usd)} USD`],
  block: (event) => [arrow(event.side === "long", false, "var(--ink3)"), h("span", { class: "q2" }, h("b", { class: "b" }, event.bot), ` ${event.side} ${event.coin}`), dim("blocked")],
  close: (event) => [ring(event.usd < 0 ? "var(--loss)" : "var(--gain)"), [h("b", { class: "b" }, event.bot), ` closed ${event.coin}`], [money(event.usd, 2), " USD"]],
};
function feedRow(event) {
  const [shape, what, figure] = SHAPES[event.kind](event), id = idOf(event), isOpen = open.has(id);
  const r = event.kind === "close" && typeof event.r === "number" ? `, ${change(event.r, 2)} R` : "";
  return h("li", { "data-key": id }, h("button", { class: isOpen ? "open" : null, "data-event": id, "data-signal": event.signal_id, "aria-expanded": String(isOpen) },
    h("span", { class: "tm" }, minute(event.ts_ms / 1000)), shape, h("span", { class: "nw el" }, what), h("span", null, figure),
    h("span", { class: "wy" }, event.limits?.length ? [h("span", { class: "q2" }, event.limits.join(", ")), ": "] : "", event.kind === "fill" ? `at ${price(event.px)} USD` : event.words, r)),
    isOpen && h("pre", { class: "why" }, (whys.get(String(event.signal_id)) ?? ["Reading …"]).join("\n")));
}
export async function openWhy(id, signal, draw) {
  if (open.delete(id)) return draw();
  open.add(id);
  draw();
  if (!whys.has(signal)) {
    try {
      whys.set(signal, (await ask(`/api/why/${signal}`)).lines);
    } catch (error) {
      draw();
      whys.delete(signal);
      return show(document.querySelector(`[data-key="${CSS.escape(id)}"] .why`), `Could not be read: ${error.message}`);
    }
  }
  return draw();
}
