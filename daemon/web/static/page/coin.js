/* A coin: candles with what was taken and what was blocked on it; its shape in three dimensions. */

import { $, DASH, arrow, change, color, day, dim, h, heads, level, minute, narrow, nothing, price, priceDigits, ring, s, show, stamp, write, td } from "./kit.js";
import { axis, chart, empty, words } from "./charts.js";


export function drawCoin(data) {
  drawNames(data);
  if (data.candles.length < 2) {
    write("coin-read", "");
    show("coin-key");
    empty("coin-chart", data.live ? "Its candles are still being read." : "Candles are read from the running daemon; it does not run.");
  } else {
    show("coin-key", key(), dim(`${data.timeframe.replace("m", " min")} candles, UTC`));
    candleChart(data);
  }
  drawLenses(data);
}
/* buttons while there is room for them, else a list */
function drawNames({ coin, coins }) {
  if (coins.length <= (narrow() ? 4 : 12))
    return show("coin-names", coins.map((name) => h("button", { "data-coin": name, "data-key": name, "aria-pressed": String(name === coin) }, name)));
  show("coin-names", h("select", { class: "pick", id: "coin-pick", "aria-label": "Coin" }, coins.map((name) => h("option", { value: name, "data-key": name }, name))));
  $("coin-pick").value = coin;
}
const key = () => [
  h("span", { class: "nw fx" }, arrow(true, true, "var(--accent)"), arrow(false, true, "var(--accent)"), " entry"),
  h("span", { class: "nw fx" }, ring("var(--gain)"), ring("var(--loss)"), " exit, won or lost"),
  h("span", { class: "nw fx" }, arrow(true, false, "var(--ink2)"), arrow(false, false, "var(--ink2)"), " blocked; × is how its phantom ended")];

function candleChart(data) {
  /* as many as there is room for, fewer where everything that happened is newer */
  const [least, most] = narrow() ? [36, 96] : [48, 192], first = Math.min(...data.marks.map((mark) => mark.from_ms));
  const since = data.candles.filter(([ms]) => ms >= first).length;
  const shown = data.candles.slice(-Math.min(most, Math.max(least, data.marks.length ? since + 24 : most))), at = shown.map(([ms]) => ms / 1000);
  const step = at[1] - at[0], digits = priceDigits(shown[shown.length - 1][4]);
  /* the newest candle is still open and not among them: what happens in it stands at the end */
  const index = (ms) => {
    const i = Math.floor((ms / 1000 - at[0]) / step);
    return i < shown.length + 2 ? Math.min(i, shown.length - 1) : i;
  };
  const marks = data.marks.filter((mark) => index(mark.from_ms) >= 0 && index(mark.from_ms) < shown.length)
    .map((mark) => ({ ...mark, i: index(mark.from_ms), j: mark.to_ms ? Math.min(shown.length - 1, index(mark.to_ms)) : null }));
  const told = { shown, at, digits, marks: thinned(marks) };
  const options = { told, height: narrow() ? 280 : 436, padding: [16, 12, 0, 0], cursor: { points: { show: false }, y: false, drag: { x: false, y: false } },
    range: (plot) => candleRange(plot.told ?? told), margin: step / 2,
    axes: [axis({ grid: { show: false }, values: (plot, steps) => steps.map((x) => stamp(x, 86400)), space: 72 }),
      axis({ size: 66, values: (plot, steps) => steps.map((x) => price(x, axisDigits(steps, digits))) })],
    series: [{}, { stroke: "transparent", points: { show: false } }], hooks: { setCursor: [candleRead], draw: [drawCandles, drawMarks] } };
  const plot = chart("coin-chart", data.coin, options, [at, shown.map((candle) => candle[4])]);
  if (plot.cursor.idx === null || plot.cursor.idx === undefined) candleRead(plot);
}
/* of what happened within one candle the newest few are drawn */
const EACH = 2;
function thinned(marks) {
  const seen = {};
  return marks.filter(({ kind, i }) => (seen[`${kind} ${i}`] = (seen[`${kind} ${i}`] ?? 0) + 1) <= EACH);
}
const axisDigits = (steps, digits) => (steps.length < 2 ? digits : Math.max(0, Math.min(8, Math.ceil(-Math.log10(steps[1] - steps[0])))));
function candleRange({ shown }) {
  const low = Math.min(...shown.map((candle) => candle[3])), high = Math.max(...shown.map((candle) => candle[2]));
  const margin = (high - low) * 0.13 || high * 0.001;
  return [low - margin, high + margin];
}
function candleRead(plot) {
  const { shown, at, digits, marks } = plot.told, i = plot.cursor.idx;
  if (i === null || i === undefined) {
    const close = shown[shown.length - 1][4], back = shown.findIndex(([ms]) => ms >= shown[shown.length - 1][0] - 86400000);
    const hours = (at[at.length - 1] - at[back]) / 3600;
    return write("coin-read", `${price(close, digits)} USD   ${change((close / shown[back][4] - 1) * 100, 2)} % in ${Math.round(hours)} h`);
  }
  const [, o, top, low, c] = shown[i], here = marks.filter((mark) => mark.i === i).slice(0, 2).map(inWords).join("; ");
  return write("coin-read", here || `${day(at[i])} ${minute(at[i])}   O ${price(o, digits)}  H ${price(top, digits)}  L ${price(low, digits)}  C ${price(c, digits)}`);
}
const inWords = (mark) => `${mark.bot} ${mark.side}${mark.kind === "blocked" ? `, blocked by ${mark.limits.join(", ")}` : ""}: ${typeof mark.r === "number" ? `${change(mark.r, 2)} R` : "open"}`;

