// One chart: its curves on a canvas by uPlot, its newest values in words, and all of it as a table.

import { clock, smooth, spread, written } from "./curves.js";

const TABLE_ROWS = 60, DATE_ROWS = 400;
const DOTS = 60; // so many values of days are marked one by one
const lang = document.documentElement.lang;
const DAY_S = 86400;
const DAYS = [1, 2, 7, 14, 28, 56, 112].map((days) => days * DAY_S);
const dated = new Intl.DateTimeFormat(lang, { month: "short", day: "numeric" });
const datedInFull = new Intl.DateTimeFormat(lang, { year: "numeric", month: "short", day: "numeric" });

/** The colours of curves, ink and grid as the theme has them now; `box` is any element of the page. */
export function palette(box) {
  const style = (name) => {
    const probe = document.createElement("i");
    probe.className = name;
    box.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  };
  return { colours: [0, 1, 2, 3, 4, 5].map((number) => style(`curve-${number}`)), ink: style("curve-ink"), grid: style("curve-grid") };
}

/**
 * `spec`: title, help, lines, form, large; `dates`, the head of the column of days where the x axis is days in seconds since
 * 1970; `most`, the highest value there can be. `onZoom(low, high)` is called when a person zoomed; (null, null) for all.
 */
export class Chart {
  constructor(spec, box, onZoom) {
    this.spec = spec;
    this.onZoom = onZoom;
    this.figure = document.createElement("figure");
    this.figure.className = spec.large ? "chart large" : "chart";
    this.figure.innerHTML = `<figcaption><h3></h3><p class="help"></p></figcaption>
      <div class="canvas" tabindex="0" role="img"></div><div class="legend small"></div>
      <details><summary class="small"></summary><div class="table-scroll" tabindex="0" role="region"></div></details>`;
    this.figure.querySelector("h3").textContent = spec.title;
    const help = this.figure.querySelector(".help");
    help.textContent = spec.help || "";
    help.hidden = !spec.help;
    this.figure.querySelector("summary").textContent = gettext("As a table");
    this.figure.querySelector(".table-scroll").setAttribute("aria-label", spec.title);
    this.canvas = this.figure.querySelector(".canvas");
    this.details = this.figure.querySelector("details");
    this.details.addEventListener("toggle", () => this.fillTable());
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    box.append(this.figure);
    new ResizeObserver(() => this.resize()).observe(this.canvas);
  }

  key(event) {
    const scale = this.plot && this.plot.scales.x;
    if (!scale || event.ctrlKey || event.metaKey || event.altKey) return;
    const { min, max } = scale, width = max - min, middle = (min + max) / 2;
    const range = {
      "+": [middle - width / 4, middle + width / 4],
      "=": [middle - width / 4, middle + width / 4],
      "-": [middle - width, middle + width],
      ArrowLeft: [min - width / 5, max - width / 5],
      ArrowRight: [min + width / 5, max + width / 5],
      0: [null, null],
    }[event.key];
    if (!range) return;
    event.preventDefault();
    this.onZoom(...range);
  }

  resize() {
    const width = this.canvas.clientWidth;
    if (this.plot && width && Math.abs(this.plot.width - width) > 1) this.plot.setSize({ width, height: this.height() });
  }

  height() {
    return this.spec.large ? 260 : 170;
  }

  /** runs: [{name, colour, piece}], each piece with columns; view: {axis, weight, low, high}. */
  draw(runs, view) {
    this.curves = [];
    for (const run of runs) {
      this.spec.lines.forEach((line, number) => {
        const column = run.piece && run.piece.columns[line.key];
        const places = run.piece && run.piece.columns[view.axis];
        if (!column || !places || !column.mean.some((value) => value !== null)) return;
        const colour = runs.length === 1 ? view.colours[number % view.colours.length] : run.colour;
        const label = runs.length === 1 ? line.label : this.spec.lines.length > 1 ? `${run.name}: ${line.label}` : run.name;
        const dash = runs.length > 1 && number ? [6, 4] : [];
        this.curves.push({ label, colour, dash, places: places.mean, steps: run.piece.columns.step.mean, column, key: line.key });
      });
    }
    this.view = view;
    this.figure.hidden = !this.curves.length;
    if (!this.curves.length) return;
    this.rebuild();
    this.tell();
    this.fillTable();
  }

