// What may give the answer away, read off the words alone. Pure functions; no model is asked.

export const DISTRACTORS = ["distractor_1", "distractor_2", "distractor_3"];
export const OPTIONS = ["correct", ...DISTRACTORS];

const LONGER = 1.2; // the key against the mean of the distractors
const SHORTER = 0.8;
const NEARLY_EQUAL = 0.8; // share of words two options have in common

const STOP = new Set(
  ("a an the of in on at to and or is are was were be been being by with from for that this these those it its as into onto " +
    "over under after before while through their his her then than which what who how does do did has have had not no but " +
    "out up down off there when where 的 了 在 是 和 与 地 得 着 被 把 个 一 这 那 其 中 上 下").split(" "),
);
const ABSOLUTE = new Set("always never all none every only entirely completely must cannot impossible absolutely totally nothing everything".split(" "));
const ABSOLUTE_ZH = ["总是", "从不", "从未", "永远", "所有", "全部", "完全", "绝对", "必须", "唯一", "一定", "任何"];
const HEDGE = new Set("may maybe might could sometimes partly partially usually often possibly perhaps probably seems somewhat slightly approximately mostly".split(" "));
const HEDGE_ZH = ["可能", "也许", "有时", "部分", "通常", "往往", "大概", "似乎", "或许", "稍微", "大约", "好像"];

/** Words in lower case; each Chinese or Japanese character is a word of its own. */
export function tokens(text) {
  return text.toLowerCase().match(/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]|[\p{L}\p{N}]+(?:['’]\p{L}+)?/gu)?.filter(Boolean) ?? [];
}

function stemOf(word) {
  for (const ending of ["ing", "ed", "es", "s"]) {
    if (word.endsWith(ending) && word.length - ending.length >= 3) return word.slice(0, -ending.length);
  }
  return word;
}

/** The words that carry meaning, without endings. */
export function contentWords(text) {
  return new Set(tokens(text).filter((word) => !STOP.has(word)).map(stemOf));
}

/** 0 to 1: twice the words in common over all words of both, repeated words counted as often as they occur. */
export function likeness(one, other) {
  const left = tokens(one);
  const right = tokens(other);
  if (!left.length || !right.length) return 0;
  const counts = new Map();
  for (const word of left) counts.set(word, (counts.get(word) ?? 0) + 1);
  let common = 0;
  for (const word of right) {
    const count = counts.get(word) ?? 0;
    if (count) {
      common++;
      counts.set(word, count - 1);
    }
  }
  return (2 * common) / (left.length + right.length);
}

const lengthOf = (text) => [...text.trim()].length;

/** {key: characters} and how long the key is against the mean of the distractors (null while one is empty). */
export function lengths(content) {
  const found = Object.fromEntries(OPTIONS.map((key) => [key, lengthOf(content[key] ?? "")]));
  const complete = OPTIONS.every((key) => found[key] > 0);
  const mean = DISTRACTORS.reduce((sum, key) => sum + found[key], 0) / DISTRACTORS.length;
  return { lengths: found, ratio: complete ? found.correct / mean : null };
}

function wordsFrom(text, english, chinese) {
  return [...new Set([...tokens(text).filter((word) => english.has(word)), ...chinese.filter((word) => text.includes(word))])];
}

export const absolutes = (text) => wordsFrom(text, ABSOLUTE, ABSOLUTE_ZH);
export const hedges = (text) => wordsFrom(text, HEDGE, HEDGE_ZH);

/** All hints about {stem, correct, distractor_1..3}: [{code, fields, words?, ratio?}, ...]. */
export function hintsFor(content) {
  const found = [];
  const { lengths: characters, ratio } = lengths(content);
  const others = DISTRACTORS.map((key) => characters[key]);
  if (ratio !== null && ratio >= LONGER && characters.correct > Math.max(...others)) found.push({ code: "longest", fields: ["correct"], ratio });
  if (ratio !== null && ratio <= SHORTER && characters.correct < Math.min(...others)) found.push({ code: "shortest", fields: ["correct"], ratio });

  const stem = contentWords(content.stem ?? "");
  const shared = (key) => [...new Set(tokens(content[key] ?? "").filter((word) => !STOP.has(word) && stem.has(stemOf(word))))];
  const ofKey = shared("correct");
  if (ofKey.length > Math.max(...DISTRACTORS.map((key) => shared(key).length))) found.push({ code: "overlap", fields: ["correct"], words: ofKey });

  for (const [code, words] of [["absolute", absolutes], ["hedge", hedges]]) {
    for (const key of OPTIONS) {
      const used = words(content[key] ?? "");
      if (used.length) found.push({ code, fields: [key], words: used });
    }
  }
  OPTIONS.forEach((one, index) => {
    for (const other of OPTIONS.slice(index + 1)) {
      if (likeness(content[one] ?? "", content[other] ?? "") >= NEARLY_EQUAL) found.push({ code: "alike", fields: [one, other] });
    }
  });
  return found;
}

/** The words of a hint: {short, why}. `names` maps an option key to what it is called on the page. */
export function describe(hint, names) {
  const words = (hint.words ?? []).map((word) => `“${word}”`).join(", ");
  const ratio = hint.ratio?.toFixed(1);
  const say = (text) => interpolate(text, { words, ratio, one: names[hint.fields[0]], other: names[hint.fields[1]] }, true);
  const texts = {
    longest: [gettext("key longest, %(ratio)s×"), gettext("The correct option is the longest, %(ratio)s times the mean of the others. Readers guess the longest one.")],
    shortest: [gettext("key shortest, %(ratio)s×"), gettext("The correct option is the shortest, %(ratio)s times the mean of the others. It stands out without the video.")],
    overlap: [gettext("key echoes the question"), gettext("Only the correct option repeats words of the question: %(words)s.")],
    absolute: [gettext("%(one)s: %(words)s"), gettext("%(words)s sounds absolute. Readers rule such options out without the video.")],
    hedge: [gettext("%(one)s: %(words)s"), gettext("%(words)s hedges. Careful wording reads like the correct option.")],
    alike: [gettext("%(one)s ≈ %(other)s"), gettext("%(one)s and %(other)s are nearly equal. A reader may find that both fit, or that neither does.")],
  };
  const [short, why] = texts[hint.code];
  return { short: say(short), why: say(why) };
}
