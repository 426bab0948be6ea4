// What every page shares: CSRF for fetch, toasts, menus that close, local times.

export function csrfToken() {
  // Signing in again in another tab changes the cookie, and this page should go on working.
  const cookie = document.cookie.split("; ").find((one) => one.startsWith("csrftoken="));
  if (cookie) return cookie.slice("csrftoken=".length);
  return JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];
}

/** POST JSON; resolves to {status, data}. Rejects only when no answer came (offline). */
export async function postJson(url, body, { signal, keepalive = false } = {}) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": csrfToken() },
    body: JSON.stringify(body),
    credentials: "same-origin",
    keepalive,
    signal,
  });
  let data = {};
  try {
    data = await response.json();
  } catch {
    data = { error: { message: gettext("The server gave no readable answer.") } };
  }
  return { status: response.status, data };
}

/** Show a short message; `action` adds a button {label, run}. */
export function toast(text, { bad = false, action = null, ms = 6000 } = {}) {
  const box = document.createElement("div");
  box.className = bad ? "toast bad" : "toast";
  const line = document.createElement("span");
  line.textContent = text;
  box.append(line);
  if (action) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = action.label;
    button.addEventListener("click", () => {
      box.remove();
      action.run();
    });
    box.append(button);
  }
  document.getElementById("toasts").append(box);
  setTimeout(() => box.remove(), ms);
  return box;
}

function showLocalTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]:not([data-shown])")) {
    time.dataset.shown = "1";
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    const sameDay = at.toDateString() === new Date().toDateString();
    time.title = at.toLocaleString(document.documentElement.lang);
    time.textContent = sameDay
      ? at.toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" })
      : at.toLocaleDateString(document.documentElement.lang, { year: "numeric", month: "short", day: "numeric" });
  }
}

// Menus of the bar: <details> that work alone. With this, Escape and a click elsewhere close them, one that the keyboard
// leaves closes, and arrows move inside; before the keys of the page (capture), which would take them for the player's.
function closeMenus(except = null) {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (menu !== except) menu.open = false;
}
document.addEventListener("click", ({ target }) => closeMenus(target.closest("details.menu")));
document.addEventListener("focusout", ({ target, relatedTarget }) => {
  const menu = target.closest?.("details.menu[open]");
  if (menu && relatedTarget && !menu.contains(relatedTarget)) menu.open = false;
});
function onMenuKey(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
  const inside = event.target.closest?.("details.menu");
  if (event.key === "Escape") {
    if (!document.querySelector("details.menu[open]")) return;
    closeMenus();
    inside?.querySelector("summary").focus();
  } else if (inside && ["ArrowDown", "ArrowUp", "Home", "End"].includes(event.key)) {
    inside.open = true;
    const stops = [...inside.querySelectorAll(".menu-panel :is(a, button)")];
    const at = stops.indexOf(event.target);
    const to = { ArrowDown: at + 1, ArrowUp: at < 0 ? -1 : at - 1, Home: 0, End: -1 }[event.key];
    stops.at(to % stops.length).focus();
  } else return;
  event.preventDefault();
  event.stopPropagation();
}
document.addEventListener("keydown", onMenuKey, true);
document.body.addEventListener("htmx:responseError", (event) => {
  const status = event.detail.xhr.status;
  toast(status === 403 ? gettext("Your roles do not allow this.") : gettext("That did not work. Reload the page and try again."), { bad: true });
});
document.body.addEventListener("htmx:sendError", () => toast(gettext("No connection to the server. Your text is kept here."), { bad: true }));
document.body.addEventListener("htmx:load", (event) => showLocalTimes(event.target));
showLocalTimes(document);
