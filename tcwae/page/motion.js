// All latents of a run moved back and forth at once, each from the code of the same image. The pictures are on one sheet, a row a
// latent, and a number from 0 to 1 says which of each row is shown.
"use strict";

const PAUSE = 120; // milliseconds that a picture stands
const CALM = matchMedia("(prefers-reduced-motion: reduce)");

// One picture of a sheet, by its column and row; `null` for the column leaves that to the moving number.
function picture(parent, { file: name, columns, rows }, column, row, label) {
  const made = element(parent, "div", { className: "picture", ariaLabel: label });
  made.setAttribute("role", "img");
  const share = (place, all) => `${all > 1 ? (100 * place) / (all - 1) : 0}%`;
  made.style.backgroundImage = `url("${file("page", "runs", name)}")`;
  made.style.backgroundSize = `${100 * columns}% ${100 * rows}%`;
  made.style.backgroundPositionY = share(row, rows);
  if (column !== null) made.style.backgroundPositionX = share(column, columns);
  return made;
}

// Fills a place for each run; the controls move all of them together.
function motion(controls, places, traversals) {
  const steps = Math.max(...traversals.map((its) => its.values.length));
  const button = element(controls, "button", { type: "button" });
  const label = text(controls, "label", "by hand ");
  const slider = element(label, "input", { type: "range", min: 0, max: steps - 1, step: 1 });
  const value = element(controls, "output");
  let playing, since, from;

  function show(step) {
    slider.value = step;
    const shares = traversals.map((its) => Math.round((step / Math.max(1, steps - 1)) * (its.values.length - 1)));
    places.forEach((place, number) => {
      place.style.setProperty("--at", `${(100 * shares[number]) / Math.max(1, traversals[number].values.length - 1)}%`);
    });
    value.textContent = `z moved by ${shown(traversals[0].values[shares[0]], 2)}`;
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
    picture(tile, sheet, null, row, `latent ${latent} moved back and forth`);
    const caption = text(tile, "figcaption", `z${latent} `);
    if (kl[latent] !== null) text(caption, "small", `${shown(kl[latent], 2)} nats`);
  });
}