  /** The parts of each curve that are drawn: band of extremes, raw values, the curve itself. */
  layers() {
    const tables = [], series = [{}], bands = [];
    for (const curve of this.curves) {
      const columns = [curve.places];
      const thin = { spanGaps: true, points: { show: false } };
      const known = curve.column.mean.filter((value) => value !== null).length;
      if (curve.column.min) {
        const at = series.length;
        columns.push(curve.column.max, curve.column.min);
        series.push({ ...thin, stroke: "transparent" }, { ...thin, stroke: "transparent" });
        bands.push({ series: [at, at + 1], fill: faint(curve.colour, 0.16) });
      }
      if (this.view.weight) {
        columns.push(curve.column.mean);
        series.push({ ...thin, stroke: faint(curve.colour, 0.35), width: 1 });
      }
      const alone = this.spec.dates ? known <= DOTS : curve.places.length === 1;
      columns.push(smooth(curve.column.mean, this.view.weight));
      series.push({ ...thin, stroke: curve.colour, width: 2, dash: curve.dash, points: { show: alone, size: known > 1 ? 5 : 7, fill: curve.colour } });
      tables.push(columns);
    }
    return { data: tables.length > 1 ? uPlot.join(tables) : tables[0], series, bands };
  }

  rebuild() {
    const { data, series, bands } = this.layers();
    const { ink, grid, low, high, axis } = this.view;
    const form = (value) => written(value, this.spec.form, lang);
    const font = "12px system-ui, sans-serif";
    const shape = JSON.stringify([series, bands, axis, ink, this.canvas.clientWidth, low, high]);
    if (this.plot && this.shape === shape) {
      this.plot.setData(data, true);
      return;
    }
    this.shape = shape;
    if (this.plot) this.plot.destroy();
    const line = { stroke: ink, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 }, font };
    this.plot = new uPlot(
      {
        width: this.canvas.clientWidth || 300,
        height: this.height(),
        legend: { show: false },
        series,
        bands,
        scales: {
          x: { time: Boolean(this.spec.dates), range: (_plot, min, max) => (low === null ? widened(min, max) : [low, high]) },
          y: { range: (_plot, min, max) => roomy(min, max, this.spec.most) },
        },
        axes: [
          { ...line, ...(this.spec.dates ? { space: 70, incrs: DAYS } : {}), values: (_plot, splits) => splits.map((value) => this.mark(value, axis)) },
          { ...line, size: 76, values: (_plot, splits) => splits.map(form) },
        ],
        cursor: { drag: { x: true, y: false, setScale: false }, points: { size: 6 } },
        hooks: {
          setSelect: [(plot) => plot.select.width > 4 && this.onZoom(plot.posToVal(plot.select.left, "x"), plot.posToVal(plot.select.left + plot.select.width, "x"))],
          setCursor: [(plot) => this.point(plot)],
        },
      },
      data,
      this.canvas,
    );
    this.plot.over.addEventListener("dblclick", () => this.onZoom(null, null));
  }

  /** A place on the x axis, short. */
  mark(value, axis) {
    if (this.spec.dates) return dated.format(new Date(value * 1000));
    return axis === "step" ? written(value, "number", lang) : clock(value);
  }

  /** A place in full, for the legend and the table. */
  place(step) {
    return this.spec.dates ? datedInFull.format(new Date(step * 1000)) : whole(step);
  }

  /** A value in words, with its interval where there is one and the curve is one of days. */
  value(column, at) {
    const text = written(column.mean[at], this.spec.form, lang);
    if (!this.spec.dates || !column.min || column.min[at] === null || column.min[at] === undefined) return text;
    return `${text} (${written(column.min[at], this.spec.form, lang)} – ${written(column.max[at], this.spec.form, lang)})`;
  }

  /** The values under the pointer, else the newest ones. */
  point(plot) {
    const place = plot.cursor.left >= 0 ? plot.posToVal(plot.cursor.left, "x") : null;
    this.legend(place);
  }

  legend(place) {
    const box = this.figure.querySelector(".legend");
    box.replaceChildren(...this.curves.map((curve) => {
      const at = place === null ? newest(curve.column.mean) : nearest(curve.places, place);
      const entry = document.createElement("span");
      const swatch = document.createElement("i");
      swatch.className = curve.dash.length ? "swatch dashed" : "swatch";
      swatch.style.background = curve.colour;
      swatch.style.color = curve.colour;
      const name = document.createElement("span");
      name.className = "name";
      name.textContent = name.title = curve.label;
      const value = document.createElement("strong");
      value.textContent = this.value(curve.column, at);
      const where = document.createElement("span");
      where.className = "muted";
      const step = this.place(curve.steps[at]);
      where.textContent = this.spec.dates ? step : interpolate(gettext("step %s"), [step]);
      entry.append(swatch, name, value, where);
      return entry;
    }));
  }

  tell() {
    this.legend(null);
    const words = this.curves.map((curve) => {
      const known = curve.column.mean.filter((value) => value !== null);
      const low = (curve.column.min || known).filter((value) => value !== null);
      const high = (curve.column.max || known).filter((value) => value !== null);
      const form = (value) => written(value, this.spec.form, lang);
      const parts = [form(known.at(-1)), form(Math.min(...low)), form(Math.max(...high))];
      return `${curve.label}: ${interpolate(gettext("now %s, least %s, most %s"), parts)}`;
    });
    this.canvas.setAttribute("aria-label", `${this.spec.title}. ${words.join(". ")}`);
  }

  fillTable() {
    if (!this.details.open || !this.curves) return;
    const table = document.createElement("table");
    const head = table.createTHead().insertRow();
    const body = table.createTBody();
    for (const text of [this.spec.dates || gettext("Step"), ...this.curves.map((curve) => curve.label)]) {
      const cell = document.createElement("th");
      cell.className = "number";
      cell.textContent = text;
      head.append(cell);
    }
    const steps = [...new Set(this.curves.flatMap((curve) => curve.steps))].sort((a, b) => a - b);
    const shown = spread(steps.length, this.spec.dates ? DATE_ROWS : TABLE_ROWS);
    for (const at of this.spec.dates ? shown.reverse() : shown) {
      const row = body.insertRow();
      const values = this.curves.map((curve) => this.value(curve.column, curve.steps.indexOf(steps[at])));
      for (const text of [this.place(steps[at]), ...values]) {
        const cell = row.insertCell();
        cell.className = "number";
        cell.textContent = text;
      }
    }
    this.details.querySelector(".table-scroll").replaceChildren(table);
  }
}

/** A step in full: a point that sums up several lines lies at their middle. */
function whole(step) {
  return Math.round(step).toLocaleString(lang);
}

function faint(colour, share) {
  return colour.replace(/^rgba?\(([^)]+)\)$/, (_all, parts) => `rgba(${parts.split(/[ ,/]+/).slice(0, 3).join(", ")}, ${share})`);
}

function widened(min, max) {
  return min === max ? [min - 1, max + 1] : [min, max];
}

function roomy(min, max, most) {
  if (min === null || max === null) return [0, 1];
  const room = (max - min) * 0.06 || Math.abs(max) * 0.1 || 1;
  const top = most !== undefined && max + room > most ? Math.max(most, max) : max + room;
  return [min >= 0 && min - room < 0 ? 0 : min - room, top];
}

function newest(values) {
  const at = values.findLastIndex((value) => value !== null);
  return at < 0 ? values.length - 1 : at;
}

function nearest(places, place) {
  let best = 0;
  places.forEach((here, at) => {
    if (Math.abs(here - place) < Math.abs(places[best] - place)) best = at;
  });
  return best;
}
