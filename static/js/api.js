// Unfold the operation that the address names, also when it changes within the page.

function unfold() {
  const operation = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (operation instanceof HTMLDetailsElement) {
    operation.open = true;
    operation.scrollIntoView();
  }
}

addEventListener("hashchange", unfold);
unfold();
