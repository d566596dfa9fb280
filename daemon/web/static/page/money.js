/* Do I make money, and where did it come from? What do I hold? Which bots pay? */

import { DASH, age, broken, change, dim, h, heads, level, money, narrow, nothing, price, s, share, show, spark, tone, td, wide } from "./kit.js";

/* equity in one figure, and beside it what changed */
export function drawHero(data, live) {
  const equity = live?.equity_usd ?? last(data.ranges.all.equity_usd) ?? data.start_usd;
  const today = live?.day_usd ?? data.today?.net_usd;
  const loss = data.loss;
  const all = data.ranges.all;
  const fall = data.peak_usd ? Math.min(0, equity / data.peak_usd - 1) : null;
  const worst = data.peak_usd && all.drawdown_usd !== null ? Math.min(fall, -all.drawdown_usd / (all.peak_usd || data.peak_usd)) : null;
  show("hero",
    h("span", { class: "n" }, h("span", { id: "equity-now" }, level(equity, 2)), h("small", null, "USD")),
    started(data) ? [
      typeof today === "number" && h("span", { id: "day-now" }, money(today, 2), " ", dim("today")),
      data.week && h("span", null, money(data.week.net_usd, 2), " ", dim("7 days")),
      data.all && h("span", { class: "hide-s" }, money(data.all.net_usd, 2), " ", dim(whole(data).toLowerCase())),
      h("span", { class: "q2" }, share(fall, 2), " ", dim("from peak"),
        worst !== null && dim(`, worst ${share(worst, 2)}${loss ? ` of −${level(loss.peak_share_max * 100)} %` : ""}`)),
    ] : h("span", { class: "q2" }, "what the desk started with"));
}
const last = (values) => (values.length ? values[values.length - 1] : null);
const started = (data) => Boolean(data.all) || data.ranges.all.times_ms.length > 1;
const whole = (data) => (data.days < 1.5 ? "In all" : `${Math.round(data.days)} days`);

export function drawMoney(data) {
  if (!data.all) {
    show("money-table", nothing("No trade has closed yet. The first usually does within a minute or two."));
    return;
  }
  const slices = [data.today, data.week, data.all].map((slice) => slice ?? {});
  const run = data.days, midnight = ((last(data.ranges.all.times_ms) ?? 0) % 86400000) / 86400000;
  const spans = [Math.min(run, midnight), Math.min(run, 7), run];
  const row = (name, cells, kind) => h("tr", { class: kind, "data-key": name }, h("th", null, name), slices.map(cells));
  const cell = (text, kind = null) => h("td", { class: kind }, text);
  const paid = (key) => (slice) => cell(change(slice[key], 2));
  show("money-table",
    h("thead", null, h("tr", null, ["", "Today", "7 days", whole(data)].map((name) => h("th", null, name)))),
    h("tbody", null,
      row("Price", paid("price_usd")), row("Fees", paid("fees_usd")), row("Funding", paid("funding_usd")),
      row("Net", (slice) => cell(change(slice.net_usd, 2), tone(slice.net_usd, 2)), "sum"),
      row("Trades closed", (slice) => cell(level(slice.trades ?? 0)), "gap"),
      row("Trades a day", (slice, i) => cell(spans[i] > 0.25 ? level((slice.trades ?? 0) / spans[i], 1) : DASH)),
      row("Won", (slice) => cell(share(slice.win_rate))),
      row("Mean of a trade", (slice) => cell(slice.mean_r === null || slice.mean_r === undefined ? DASH : `${change(slice.mean_r, 2)} R`)),
      row("Held", (slice) => cell(age(slice.hold_s))),
      row("Fees in gross", (slice) => cell(feesIn(slice), slice.trades && !(slice.fees_share <= 0.5 && slice.fees_share !== null) ? "w" : null)),
      typeof data.r_usd === "number" && h("tr", { class: "gap", "data-key": "r" }, h("th", null, "1 R today"),
        h("td", { colspan: 3 }, `${level(data.r_usd, 2)} USD `, dim("at risk a trade")))));
}
export function feesIn({ trades, fees_share: part }) {
  if (!trades) return DASH;
  if (part === null || part === undefined) return "no gross";
  return part > 1 ? `${level(part, 1)}×` : share(part);
}

