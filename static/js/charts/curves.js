// Curves as numbers: what arrives in pieces is put together, smoothed, and made into rows of a table. No page, no drawing.

/** Exponential moving average without the pull of its first value; `weight` 0 leaves all as it is, nulls are passed by. */
export function smooth(values, weight) {
  if (!weight) return values;
  let sum = 0, mass = 0;
  return values.map((value) => {
    if (value === null || value === undefined) return null;
    sum = sum * weight + value * (1 - weight);
    mass = mass * weight + (1 - weight);
    return sum / mass;
  });
}

/** What is held of a run together with what came: points before `news.start` stay, when both are of one level. */
export function spliced(held, news) {
  if (!held || held.level !== news.level || news.start === 0) return news;
  const before = pointsOf(held), after = pointsOf(news), columns = {};
  for (const key of new Set([...Object.keys(held.columns), ...Object.keys(news.columns)])) {
    columns[key] = {};
    const names = Object.keys(news.columns[key] || held.columns[key]);
    for (const name of names) {
      const first = (held.columns[key] || {})[name] || new Array(before).fill(null);
      const rest = (news.columns[key] || {})[name] || new Array(after).fill(null);
      columns[key][name] = [...first.slice(0, news.start), ...rest];
    }
  }
  return { ...news, start: 0, columns };
}

/** How many points a piece of curves has. */
export function pointsOf(piece) {
  const column = piece && (piece.columns.step || Object.values(piece.columns)[0]);
  return column ? column.mean.length : 0;
}

/** The steps from `low` to `high` of an axis that may be another one (time): [since, until]. */
export function stepsBetween(piece, axis, low, high) {
  if (axis === "step") return [low, high];
  const steps = piece.columns.step.mean, places = (piece.columns[axis] || piece.columns.step).mean;
  const inside = steps.filter((_step, at) => places[at] >= low && places[at] <= high);
  return inside.length ? [inside[0], inside.at(-1)] : [steps[0], steps.at(-1)];
}

/** The part of the points whose place on the axis lies between, one more on each side. */
export function cut(places, low, high) {
  let first = places.findIndex((place) => place >= low);
  if (first < 0) first = places.length;
  let end = places.findIndex((place) => place > high);
  if (end < 0) end = places.length;
  return [Math.max(0, first - 1), Math.min(places.length, end + 1)];
}

/** At most `most` numbers of points for a table, evenly spread, first and last among them. */
export function spread(count, most) {
  if (count <= most) return [...Array(count).keys()];
  return [...Array(most).keys()].map((row) => Math.round((row * (count - 1)) / (most - 1)));
}

const UNITS = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];

/** A number as people read it: "number", "percent" or "bytes". */
export function written(value, form, lang) {
  if (value === null || value === undefined) return "–";
  if (form === "percent") return `${(100 * value).toLocaleString(lang, { maximumFractionDigits: 1 })} %`;
  if (form === "bytes") return `${(value / 1e9).toLocaleString(lang, { maximumFractionDigits: 2 })} GB`;
  const size = Math.abs(value);
  if (size !== 0 && size < 1e-3) return value.toExponential(2);
  for (const [unit, name] of UNITS) {
    if (size >= 10 * unit) return `${(value / unit).toLocaleString(lang, { maximumFractionDigits: 1 })} ${name}`;
  }
  return value.toLocaleString(lang, { maximumSignificantDigits: 4 });
}

/** A length of training time in seconds, short. */
export function clock(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 60) return `${Math.round(seconds * 10) / 10} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}:${String(Math.floor(seconds % 60)).padStart(2, "0")} min`;
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")} h`;
}