function drawCandles(plot) {
  const { shown, at } = plot.told, { ctx } = plot, ratio = devicePixelRatio;
  const x = (i) => plot.valToPos(at[i], "x", true), y = (usd) => plot.valToPos(usd, "y", true);
  const width = Math.max(1, Math.floor((x(1) - x(0)) * 0.62)), ink = color("ink3"), paper = color("bg");
  ctx.save();
  Object.assign(ctx, { lineWidth: ratio, strokeStyle: ink });
  shown.forEach(([, open, high, low, close], i) => {
    const middle = Math.round(x(i)) + 0.5, top = y(Math.max(open, close)), foot = y(Math.min(open, close));
    ctx.globalAlpha = 0.8;
    stroke(ctx, [[middle, y(high)], [middle, y(low)]]);
    ctx.globalAlpha = 1;
    ctx.fillStyle = close >= open ? paper : ink;
    ctx.fillRect(middle - width / 2, top, width, Math.max(ratio, foot - top));
    ctx.strokeRect(middle - width / 2, top, width, Math.max(0.5, foot - top));
  });
  ctx.restore();
}
function stroke(ctx, points) {
  ctx.beginPath();
  points.forEach(([x, y], i) => (i ? ctx.lineTo(x, y) : ctx.moveTo(x, y)));
  ctx.stroke();
}