/* holdings: by coin a bar, then a row a trade; phantoms hollow beside them */
export function drawHoldings(data) {
  if (!data.coins.length) {
    show("holdings-answer");
    show("holdings-table", nothing("Nothing is open."));
    return;
  }
    show("holdings-answer", `Gross ${level(data.gross_usd)}`, data.gross_cap_usd !== null && ` of ${level(data.gross_cap_usd)}`,
    ` USD, net ${change(data.net_usd)}`, data.net_cap_usd !== null && ` of ±${level(data.net_cap_usd)}`,
    data.trades > 0 && data.open_usd !== null ? [". Open ", h("span", { id: "open-now" }, money(data.open_usd, 2)), " USD."] : ".",
    !data.live && " Marks are not live.");
  show("holdings-table",
    heads([["Coin, bot"], ["Side", "la"], ["Size\nUSD"], ["Entry", "hide-s"], ["Mark", "hide-s"], ["P&L\nUSD"], ["To stop\nbps"], ["Age", "hide-s"]]),
    h("tbody", null, data.coins.flatMap((coin) => [coinRow(coin, data.cap_usd), ...heldRows(coin)])));
}
function coinRow(coin, cap) {
  const part = cap ? coin.gross_usd / cap : null;
  const said = cap ? `${share(part)} of the ${level(cap)} cap, net ${change(coin.net_usd)}` : `gross ${level(coin.gross_usd)}, net ${change(coin.net_usd)} USD`;
  return h("tr", { class: "coin", "data-key": `coin ${coin.coin}` }, h("td", { colspan: narrow() ? 5 : 8 },
    h("span", { class: "fx f" }, h("span", { class: "cn" }, coin.coin), cap ? capBar(coin, cap, said) : null,
      h("span", { class: "q3 n4 hide-s" }, said), h("span", { class: "q3 n4 only-s" }, cap ? `${share(part)} of cap` : `net ${change(coin.net_usd)}`),
      coin.opposed && h("span", { class: "opp" }, "⇄ opposed"))));
}
function capBar(coin, cap, said) {
  const width = narrow() ? 118 : 150;
  const x = (usd) => (Math.min(1, usd / cap) * width * 0.98).toFixed(1);
  return s("svg", { width, height: 14, role: "img", "aria-label": said },
    s("rect", { y: 4, width: x(cap), height: 6, fill: "var(--fill)" }),
    s("rect", { y: 4, width: x(coin.gross_usd), height: 6, fill: "var(--accent)", opacity: 0.3 }),
    s("rect", { y: 4, width: x(Math.abs(coin.net_usd)), height: 6, fill: "var(--accent)" }),
    s("path", { d: `M${x(cap)} 1V13`, stroke: "var(--ink2)" }));
}
/* every trade, and of a coin's phantoms a few until they are asked for */
const PHANTOMS = 2;
const unfolded = new Set();
export const unfold = (coin) => unfolded.delete(coin) || unfolded.add(coin);
function heldRows({ coin, rows }) {
  const phantoms = rows.filter((row) => row.phantom), more = phantoms.slice(PHANTOMS);
  if (more.length < 2) return rows.map(heldRow);
  const all = unfolded.has(coin), sum = more.reduce((total, row) => total + (row.pnl_usd ?? 0), 0);
  const told = all ? "show fewer" : `${more.length} more phantoms, ${change(sum, 2)} USD`;
  return [...rows.filter((row) => !row.phantom), ...(all ? phantoms : phantoms.slice(0, PHANTOMS))].map(heldRow).concat(
    h("tr", { class: "pos ph", "data-key": `more ${coin}` }, h("td", { colspan: narrow() ? 5 : 8 }, h("button", { "data-unfold": coin }, told))));
}
function heldRow(row) {
  const shadow = row.phantom ? [h("span", { class: "q3 hide-s" }, ` · phantom${row.blocked_by ? `, blocked by ${row.blocked_by.replaceAll(",", ", ")}` : ""}`), h("span", { class: "only-s" }, " ◌")] : null;
  return h("tr", { class: `pos${row.phantom ? " ph" : ""}`, "data-key": row.trade_id },
    h("td", { class: "el" }, row.bot, shadow), h("td", { class: "la" }, row.side), td(level(row.size_usd)),
    wide(price(row.entry_px)), h("td", { class: "hide-s", id: `mark-${row.trade_id}` }, price(row.mark_px)),
    h("td", { id: `pnl-${row.trade_id}`, class: row.phantom ? null : tone(row.pnl_usd, 2) }, change(row.pnl_usd, 2)),
    td(level(row.stop_bp)), wide(age(row.age_s)));
}

