/* Numbers, elements and charts that every panel is made of. Text goes in as text, never as HTML. */

export const $ = (id) => document.getElementById(id);
export const narrow = () => innerWidth <= 640;
export const color = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/* numbers: a real minus, a sign on what is a change, a dash for what is not known */
export const DASH = "–";
const known = (x) => typeof x === "number" && Number.isFinite(x);
const bare = (x, digits) =>
  Math.abs(x).toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
const zero = (x, digits) => Number(Math.abs(x).toFixed(digits)) === 0;

export const level = (x, digits = 0) =>
  known(x) ? (x < 0 && !zero(x, digits) ? "−" : "") + bare(x, digits) : DASH;
export const change = (x, digits = 0) =>
  known(x) ? (zero(x, digits) ? "" : x < 0 ? "−" : "+") + bare(x, digits) : DASH;
export const tone = (x, digits = 0) => (!known(x) || zero(x, digits) ? "q3" : x < 0 ? "l" : "g");
export const share = (x, digits = 0) => (known(x) ? `${level(x * 100, digits)} %` : DASH);
/* a price says five figures, whatever its size */
export const priceDigits = (x) =>
  known(x) && x > 0 ? Math.min(8, Math.max(0, 4 - Math.floor(Math.log10(x)))) : 2;
export const price = (x, digits = priceDigits(x)) => level(x, digits);
export const money = (x, digits = 0) => h("span", { class: tone(x, digits) }, change(x, digits));

/* times: UTC */
const two = (n) => String(n).padStart(2, "0");
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const DAYS = "Sun Mon Tue Wed Thu Fri Sat".split(" ");
export const seconds = (ns) => ns / 1e9;
const date = (s) => new Date(s * 1000);
export const minute = (s) => `${two(date(s).getUTCHours())}:${two(date(s).getUTCMinutes())}`;
export const clock = (s) => `${minute(s)}:${two(date(s).getUTCSeconds())}`;
export const day = (s) => `${date(s).getUTCDate()} ${MONTHS[date(s).getUTCMonth()]}`;
export const weekday = (s) => `${DAYS[date(s).getUTCDay()]} ${day(s)} ${date(s).getUTCFullYear()}`;
/* the label of an axis over `span` seconds */
export const stamp = (s, span) => (span <= 600 ? clock(s) : span <= 2 * 86400 && s % 86400 ? minute(s) : day(s));
export function age(s) {
  if (!known(s)) return DASH;
  if (s < 60) return `${Math.max(0, s) < 10 ? level(Math.max(0, s), 1) : Math.round(s)} s`;
  if (s < 3600) return `${Math.round(s / 60)} min`;
  if (s < 36000) return `${(s / 3600).toFixed(1)} h`;
  if (s < 172800) return `${Math.round(s / 3600)} h`;
  return `${s < 864000 ? (s / 86400).toFixed(1) : Math.round(s / 86400)} d`;
}

/* elements */
function make(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child);
  }
  return element;
}
export const h = (tag, attributes, ...children) =>
  make(document.createElement(tag), attributes, children);
export const s = (tag, attributes, ...children) =>
  make(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

/* what stands back: a unit, a remark */
export const dim = (...text) => h("span", { class: "q3" }, text);

const keyOf = (node) => (node.nodeType === 1 ? node.getAttribute("data-key") : null);

/* Make `old` look like `fresh`, touching only what differs: focus, selection and hover stay. */
function patch(old, fresh) {
  if (old.nodeType === 3) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes)
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  if (!fresh.hasAttribute("data-kept")) children(old, [...fresh.childNodes]);
}

function children(parent, fresh) {
  const keyed = new Map();
  for (const node of parent.childNodes) if (keyOf(node)) keyed.set(keyOf(node), node);
  let at = parent.firstChild;
  for (const node of fresh) {
    const key = keyOf(node);
    const like = key ? keyed.get(key) : at && !keyOf(at) && at.nodeName === node.nodeName ? at : null;
    if (!like || like.nodeName !== node.nodeName) {
      parent.insertBefore(node, at);
      continue;
    }
    if (like === at) at = at.nextSibling;
    else parent.insertBefore(like, at);
    patch(like, node);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

/* Show these children in an element, in place of what it held. */
export function show(target, ...fresh) {
  const shell = make(document.createDocumentFragment(), null, fresh);
  children(typeof target === "string" ? $(target) : target, [...shell.childNodes]);
}
export const write = (id, text) => {
  if ($(id).textContent !== text) $(id).textContent = text;
};

/* one small drawing each */
const line = (values, x, y) => `M${values.map((v, i) => `${x(i)} ${y(v)}`).join("L")}`;
export function spark(values, { width = 88, height = 22, stroke = "var(--ink3)", zeroLine = true } = {}) {
  if (!values || values.length < 2) return h("span", { class: "q3" }, DASH);
  let low = Math.min(...values, ...(zeroLine ? [0] : []));
  let high = Math.max(...values, ...(zeroLine ? [0] : []));
  if (high - low < 1e-9) [low, high] = [low - 1, high + 1];
  const x = (i) => ((i / (values.length - 1)) * (width - 4) + 1).toFixed(1);
  const y = (v) => (height - 2 - ((v - low) / (high - low)) * (height - 4)).toFixed(1);
  const last = values.length - 1;
  return s("svg", { width, height, "aria-hidden": "true" },
    zeroLine && s("path", { d: `M1 ${y(0)}H${width - 3}`, stroke: "var(--line)" }),
    s("path", { d: line(values, x, y), fill: "none", stroke, "stroke-width": 1.25, "stroke-linejoin": "round" }),
    s("circle", { cx: x(last), cy: y(values[last]), r: 1.8, fill: stroke }));
}
export const arrow = (up, filled, stroke) =>
  s("svg", { width: 11, height: 11, viewBox: "0 0 11 11", "aria-hidden": "true" },
    s("path", { d: up ? "M5.5 1.5 10 9.5H1z" : "M5.5 9.5 10 1.5H1z", fill: filled ? stroke : "none", stroke, "stroke-width": 1.3, "stroke-linejoin": "round" }));
export const ring = (stroke) =>
  s("svg", { width: 11, height: 11, "aria-hidden": "true" },
    s("circle", { cx: 5.5, cy: 5.5, r: 3.6, fill: "none", stroke, "stroke-width": 1.8 }));
export const bar = (part, width = 112) =>
  s("svg", { width, height: 6, "aria-hidden": "true" },
    s("rect", { y: 1, width, height: 4, rx: 2, fill: "var(--line)" }),
    s("rect", { y: 1, width: Math.max(3, width * Math.min(1, part)).toFixed(1), height: 4, rx: 2, fill: "var(--ink3)" }));

export const td = (...held) => h("td", null, held);
export const wide = (...held) => h("td", { class: "hide-s" }, held);
/* tables: `wide` cells give way on a phone; a head is [label, class], a label may hold line breaks */
export const broken = (text) => (text.split ? text.split("\n").flatMap((part, i) => (i ? [h("br"), part] : [part])) : text);
export const heads = (columns) =>
  h("thead", null, h("tr", null, columns.map(([label, kind]) => h("th", { class: kind }, broken(label)))));
export const nothing = (text, columns = 1) =>
  h("tbody", null, h("tr", null, h("td", { colspan: columns }, text)));

/* What a window holds: fetched once, and said to be missing when it is. */
export async function ask(path) {
  const answer = await fetch(path, { headers: { Accept: "application/json" }, cache: "no-store" });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}
