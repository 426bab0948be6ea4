// The form "New run": shows what the chosen preset says; a setting that the form changes is marked.

const presets = JSON.parse(document.getElementById("presets").textContent);
const preset = document.getElementById("id_preset"), overrides = document.getElementById("id_overrides");

function changed() {
  const lines = overrides.value.split("\n").map((line) => line.split("=")).filter((parts) => parts.length > 1);
  return new Map(lines.map(([key, ...value]) => [key.trim(), value.join("=").trim()]));
}

function show() {
  const settings = presets[preset.value] || {}, mine = changed();
  for (const cell of document.querySelectorAll("[data-setting]")) {
    const name = cell.dataset.setting;
    cell.textContent = mine.has(name) ? mine.get(name) : String(settings[name] ?? "");
    cell.parentElement.classList.toggle("is-changed", mine.has(name));
  }
}

preset.addEventListener("change", show);
overrides.addEventListener("input", show);
show();