/* bots: sorted by what they made; a click on a head sorts otherwise */
const BOTS = [
  ["bot", "Bot", "la"], ["division", "Division", "la hide-s hide-m"], ["trades", "Trades", ""], ["net_usd", "Net\nUSD", ""],
  ["line", "By day", "hide-s"], ["price_usd", "Gross\nUSD", "hide-s"], ["fees_usd", "Fees\nUSD", "hide-s"], ["fees", "Fees in\ngross", ""],
  ["mean_r", "Mean\nR", "hide-s"], ["hold_s", "Held", "hide-s"], ["blocked_share", "Blocked", "hide-s hide-m"], ["phantom_r", "Phantom\nR", "hide-s"], ["weight", "Weight", ""]];
let sorted = ["net_usd", -1];
export function sortBots(key) {
  const first = key === "bot" || key === "division" ? 1 : -1;
  sorted = [key, sorted[0] === key ? -sorted[1] : first];
}
const over = (row) => row.trades > 0 && (row.fees_share === null || row.fees_share > 1);
function rank(row, key) {
  if (key === "fees") return row.trades ? (row.fees_share ?? Infinity) : -1;
  const value = key === "line" ? row.net_usd : row[key];
  return value ?? -Infinity;
}
export function drawBots(data) {
  const traded = data.rows.filter((row) => row.trades > 0);
  if (!traded.length) show("bots-answer", `None of ${data.rows.length} has closed a trade yet.`);
  else show("bots-answer", `${traded.filter((row) => row.net_usd > 0).length} of ${data.rows.length} do. ${beyond(traded.filter(over).length)}`);
  const [key, way] = sorted;
  const rows = [...data.rows].sort((one, two) => {
    const idle = key === "net_usd" && (two.trades > 0) - (one.trades > 0);
    const a = rank(one, key), b = rank(two, key);
    return idle || (a < b ? -way : a > b ? way : one.bot < two.bot ? -1 : 1);
  });
  show("bots-table",
    h("thead", null, h("tr", null, BOTS.map(([name, label, kind]) =>
      h("th", { class: kind, "aria-sort": name === key ? (way < 0 ? "descending" : "ascending") : null },
        h("button", { "data-sort": name }, broken(label)))))),
    h("tbody", null, rows.map(botRow)));
}
function beyond(n) {
  if (!n) return "None pays more in fees than it earns before fees.";
  return n === 1 ? "One pays more in fees than it earns before fees." : `${n} pay more in fees than they earn before fees.`;
}
function botRow(row) {
  const digits = narrow() ? 0 : 2, idle = !row.trades, flagged = over(row);
  return h("tr", { "data-key": row.bot },
    h("td", { class: `la ${idle ? "q3" : "nm"}` }, row.bot), h("td", { class: "la q3 hide-s hide-m" }, row.division),
    h("td", { class: idle ? "q3" : null }, level(row.trades)), h("td", { class: idle ? "q3" : `b ${tone(row.net_usd, digits)}` }, idle ? DASH : change(row.net_usd, digits)),
    wide(idle ? null : spark(row.equity, { width: 72, height: 18, stroke: row.net_usd < 0 ? "var(--loss)" : "var(--gain)" })),
    wide(idle ? DASH : level(row.price_usd)), wide(idle ? DASH : level(Math.abs(row.fees_usd))),
    h("td", { class: flagged ? "w b" : "q2" }, flagged ? "▲ " : "", feesIn(row)),
    wide(idle ? DASH : change(row.mean_r, 2)), wide(age(row.hold_s)),
    h("td", { class: "hide-s hide-m" }, share(row.blocked_share)), h("td", { class: "hide-s q2" }, change(row.phantom_r, 2)),
    td(h("span", { class: "fx e" }, narrow() || row.weights.length < 2 ? null : spark(row.weights, { width: 44, height: 16, zeroLine: false }),
      h("span", null, level(row.weight, 2)))));
}

export function drawSystem(data) {
  show("system-table", data.rows.length ? h("tbody", null, data.rows.map((row) =>
    h("tr", { "data-key": row.name }, h("th", null, row.name), td(row.value), h("td", { class: "q3" }, row.limit))))
    : nothing("Known once a daemon has run."));
}
