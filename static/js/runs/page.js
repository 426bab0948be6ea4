// The charts of one run or of several: fetch what is new, draw, zoom all together, smooth.

import { Chart, palette } from "../charts/chart.js";
import { cut, pointsOf, spliced, stepsBetween } from "../charts/curves.js";

const EVERY_MS = 3000;
const page = JSON.parse(document.getElementById("page").textContent);
const box = document.getElementById("charts");
const keys = ["step", "elapsed_s", ...new Set(page.charts.flatMap((chart) => chart.lines.map((line) => line.key)))].join(",");
const smoothing = document.getElementById("smooth"), axis = document.getElementById("axis");
const held = new Map(); // run id -> all of its curves
const near = new Map(); // run id -> the stretch that is zoomed into, finer than what is held
let zoom = null; // {low, high} on the axis, null for all
let asked = 0; // a late answer to an earlier zoom is dropped

const charts = page.charts.map((spec) => new Chart(spec, box, zoomTo));

async function fetchSeries(run, parameters) {
  const query = new URLSearchParams({ keys, ...parameters });
  const response = await fetch(`${run.series}?${query}`, { headers: { Accept: "application/json" }, credentials: "same-origin" });
  if (!response.ok) throw new Error(`${response.status}`);
  return response.json();
}

async function refresh(run) {
  const before = held.get(run.id);
  const known = before ? { level: before.level, known: pointsOf(before) } : {};
  const news = await fetchSeries(run, known);
  // A resumed run forgets what lies behind its checkpoint, so pieces of two attempts do not fit together.
  const replaced = before && (news.attempt !== before.attempt || news.lines < before.lines);
  const whole = replaced && news.start ? await fetchSeries(run, {}) : spliced(before, news);
  run.live = news.live;
  const changed = !before || whole.lines !== before.lines || replaced;
  held.set(run.id, whole);
  return changed;
}

function clipped(piece) {
  if (!zoom || !piece || !piece.columns[axis.value]) return piece;
  const [first, end] = cut(piece.columns[axis.value].mean, zoom.low, zoom.high);
  const columns = {};
  for (const [key, column] of Object.entries(piece.columns)) {
    columns[key] = Object.fromEntries(Object.entries(column).map(([name, values]) => [name, values.slice(first, end)]));
  }
  return { ...piece, columns };
}

function draw() {
  const { colours, ink, grid } = palette(box);
  const runs = page.runs.map((run, number) => ({
    name: run.name,
    colour: colours[number % colours.length],
    piece: clipped((zoom && near.get(run.id)) || held.get(run.id)),
  }));
  const view = { axis: axis.value, weight: Number(smoothing.value), colours, ink, grid, low: zoom && zoom.low, high: zoom && zoom.high };
  for (const chart of charts) chart.draw(runs, view);
  document.getElementById("no-curves").hidden = charts.some((chart) => !chart.figure.hidden);
  document.getElementById("zoom-all").disabled = document.getElementById("zoom-out").disabled = !zoom;
}

/** The stretch that all held curves cover on the axis. */
function whole() {
  const ends = [...held.values()].filter(pointsOf).map((piece) => (piece.columns[axis.value] || piece.columns.step).mean);
  return [Math.min(...ends.map((places) => places[0])), Math.max(...ends.map((places) => places.at(-1)))];
}

async function zoomTo(low, high) {
  const number = ++asked;
  near.clear();
  const [first, last] = whole();
  const narrow = low !== null && high > low && !(low <= first && high >= last);
  zoom = narrow ? { low: Math.max(first, low), high: Math.min(last, high) } : null;
  if (zoom && zoom.high <= zoom.low) zoom = null;
  draw();
  if (!zoom) return;
  for (const run of page.runs) {
    const piece = held.get(run.id);
    if (!pointsOf(piece) || piece.level === 0) continue; // all there is is drawn already
    const [since, until] = stepsBetween(piece, axis.value, zoom.low, zoom.high);
    const found = await fetchSeries(run, { since, until }).catch(() => null);
    if (number !== asked) return;
    if (found) near.set(run.id, found);
  }
  draw();
}

function zoomBy(factor) {
  const [first, last] = whole();
  const { low, high } = zoom || { low: first, high: last };
  const middle = (low + high) / 2, half = ((high - low) / 2) * factor;
  zoomTo(middle - half, middle + half);
}

async function look() {
  // The state part is polled by itself; a run that was taken up again is live again.
  const state = document.getElementById("run-state");
  if (state && page.runs.length === 1 && state.dataset.live === "1") page.runs[0].live = true;
  let changed = false;
  for (const run of page.runs) {
    if (held.has(run.id) && !run.live) continue;
    changed = (await refresh(run).catch(() => false)) || changed;
  }
  if (changed && !document.hidden) draw();
}

smoothing.addEventListener("input", () => {
  document.querySelector('output[for="smooth"]').value = smoothing.value;
  draw();
});
axis.addEventListener("change", () => zoomTo(null, null));
document.getElementById("zoom-in").addEventListener("click", () => zoomBy(0.5));
document.getElementById("zoom-out").addEventListener("click", () => zoomBy(2));
document.getElementById("zoom-all").addEventListener("click", () => zoomTo(null, null));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
document.addEventListener("visibilitychange", () => document.hidden || draw());
document.body.addEventListener("run-changed", () => setTimeout(look, 300));
document.body.addEventListener("htmx:afterSwap", (event) => {
  const log = document.querySelector(".run-log");
  if (log && event.target.id === "run-log") log.scrollTop = log.scrollHeight;
});

const log = document.querySelector(".run-log");
if (log) log.scrollTop = log.scrollHeight;
await look();
draw();
for (;;) {
  await new Promise((done) => setTimeout(done, EVERY_MS));
  await look();
}
