// The account page: a theme shows the moment it is chosen, and a new token can be copied.

document.querySelector("#look").addEventListener("change", (event) => {
  if (!["theme", "language"].includes(event.target.name)) return;
  if (event.target.name === "theme") document.documentElement.dataset.theme = event.target.value;
  event.currentTarget.requestSubmit();
});

function offerCopy(root) {
  for (const button of root.querySelectorAll("[data-copy][hidden]")) {
    if (!navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).value);
      button.textContent = gettext("Copied");
    });
  }
}
document.body.addEventListener("htmx:load", (event) => offerCopy(event.target));
offerCopy(document);
