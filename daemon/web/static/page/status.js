/* Am I all right? One word with a shape, eight cells, and what to do when it is not. */

import { $, DASH, age, change, clock, day, h, level, minute, share, show, write } from "./kit.js";

export const QUIET_MS = 30000;
const OK = "", WARN = "warnd", BAD = "bad";

/* What the whole page is in, worst first. `cut` says for how long the page itself heard nothing. */
export function judge(known, now) {
  if (known.cutMs > QUIET_MS) return "cut";
  const state = known.tick?.state ?? known.status?.state;
  if (known.status?.readable === false && state !== "never" && state !== "starting") return "version";
  if (state === "silent" || state === "stopped" || state === "never" || state === "starting") return state;
  if (state !== "running") return "waiting";
  if (isHalted(known)) return "halted";
  if (quietFor(known, now) > QUIET_MS) return "stale";
  if (faulted(known.status).length) return "faulted";
  return scoped(known.status).length ? "partly" : "ok";
}

const live = (status) => status?.status ?? null;
const haltsOf = (status) => Object.entries(status?.halts ?? {});
/* a tick is newer than the status: it has the last word on whether entries are open */
const scoped = (status) => live(status)?.halted ?? [];
const isHalted = ({ tick, status }) =>
  tick?.halted !== undefined ? Boolean(tick.halted || tick.latched) : haltsOf(status).length > 0 || Boolean(status?.latched);
export const faulted = (status) => Object.entries(live(status)?.bots ?? {}).filter(([, bot]) => bot.fault);

/* Milliseconds since any coin's newest word; null where none was heard. */
function quietFor(known, now) {
  const age = known.tick?.feed?.newest_ms;
  return age === null || age === undefined ? null : Math.max(0, age + now - known.tick.now_ms);
}

const code = (text) => h("span", { class: "code" }, text);
const codes = (commands) => (commands ?? []).flatMap((text) => [" ", code(text)]);
const since = (ms, now) => (ms ? `for ${age((now - ms) / 1000)}` : "");

function haltReasons(known) {
  const { latched } = known.tick?.latched !== undefined ? known.tick : (known.status ?? {});
  const halts = known.tick?.halted ?? haltsOf(known.status).map(([who, why]) => `${who}: ${why}`).join("; ");
  return [latched, halts && `halted by ${halts}`].filter(Boolean).join("; ");
}

/* state → [kind, word, beside it, banner] */
const FACES = {
  ok: (k) => [OK, "All right", up(k)],
  waiting: () => [OK, "Asking", ""],
  faulted: (k) => {
    const bots = faulted(k.status);
    return [WARN, bots.length === 1 ? "One bot faulted" : `${bots.length} bots faulted`, up(k),
      [h("b", null, bots.map(([name, bot]) => `${name}: ${bot.fault}`).join("; ")),
        " It makes no signals; its open trades keep their stops. The other bots go on."]];
  },
  partly: (k) => [WARN, "Partly halted", up(k), scoped(k.status).map(({ bot, coin, by: who, why, resume }) =>
    h("div", null, h("b", null, [bot, coin].filter(Boolean).join(" on "), `: halted by ${who}, ${why}.`), " The others go on. To open: ", code(resume)))],
  stale: (k, now) => [WARN, "Feed is quiet", up(k),
    [h("b", null, `No tick for ${age(quietFor(k, now) / 1000)}.`),
      " Entries are closed until the book is fresh again; open trades keep their stops on the last known book."]],
  halted: (k) => [BAD, k.tick?.latched || k.status?.latched ? "Latched" : "Halted", "entries closed",
    [h("b", null, `${haltReasons(k)}.`), " No new entries; phantoms go on being measured.",
      (k.status?.release ?? []).length > 0 && [" To open now:", codes(k.status.release)]]],
  silent: (k, now) => [BAD, "Daemon silent", since(k.status?.since_ms, now),
    [h("b", null, "What you see is the database", asOf(k)), ", not now. The page goes on reading and will catch up by itself. To look: ",
      code("systemctl status gnomon")]],
  stopped: (k, now) => [BAD, "Daemon stopped", since(k.status?.since_ms, now),
    [h("b", null, "It was stopped in order; what you see is the database", asOf(k)), ", not now. To start it: ", code("gnomon run")]],
  never: () => [WARN, "No daemon yet", "",
    [h("b", null, "Nothing has run in this folder."), " The page fills as soon as it does. To start: ", code("gnomon run")]],
  starting: (k) => [WARN, "Starting", "", k.status?.words ? [h("b", null, "The daemon starts:"), ` ${k.status.words}.`] : null],
  version: (k) => [BAD, /version/i.test(k.status.words) ? "Another version" : "Database not read", "",
    [h("b", null, "This page cannot read the database:"), ` ${k.status.words}. What you see is old. When the daemon was upgraded, start the page again: `,
      code("gnomon web")]],
  cut: (k) => [BAD, "Page cut off", `for ${age(k.cutMs / 1000)}`,
    [h("b", null, "This page’s own server does not answer."), " What you see is old; it comes back by itself. To look: ", code("systemctl status gnomon-web")]],
};
const asOf = (k) => (k.status?.since_ms ? ` as of ${day(k.status.since_ms / 1000)} ${clock(k.status.since_ms / 1000)} UTC` : "");
const up = (k) => (live(k.status) ? `up ${age(live(k.status).uptime_s)}` : "");
export const isOld = (state) => ["silent", "stopped", "cut", "version"].includes(state);

