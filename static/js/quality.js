// The quality page: its charts, zoomed together, and a form that answers by itself.

import { Chart, palette } from "./charts/chart.js";

const page = JSON.parse(document.getElementById("quality-curves").textContent);
const box = document.getElementById("charts");
const seconds = page.days.map((day) => {
  const [year, month, date] = day.split("-").map(Number);
  return new Date(year, month - 1, date).getTime() / 1000; // a day begins where the reader is
});
const piece = { columns: { ...page.columns, step: { mean: seconds } } };
let zoom = { low: null, high: null };

function draw() {
  const { colours, ink, grid } = palette(box);
  const view = { axis: "step", weight: 0, colours, ink, grid, ...zoom };
  for (const chart of charts) chart.draw([{ name: "", colour: colours[0], piece }], view);
  document.getElementById("no-curves").hidden = charts.some((chart) => !chart.figure.hidden);
  for (const name of ["zoom-all", "zoom-out"]) document.getElementById(name).disabled = zoom.low === null;
}

function zoomTo(low, high) {
  const first = seconds[0], last = seconds.at(-1);
  const narrow = low !== null && high > low && !(low <= first && high >= last);
  zoom = narrow ? { low: Math.max(first, low), high: Math.min(last, high) } : { low: null, high: null };
  if (zoom.low !== null && zoom.high <= zoom.low) zoom = { low: null, high: null };
  draw();
}

function zoomBy(factor) {
  const low = zoom.low ?? seconds[0], high = zoom.high ?? seconds.at(-1);
  const middle = (low + high) / 2, half = ((high - low) / 2) * factor;
  zoomTo(middle - half, middle + half);
}

const charts = page.charts.map((spec) => new Chart(spec, box, zoomTo));
document.getElementById("zoom-in").addEventListener("click", () => zoomBy(0.5));
document.getElementById("zoom-out").addEventListener("click", () => zoomBy(2));
document.getElementById("zoom-all").addEventListener("click", () => zoomTo(null, null));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
for (const field of document.querySelectorAll(".quality-ask select")) {
  field.addEventListener("change", () => field.form.requestSubmit());
}
draw();