/* entries filled, blocks hollow; the line to the end, dotted for a phantom; words where there is room */
function drawMarks(plot) {
  const { marks } = plot.told, { ctx } = plot;
  /* words keep off the arrows and off each other */
  const taken = marks.map((mark) => placeOf(plot, mark).from);
  ctx.save();
  for (const kind of ["blocked", "taken"]) for (const mark of marks.filter((one) => one.kind === kind)) drawMark(plot, mark);
  for (const mark of [...marks].reverse()) if (mark.kind === "blocked" && mark.j !== null) drawWords(plot, mark, taken);
  ctx.restore();
}
function placeOf(plot, mark) {
  const { shown, at } = plot.told, ratio = devicePixelRatio, up = mark.side === "long";
  const x = (i) => plot.valToPos(at[i], "x", true), y = (usd) => plot.valToPos(usd, "y", true);
  const edge = shown[mark.i], from = [x(mark.i), up ? y(edge[3]) + 11 * ratio : y(edge[2]) - 11 * ratio];
  return { up, from, to: mark.j === null ? null : [x(mark.j), y(mark.to_px ?? shown[mark.j][4])] };
}
function drawMark(plot, mark) {
  const { ctx } = plot, ratio = devicePixelRatio, { up, from, to } = placeOf(plot, mark), isTaken = mark.kind === "taken";
  const ink = color("ink2"), fill = !isTaken ? ink : mark.r < 0 ? color("loss") : color("gain");
  if (to) {
    ctx.setLineDash(isTaken ? [] : [2 * ratio, 3 * ratio]);
    Object.assign(ctx, { strokeStyle: fill, globalAlpha: isTaken ? 0.9 : 0.6, lineWidth: 1.3 * ratio });
    stroke(ctx, [from, to]);
    ctx.setLineDash([]);
    ctx.globalAlpha = 1;
    if (isTaken) circle(ctx, to, 3.2 * ratio, fill);
    else cross(ctx, to, 3 * ratio, ink);
  }
  triangle(ctx, from, up, isTaken, isTaken ? color("accent") : ink);
}
function triangle(ctx, [x, y], up, filled, ink) {
  const ratio = devicePixelRatio, size = 5.2 * ratio, way = up ? 1 : -1;
  ctx.beginPath();
  ctx.moveTo(x, y - way * size);
  ctx.lineTo(x + size, y + way * size * 0.8);
  ctx.lineTo(x - size, y + way * size * 0.8);
  ctx.closePath();
  Object.assign(ctx, { lineWidth: 1.4 * ratio, strokeStyle: ink, fillStyle: filled ? ink : color("bg") });
  ctx.fill();
  ctx.stroke();
}
function circle(ctx, [x, y], radius, ink) {
  ctx.beginPath();
  ctx.arc(x, y, radius, 0, 7);
  Object.assign(ctx, { fillStyle: color("bg"), strokeStyle: ink, lineWidth: 1.8 * devicePixelRatio });
  ctx.fill();
  ctx.stroke();
}
function cross(ctx, [x, y], size, ink) {
  Object.assign(ctx, { strokeStyle: ink, lineWidth: 1.3 * devicePixelRatio });
  stroke(ctx, [[x - size, y - size], [x + size, y + size]]);
  stroke(ctx, [[x + size, y - size], [x - size, y + size]]);
}
function drawWords(plot, mark, taken) {
  if (typeof mark.r !== "number") return;
  const { ctx } = plot, { shown } = plot.told, ratio = devicePixelRatio, [x, y] = placeOf(plot, mark).to;
  const near = shown.slice(Math.max(0, mark.j - 2), mark.j + 3), pos = (usd) => plot.valToPos(usd, "y", true);
  const top = pos(Math.max(...near.map((candle) => candle[2]))), foot = pos(Math.min(...near.map((candle) => candle[3])));
  const at = y < (top + foot) / 2 ? top - 10 * ratio : foot + 10 * ratio;
  const clash = taken.some(([a, b]) => Math.abs(a - x) < 30 * ratio && Math.abs(b - at) < 14 * ratio);
  if (clash) return;
  taken.push([x, at]);
  words(ctx, `${change(mark.r, 1)} R`, Math.min(x, plot.bbox.left + plot.bbox.width - 12 * ratio), at, color("ink2"), { align: "center", size: 10.5 });
}

/* lenses: the value alone says nothing, so its rank among surrogates stands beside it */
function drawLenses(data) {
  series = shape(data.attractor);
  write("lens-answer", series.length ? `${data.coin}, last ${data.attractor.length} bars; drag to turn it` : data.coin);
  drawAttractor();
  if (!data.lenses.length) return show("lens-table", nothing("The shape needs some hundred closed minutes; it shows once the lens process has answered."));
  const odd = data.lenses.filter(([, , rank]) => rank !== null && (rank < 0.025 || rank > 0.975));
  return show("lens-table", heads([[odd.length ? `${odd.length} unusual` : "Nothing unusual"], ["Value"], ["Rank among surrogates", "la"], [""]]),
    h("tbody", null, data.lenses.map(([name, value, rank]) => h("tr", { "data-key": name }, td(name.replaceAll("_", " ")),
      td(level(value, Math.abs(value) >= 100 ? 0 : 2)), h("td", { class: "la" }, rank === null ? null : ranked(rank)),
      h("td", { class: "q2" }, rank === null ? DASH : level(rank, 2))))));
}
function ranked(rank) {
  const width = narrow() ? 76 : 96;
  return s("svg", { width, height: 14, role: "img", "aria-label": `rank ${level(rank, 2)} of 1` }, s("path", { d: `M0 7H${width}`, stroke: "var(--line)", "stroke-width": 4 }),
    s("path", { d: `M0 7H4M${width - 4} 7H${width}`, stroke: "var(--warn)", "stroke-width": 4, opacity: 0.7 }), s("circle", { cx: (rank * width).toFixed(1), cy: 7, r: 3, fill: "var(--accent)" }));
}

