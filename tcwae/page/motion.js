// All latents of a run moved back and forth at once, each from the code of the same image. The pictures are on one sheet, a row for
// each image and latent; two numbers of the place say which column and which image's rows are shown.
"use strict";

const PAUSE = 120; // milliseconds that a picture stands
const CALM = matchMedia("(prefers-reduced-motion: reduce)");

// One picture of a sheet. Its column and row are numbers, or what CSS computes from the place's own.
function picture(parent, { file: name, columns, rows }, column, row, label) {
  const made = element(parent, "div", { className: "picture", ariaLabel: label });
  made.setAttribute("role", "img");
  made.style.backgroundImage = `url("${file("page", "runs", name)}")`;
  made.style.backgroundSize = `${100 * columns}% ${100 * rows}%`;
  made.style.backgroundPosition = [[column, columns], [row, rows]]
    .map(([place, all]) => `calc(100% * (${place}) / ${Math.max(1, all - 1)})`).join(" ");
  return made;
}

// Fills a place for each run; the controls move all of them together.
function motion(controls, places, traversals) {
  const steps = Math.max(...traversals.map((traversal) => traversal.values.length));
  const button = element(controls, "button", { type: "button" });
  const label = text(controls, "label", "by hand ");
  const slider = element(label, "input", { type: "range", min: 0, max: steps - 1, step: 1 });
  const value = element(controls, "output");
  const starts = Math.min(...traversals.map((traversal) => traversal.starts));
  const start = element(text(controls, "label", "from image "), "select");
  for (let number = 0; number < starts; number++) element(start, "option", { value: number, textContent: number });
  let playing, since, from;

  function show(step) {
    slider.value = step;
    places.forEach((place, number) => {
      const last = traversals[number].values.length - 1;
      place.style.setProperty("--step", Math.round((step / Math.max(1, steps - 1)) * last));
      place.style.setProperty("--start", start.value);
    });
    value.textContent = `z moved by ${shown(traversals[0].values[Math.min(step, traversals[0].values.length - 1)], 2)}`;
  }

  function play(on) {
    playing = on;
    button.textContent = on ? "Pause" : "Play";
    since = null;
    if (on) requestAnimationFrame(frame);
  }

  function frame(now) {
    if (!playing || !button.isConnected) return;
    if (since === null) [since, from] = [now, slider.valueAsNumber];
    const round = 2 * (steps - 1) || 1;
    const at = (from + Math.floor((now - since) / PAUSE)) % round;
    const step = at < steps ? at : round - at;
    if (step !== slider.valueAsNumber) show(step);
    requestAnimationFrame(frame);
  }

  button.addEventListener("click", () => play(!playing));
  slider.addEventListener("input", () => {
    play(false);
    show(slider.valueAsNumber);
  });
  start.addEventListener("change", () => show(slider.valueAsNumber));
  places.forEach((place, number) => {
    fillLatents(place, traversals[number]);
    place.addEventListener("click", () => play(!playing));
  });
  show(Math.floor(steps / 2));
  play(!CALM.matches);
}

function fillLatents(place, { sheet, latents, kl }) {
  const tiles = element(place, "div", { className: "tiles" });
  latents.forEach((latent, row) => {
    const tile = element(tiles, "figure");
    picture(tile, sheet, "var(--step)", `var(--start) * ${latents.length} + ${row}`, `latent ${latent} moved back and forth`);
    const caption = text(tile, "figcaption", `z${latent} `);
    if (kl[latent] !== null) text(caption, "small", `${shown(kl[latent], 2)} nats`);
  });
}
