/* Lines over time, by uPlot: made once for a panel, then given new data. */

import { $, change, color, day, h, level, minute, money, narrow, s, share, show, stamp, write } from "./kit.js";

const { uPlot } = window;
const FONT = "Inter,system-ui,sans-serif";
const made = {};

/* Show data in a chart: the one that is there when its `shape` (series, size, colours) is the same. */
export function chart(id, shape, options, data) {
  const box = $(id), old = made[id];
  const kind = `${shape} ${box.clientWidth} ${color("bg")} ${narrow()}`;
  if (old && old.kind === kind && old.plot.root.isConnected) {
    old.plot.told = options.told;
    old.plot.setData(data);
    return old.plot;
  }
  remove(id);
  box.textContent = "";
  /* the hooks read what is told, so it is there before the first drawing */
  const tell = (plot) => (plot.told = options.told);
  const hooks = { ...options.hooks, init: [tell] };
  const { margin = 0, range = roomy } = options;
  const scales = { x: { time: true, range: (plot, from, to) => [from - margin, to + margin] }, y: { range } };
  const plot = new uPlot({ legend: { show: false }, tzDate: utc, scales, cursor: onlyPoints, ...options, hooks, width: box.clientWidth }, data, box);
  made[id] = { kind, plot };
  return plot;
}
export function remove(id) {
  made[id]?.plot.destroy();
  delete made[id];
}
export function empty(id, text) {
  remove(id);
  show(id, h("p", { class: "empty" }, text));
}
const utc = (at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC");
const onlyPoints = { points: { size: 6, width: 1 }, y: false, drag: { x: false, y: false } };
export const axis = (options) => ({ size: 32, stroke: color("ink3"), font: `11px ${FONT}`, grid: { stroke: color("line2"), width: 1 }, ticks: { show: false }, gap: 6, ...options });
const times = (options = {}) => axis({ grid: { show: false }, values: (plot, at) => at.map((x) => stamp(x, plot.scales.x.max - plot.scales.x.min)), space: narrow() ? 64 : 80, ...options });
const days = () => times({ values: (plot, at) => at.map((x) => (x % 86400 ? "" : day(x))) });
const series = (stroke, width = 1.75, more = {}) => ({ stroke, width, points: { show: false }, ...more });
const hidden = () => series("transparent", 0);
const digitsOf = (steps) => (steps.length > 1 && steps[1] - steps[0] < 1 ? 2 : 0);
const usdAxis = (signed) => axis({ size: narrow() ? 48 : 58, values: (plot, at) => at.map((x) => (signed ? change : level)(x, digitsOf(at))) });

/* Write on a canvas, with a rim of paper around the letters where lines may pass beneath. */
export function words(ctx, text, x, y, fill, { align = "left", rim = true, ratio = devicePixelRatio, size = 11 } = {}) {
  ctx.save();
  Object.assign(ctx, { font: `${size * ratio}px ${FONT}`, fillStyle: fill, textAlign: align, textBaseline: "middle", strokeStyle: color("bg"), lineWidth: 4 * ratio, lineJoin: "round" });
  if (rim) ctx.strokeText(text, x, y);
  ctx.fillText(text, x, y);
  ctx.restore();
}
/* Text at the right end of a line. */
function label(plot, value, text, fill, shift = 0) {
  const { ctx, bbox } = plot, ratio = devicePixelRatio;
  words(ctx, text, bbox.left + bbox.width + 6 * ratio, plot.valToPos(value, "y", true) + shift * ratio, fill, { rim: false });
}
function zeroLine(plot) {
  const y = plot.valToPos(0, "y", true), { ctx, bbox } = plot;
  if (y < bbox.top || y > bbox.top + bbox.height) return;
  ctx.save();
  Object.assign(ctx, { strokeStyle: color("ink3"), globalAlpha: 0.55, lineWidth: devicePixelRatio });
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.restore();
}
const roomy = (plot, low, high) => {
  if (low === null || high === null) return [0, 1];
  const margin = (high - low) * 0.05 || Math.abs(high) * 0.001 || 1;
  return [low - margin, high + margin];
};
const lastOf = (values) => values[values.length - 1];

/* equity, what it is below its peak shaded, the loss limit dashed */
function lossLine(data, range, at, peaks) {
  if (!data.loss) return at.map(() => null);
  if (range !== "day") return peaks.map((peak) => peak * (1 - data.loss.peak_share_max));
  const midnight = Math.floor(lastOf(at) / 86400) * 86400;
  return at.map((x) => (x >= midnight ? data.day_start_usd * (1 - data.loss.day_share_max) : null));
}
export function equityChart(data, range, live) {
  const { times_ms: stamps, equity_usd: recorded } = data.ranges[range];
  if (stamps.length < 2) return empty("equity-chart", data.all && range !== "all" ? "Nothing ran then." : "The line starts with the first full minutes. Drawdown and the loss limit are drawn from then on.");
  const at = stamps.map((ms) => ms / 1000), values = [...recorded];
  if (live?.equity_usd && live.now_ms / 1000 > lastOf(at)) at.push(live.now_ms / 1000), values.push(live.equity_usd);
  let peak = range === "all" ? Math.max(data.start_usd, values[0]) : values[0];
  const peaks = values.map((value) => (peak = Math.max(peak, value))), limits = lossLine(data, range, at, peaks);
  const told = { at, values, peaks, limits, name: range === "day" ? "daily loss limit" : "loss limit" };
  /* a limit far below would flatten the line: then it is only said, at its foot */
  const low = Math.min(...values), near = Math.max(...peaks) - low > (low - (lastOf(limits) ?? 0)) / 3;
  const options = { told, height: narrow() ? 230 : 300, padding: [10, narrow() ? 8 : 92, 0, 0],
    axes: [times(), usdAxis(false)],
    series: [{}, hidden(), series(color("accent")), series(color("loss"), 1, { dash: [4, 4] })],
    bands: [{ series: [1, 2], fill: color("loss-t") }], hooks: { draw: [equityLabels], setCursor: [equityRead] } };
  return chart("equity-chart", `${range} ${near}`, options, [at, peaks, values, near ? limits : limits.map(() => null)]);
}
function equityLabels(plot) {
  const { values, limits, name } = plot.told, [, , , drawn] = plot.data;
  const limit = lastOf(limits), shown = lastOf(drawn), a = color("accent"), l = color("loss");
  const { left, top, width, height } = plot.bbox, ratio = devicePixelRatio;
  if (shown === null || shown === undefined) {
    if (limit !== null) words(plot.ctx, `${name} ${level(limit)} USD, below this chart`, left + 4 * ratio, top + height - 10 * ratio, l);
    if (!narrow()) label(plot, lastOf(values), `${level(lastOf(values))} USD`, a);
    return;
  }
  if (narrow()) return words(plot.ctx, `${name} ${level(limit)} USD`, left + width, plot.valToPos(limit, "y", true) - 11 * ratio, l, { align: "right" });
  const close = Math.abs(plot.valToPos(lastOf(values), "y") - plot.valToPos(limit, "y")) < 26;
  label(plot, lastOf(values), `${level(lastOf(values))} USD`, a, close ? -24 : 0);
  label(plot, limit, `${level(limit)} USD`, l, -7);
  label(plot, limit, name, l, 7);
}
function equityRead(plot) {
  const { at, values, peaks } = plot.told, i = plot.cursor.idx;
  const said = i === null || i === undefined ? "" : `${day(at[i])} ${minute(at[i])}   ${level(values[i])} USD   ${share(values[i] / peaks[i] - 1, 2)} from peak`;
  write("equity-read", said);
}

/* taken against blocked: two cumulated lines */
export const noon = (text) => Date.parse(`${text}T00:00:00Z`) / 1000 + 86400;
export function againstChart(data, filter) {
  const taken = data.taken, blocked = filter === "" ? data.any : (data.by[filter] ?? []);
  if (!data.days.length || ![...taken, ...blocked].some(Boolean)) {
    show("against-answer");
    return empty("against-chart", "The two lines start when the first trade and the first phantom have closed.");
  }
  /* lines begin at nothing, on the day before the first */
  const at = [noon(data.days[0]) - 86400, ...data.days.map(noon)], a = [0, ...taken], b = [0, ...blocked];
  show("against-answer", "Taken ", money(lastOf(a), 2), " USD. Blocked by ", h("b", null, filter || "any limit"), " would have made ", money(lastOf(b), 2), " USD.");
  const options = { told: { a: lastOf(a), b: lastOf(b) }, height: narrow() ? 220 : 420, padding: [12, 86, 0, 0],
    axes: [days(), usdAxis(true)],
    series: [{}, series(color("accent")), series(color("ink2"), 1.5, { dash: [3, 3] })], hooks: { drawAxes: [zeroLine], draw: [againstLabels] } };
  return chart("against-chart", "against", options, [at, a, b]);
}
function againstLabels(plot) {
  const { a, b } = plot.told, gap = Math.abs(plot.valToPos(a, "y") - plot.valToPos(b, "y"));
  const apart = gap < 30 ? (30 - gap) / 2 : 0, way = a >= b ? -1 : 1;
  for (const [value, name, fill, shift] of [[a, "taken", color("accent"), way * apart], [b, "blocked", color("ink2"), -way * apart]]) {
    label(plot, value, name, fill, shift - 6);
    label(plot, value, `${change(value, Math.abs(value) < 100 ? 2 : 0)} USD`, fill, shift + 7);
  }
}

/* an opened limit: its value over the days, and at its end the bounds that it has today */
export function limitChart({ row }) {
  const { values } = row;
  if (values.length < 2) return empty("limit-chart", row.only_this ? "Its line starts with the second trading day." : "It has blocked nothing alone yet.");
  const at = values.map(([text]) => noon(text)), sums = values.map(([, usd]) => usd);
  const stroke = row.verdict === "PROTECTIVE" ? color("gain") : row.verdict === "RESTRICTIVE" ? color("loss") : color("ink2");
  const ends = row.bar?.at && ["any_low", "low", "high", "any_high"].map((key) => (lastOf(sums) / row.bar.at) * row.bar[key]);
  const told = { end: lastOf(at), ends: ends?.every(Number.isFinite) ? ends : null, stroke };
  const range = (plot, low, high) => roomy(plot, Math.min(0, low, ...(plot.told?.ends ?? [])), Math.max(0, high, ...(plot.told?.ends ?? [])));
  const options = { told, height: 216, padding: [8, 26, 0, 0], cursor: { show: false }, range,
    axes: [days(), usdAxis(true)], series: [{}, series(stroke)],
    hooks: { drawAxes: [zeroLine], draw: [limitBounds] } };
  return chart("limit-chart", `${row.name} ${told.ends}`, options, [at, sums]);
}
function limitBounds(plot) {
  const { end, ends, stroke } = plot.told, { ctx } = plot, ratio = devicePixelRatio;
  if (!ends) return;
  const x = plot.valToPos(end, "x", true) + 10 * ratio, [anyLow, low, high, anyHigh] = ends.map((usd) => plot.valToPos(usd, "y", true));
  ctx.save();
  Object.assign(ctx, { strokeStyle: stroke, fillStyle: stroke, lineWidth: 1.25 * ratio });
  ctx.beginPath();
  ctx.moveTo(x, anyLow);
  ctx.lineTo(x, anyHigh);
  ctx.stroke();
  ctx.globalAlpha = 0.38;
  ctx.fillRect(x - 3 * ratio, Math.min(low, high), 6 * ratio, Math.abs(high - low));
  ctx.restore();
}

/* weights: the heaviest in colour, the others grey and named at their ends */
const PLAIN = { calm: "var(--fill)", trending: "var(--accent-t)" };
export function weightsChart(data) {
  const names = Object.keys(data.divisions);
  const now = names.map((name) => data.now[name] ?? lastOf(data.divisions[name]) ?? 1);
  show("weights-answer", "Weight of each division, 1.00 is equal; first moves after 20 days");
  const equal = [...now, ...Object.values(data.divisions).flat()].every((weight) => Math.abs(weight - 1) < 0.005);
  if (data.days.length < 2 || equal) {
    show("regimes");
    return empty("weights-chart", equal ? "All weights are 1.00. They move after 20 days at the earliest." : names.map((name, i) => `${name} ${level(now[i], 2)}`).join("   "));
  }
  const at = data.days.map(noon), heaviest = names[now.indexOf(Math.max(...now))];
  const paint = (name) => (name === heaviest ? color("accent") : color("ink2"));
  const order = names.map((name, i) => [name, now[i]]).sort((one, two) => two[1] - one[1]);
  const options = { told: { at, names, order, paint, lines: data.divisions }, height: 196, padding: [10, 112, 0, 0],
    axes: [days(), axis({ size: 40, values: (plot, steps) => steps.map((x) => level(x, 2)) })],
    series: [{}, ...names.map((name) => series(paint(name), name === heaviest ? 2 : 1.2, { paths: uPlot.paths.stepped({ align: 1 }) }))],
    hooks: { setCursor: [weightsRead], draw: [weightLabels] } };
  chart("weights-chart", names.join(), options, [at, ...names.map((name) => data.divisions[name])]);
  return regimes(data);
}
function weightsRead(plot) {
  const { at, names, lines } = plot.told, i = plot.cursor.idx;
  write("weights-read", i === null || i === undefined ? "" : `${day(at[i] - 86400)}   ${names.map((name) => `${name} ${level(lines[name][i], 2)}`).join("   ")}`);
}
function weightLabels(plot) {
  let lowest = -99;
  for (const [name, weight] of plot.told.order) {
    const y = plot.valToPos(weight, "y");
    lowest = Math.max(y, lowest + 14);
    label(plot, weight, `${name} ${level(weight, 2)}`, plot.told.paint(name), lowest - y);
  }
}
function regimes({ regimes: said }) {
  const width = $("weights-chart").clientWidth, left = 40, right = width - 112;
  if (!said.length || width < 200) return show("regimes");
  const each = (right - left) / said.length, runs = [];
  said.forEach(([, name], i) => (lastOf(runs)?.name === name ? lastOf(runs).n++ : runs.push({ name, i, n: 1 })));
  return show("regimes", s("svg", { width, height: 24, role: "img", "aria-label": `regimes; the newest is ${lastOf(runs).name}` },
    s("defs", null, s("pattern", { id: "hatch", width: 5, height: 5, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, s("path", { d: "M0 0V5", stroke: "var(--ink2)", "stroke-width": 1.6 }))),
    runs.map(({ name, i, n }) => [s("rect", { x: left + i * each, y: 4, width: Math.max(1, n * each - 1), height: 16, fill: PLAIN[name] ?? (/turb|vola/i.test(name) ? "url(#hatch)" : "var(--fill)") }),
      n * each > 7 * name.length + 10 && !/turb|vola/i.test(name) ? s("text", { x: left + i * each + 6, y: 16, "font-size": 11, fill: "var(--ink2)" }, name.toLowerCase()) : null]),
    s("text", { x: right + 6, y: 16, "font-size": 11, fill: "var(--ink3)" }, "regime")));
}

/* what each stage from signal to fill added, and what the desk made in the end */
export function drawStages(data) {
  const slices = [["Newest day", data.last_day], ["A day, so far", data.orchestration]].filter(([, rows]) => rows.some((row) => row.days));
  if (!slices.length) return show("stages");
  const stages = slices[0][1].filter((row) => !row.absent).map((row) => row.stage);
  const added = (rows, name) => {
    if (name === "desk") return change(lastOf(rows).r_per_day, 2);
    const row = rows.find(({ stage }) => stage === name);
    return change(row?.added ?? (name === stages[0] ? row?.r_per_day : null), 2);
  };
  const named = (name) => (name === "raw" ? "signals" : name.replaceAll("_", " "));
  const columns = [...stages, "desk"], windows = slices.map(([name]) => name), kind = (name) => (name === "desk" ? "b" : null);
  const row = (title, cells) => h("tr", null, h("th", null, title), cells);
  const title = "Added by stage, R";
  /* a phone has room for the windows side by side, not for the stages */
  if (narrow())
    return show("stages", h("thead", null, row(title, windows.map((name) => h("th", null, name)))),
      h("tbody", null, columns.map((name) => row(named(name), slices.map(([, rows]) => h("td", { class: kind(name) }, added(rows, name)))))));
  return show("stages", h("thead", null, row(title, columns.map((name) => h("th", null, named(name))))),
    h("tbody", null, slices.map(([name, rows]) => row(name, columns.map((stage) => h("td", { class: kind(stage) }, added(rows, stage)))))));
}