/* [name, value, beside it, 1 warn or 2 bad] */
function cells(known, state, now) {
  const lost = isOld(state) || !live(known.status);
  const figures = lost ? silentCells(known, state, now) : liveCells(known, state, now);
  return [...figures, disk(known), alarms(known.status)];
}

function silentCells(known, state, now) {
  const bad = isOld(state) ? 2 : 0;
  const newest = known.status?.since_ms;
  const told = newest ? `${age((now - newest) / 1000)} ago` : DASH;
  return [["Feed", bad ? "unknown" : DASH, "", bad], ["Last tick", told, "", newest ? bad : 0],
    ["Clock", DASH], ["Trading", bad ? "unknown" : DASH, "", bad], ["Lost today", DASH], ["Bots", DASH]];
}

function liveCells(known, state, now) {
  const { status } = known.status, quiet = quietFor(known, now), stale = quiet > QUIET_MS;
  const feed = known.tick?.feed ?? { ok: status.feeds.filter((coin) => coin.ok).length, of: status.feeds.length };
  const offset = known.tick?.clock_ms ?? status.clock?.wall_ms;
  const halted = state === "halted", loss = known.status.loss;
  const bots = Object.values(status.bots ?? {}), bad = faulted(known.status).length;
  const some = feed.ok < feed.of ? 1 : 0;
  return [
    ["Feed", stale ? "silent" : feed.ok ? "up" : "down", `${feed.ok} of ${feed.of} coins`, stale ? 1 : some],
    ["Last tick", quiet === null ? DASH : `${age(quiet / 1000)} ago`, "", stale ? 1 : 0],
    ["Clock", typeof offset === "number" ? `${change(offset)} ms` : DASH, "", status.clock?.trouble ? 1 : 0],
    ["Trading", halted ? (known.status.latched ? "latched" : "halted") : stale ? "waiting" : "open",
      halted ? by(known.status) : stale ? "for the feed" : "", halted ? 2 : stale ? 1 : 0],
    ["Lost today", loss ? share(Math.max(0, loss.day_share), 2) : DASH,
      loss ? `of ${level(loss.day_share_max * 100, 1).replace(".0", "")}` : "", loss && loss.day_share >= loss.day_share_max ? 2 : 0],
    ["Bots", `${bots.length - bad} of ${bots.length}`, bad ? `${bad} faulted` : "running", bad ? 1 : 0],
  ];
}

const by = (status) => {
  const who = haltsOf(status).map(([name]) => name);
  return who.length ? `by ${who.join(", ")}` : "by drawdown";
};
const disk = ({ status, diskDays: days }) => {
  const free = live(status)?.disk_free_mb;
  if (typeof days === "number") return ["Disk", days > 9999 ? "years" : `${level(days)} days`, "left", days < 7 ? 1 : 0];
  return ["Disk", typeof free === "number" ? `${level(free / 1024, free < 10240 ? 1 : 0)} GB` : DASH, typeof free === "number" ? "free" : ""];
};
function alarms(status) {
  /* that entries are open again is good news */
  const rows = status?.alarms_today?.filter(({ kind }) => kind !== "resume");
  if (!rows) return ["Alarms", DASH];
  if (!rows.length) return ["Alarms", "none", "today"];
  return ["Alarms", String(rows.length), `${rows[0].kind} ${minute(rows[0].ts_ms / 1000)}`, 1, rows[0].message];
}

const cell = ([name, value, beside = "", bad = 0, title = null]) =>
  h("div", { "data-key": name, title }, h("dt", null, name),
    h("dd", { class: bad > 1 ? "l" : bad ? "w" : null }, value, " ", h("small", null, beside)));

/* Draw strip, banner and the title of the tab. */
export function drawStatus(known, now) {
  const state = judge(known, now);
  const [kind, word, beside, banner] = FACES[state](known, now);
  show("strip", h("div", { class: `all ${kind}`, "data-key": "all" }, h("dt", null, "Am I all right?"),
    h("dd", { "data-state": state }, h("i", { class: "dot" }), h("span", null, word), " ", h("small", null, beside))),
    cells(known, state, now).map(cell));
  $("banner").className = `banner${banner ? ` on ${kind}` : ""}`;
  show("banner", banner ? h("span", null, banner) : null);
  document.body.classList.toggle("old", isOld(state));
  const mark = { [OK]: "●", [WARN]: "▲", [BAD]: "■" }[kind];
  const title = state === "ok" ? "Gnomon" : `${mark} ${word} · Gnomon`;
  if (document.title !== title) document.title = title;
  $("top-state").className = `top-state only-s ${kind}`;
  write("top-word", state === "ok" ? "" : word);
  return state;
}
