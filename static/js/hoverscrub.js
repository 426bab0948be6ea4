// Run through a clip on its filmstrip: by moving over its picture, or with the arrow keys while it has the focus.

/** The frame of a picture of `width` x `height` inside a box, as with object-fit: contain. */
function contained(box, width, height) {
  const scale = Math.min(box.width / width, box.height / height);
  const w = width * scale;
  const h = height * scale;
  return { left: (box.width - w) / 2, top: (box.height - h) / 2, width: w, height: h };
}

/** Show `tile` of a sprite of `tiles` in `columns` on `element`. */
export function showTile(element, { url, tiles, columns }, tile) {
  const rows = Math.ceil(tiles / columns);
  const x = tile % columns;
  const y = Math.floor(tile / columns);
  element.style.backgroundImage = `url("${url}")`;
  element.style.backgroundSize = `${columns * 100}% ${rows * 100}%`;
  element.style.backgroundPosition = `${columns > 1 ? (x * 100) / (columns - 1) : 0}% ${rows > 1 ? (y * 100) / (rows - 1) : 0}%`;
}

class Scrub {
  constructor(thumb) {
    this.thumb = thumb;
    const { filmstrip, tiles, columns } = thumb.dataset;
    this.strip = { url: filmstrip, tiles: Number(tiles), columns: Number(columns) };
    this.tile = -1;
    thumb.addEventListener("pointermove", (event) => {
      if (event.pointerType === "touch") return;
      const box = thumb.getBoundingClientRect();
      this.show(Math.floor(((event.clientX - box.left) / box.width) * this.strip.tiles));
    });
    thumb.addEventListener("pointerleave", () => this.end());
    thumb.addEventListener("blur", () => this.end());
    thumb.addEventListener("keydown", (event) => {
      const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!move || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      this.show(this.tile < 0 ? (move > 0 ? 0 : this.strip.tiles - 1) : this.tile + move);
    });
  }

  show(tile) {
    const wanted = Math.max(0, Math.min(this.strip.tiles - 1, tile));
    if (!this.film) this.make();
    if (wanted === this.tile) return;
    this.tile = wanted;
    showTile(this.film, this.strip, wanted);
    this.bar.style.transform = `scaleX(${(wanted + 1) / this.strip.tiles})`;
    this.film.hidden = this.bar.hidden = false;
    this.thumb.dataset.tile = wanted;
  }

  make() {
    this.film = document.createElement("span");
    this.film.className = "thumb-film";
    const place = contained(this.thumb.getBoundingClientRect(), Number(this.thumb.dataset.width), Number(this.thumb.dataset.height));
    for (const [side, value] of Object.entries(place)) this.film.style[side] = `${value}px`;
    this.bar = document.createElement("span");
    this.bar.className = "thumb-at";
    this.thumb.append(this.film, this.bar);
  }

  end() {
    if (!this.film) return;
    this.film.remove();
    this.bar.remove();
    this.film = null;
    this.tile = -1;
    delete this.thumb.dataset.tile;
  }
}

/** Give every picture with a filmstrip under `root` its scrubbing, once. */
export function hoverscrub(root) {
  for (const thumb of root.querySelectorAll(".thumb[data-filmstrip]:not([data-scrubs])")) {
    thumb.dataset.scrubs = "1";
    new Scrub(thumb);
  }
}