/* the attractor: returns smoothed over 13 bars against themselves 4 and 8 bars before */
const SMOOTH = 13, LAG = 4, HEIGHT = 272, NEWEST = 34, REACH = 105;
const turn = { round: 0.62, tilt: 0.42 };
let series = [];
function shape(returns) {
  const smooth = [];
  for (let i = SMOOTH; i <= returns.length; i++) smooth.push(returns.slice(i - SMOOTH, i).reduce((sum, x) => sum + x, 0));
  const most = Math.max(...smooth.map(Math.abs), 1e-12);
  return smooth.length > 2 * LAG + 3 ? smooth.map((x) => (x / most) * 100) : [];
}
function projector(width) {
  const { round, tilt } = turn, scale = (Math.min(width, HEIGHT) * 0.5) / 112;
  return ([x, y, z]) => {
    const u = x * Math.cos(round) - y * Math.sin(round), v = x * Math.sin(round) + y * Math.cos(round);
    const up = z * Math.cos(tilt) - v * Math.sin(tilt), depth = z * Math.sin(tilt) + v * Math.cos(tilt), far = 1 / (1 + depth / 420);
    return [width / 2 + u * scale * far, HEIGHT / 2 - up * scale * far, depth];
  };
}
export function drawAttractor() {
  const canvas = $("attractor"), ratio = devicePixelRatio || 1, ctx = canvas.getContext("2d");
  canvas.hidden = !series.length;
  if (!series.length) return;
  const width = canvas.clientWidth;
  Object.assign(canvas, { width: width * ratio, height: HEIGHT * ratio });
  ctx.scale(ratio, ratio);
  const project = projector(width), names = axes(ctx, project);
  orbit(ctx, project);
  for (const [x, y, text] of names) {
    const right = x > width / 2, wide = 6 * text.length, at = Math.min(width - wide, Math.max(2, right ? x + 4 : x - 4 - wide));
    words(ctx, text, at, Math.min(HEIGHT - 8, Math.max(8, y)), color("ink3"), { ratio: 1 });
  }
}
function axes(ctx, project) {
  Object.assign(ctx, { lineWidth: 1, strokeStyle: color("line") });
  return [["return now", 0], [`${LAG} bars ago`, 1], [`${2 * LAG} bars ago`, 2]].map(([text, i]) => {
    const end = (sign) => project([0, 1, 2].map((k) => (k === i ? sign * REACH : 0)));
    stroke(ctx, [end(-1), end(1)]);
    return [...end(1).slice(0, 2), text];
  });
}
function orbit(ctx, project) {
  const n = series.length - 2 * LAG, points = Array.from({ length: n }, (_, i) => project([series[i + 2 * LAG], series[i + LAG], series[i]]));
  const middle = (a, b) => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2], accent = color("accent"), ink = color("ink2");
  Object.assign(ctx, { lineCap: "round", lineJoin: "round" });
  for (let i = 1; i < n - 1; i++) {
    const isNew = i > n - NEWEST, depth = Math.min(1, Math.max(0, (points[i][2] + 120) / 240));
    ctx.globalAlpha = isNew ? 0.35 + (0.65 * (i - n + NEWEST)) / (NEWEST - 1) : 0.12 + 0.36 * (1 - depth) + (0.12 * i) / n;
    Object.assign(ctx, { strokeStyle: isNew ? accent : ink, lineWidth: isNew ? 1.9 : 0.9 });
    const from = middle(points[i - 1], points[i]), to = middle(points[i], points[i + 1]);
    ctx.beginPath();
    ctx.moveTo(...from);
    ctx.quadraticCurveTo(points[i][0], points[i][1], ...to);
    ctx.stroke();
  }
  ctx.globalAlpha = 1;
  ctx.fillStyle = accent;
  ctx.beginPath();
  ctx.arc(points[n - 1][0], points[n - 1][1], 3, 0, 7);
  ctx.fill();
}
/* It turns when it is dragged, never by itself; arrow keys turn it too. */
export function turnable() {
  const canvas = $("attractor");
  let from = null;
  const to = (round, tilt) => {
    Object.assign(turn, { round, tilt: Math.max(-1.5, Math.min(1.5, tilt)) });
    drawAttractor();
  };
  canvas.addEventListener("pointerdown", (event) => {
    from = { x: event.clientX, y: event.clientY, ...turn };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => from && to(from.round + (event.clientX - from.x) * 0.01, from.tilt + (event.clientY - from.y) * 0.006));
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => (from = null));
  const steps = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1] };
  canvas.addEventListener("keydown", (event) => {
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    to(turn.round + step[0], turn.tilt + step[1]);
  });
}
